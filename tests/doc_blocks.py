"""Read the code blocks of Markdown pages, with the comments that say how a test treats them.

A comment on the line before a block:

    <!-- not run: REASON -->       the block is not run; its `streamtags` commands are still parsed, its syntax is still checked
    <!-- file: PATH -->            write the block to PATH in the folder where the blocks of the page run
    <!-- runs until stopped -->    a block of Python that does not end: it must print something and raise nothing until it is cancelled
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^```(?P<language>[\w-]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_MARKER = re.compile(r"<!-- (?P<kind>not run|file|runs until stopped)(?:: (?P<value>.+?))? -->\n\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None = None  # why it is not run
    file: str | None = None
    endless: bool = False

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Commands without prompts, comments and redirections, each with the lines that a `console` block prints below it."""
        commands: list[tuple[str, list[str]]] = []
        for line in self.text.replace("\\\n", " ").splitlines():
            if self.language == "console" and not line.startswith("$ "):
                commands[-1][1].append(line)
                continue
            command = re.sub(r"(^|\s)(#\s|>>?\s).*", "", line.removeprefix("$ ")).strip()
            commands += [(part.strip(), []) for part in re.split(r"\s&&\s|\s&$", command) if part.strip()]
        yield from commands


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    results = []
    for match in _FENCE.finditer(text):
        marker = _MARKER.search(text, 0, match.start())
        kind, value = (marker["kind"], marker["value"]) if marker else (None, None)
        results.append(
            Block(
                page,
                text.count("\n", 0, match.start()) + 1,
                match["language"],
                match["text"],
                reason=value if kind == "not run" else None,
                file=value if kind == "file" else None,
                endless=kind == "runs until stopped",
            )
        )
    return results


def indented_blocks(page: Path) -> list[int]:
    """Lines at which an indented block of code begins: such a block has no language and is not tested."""
    text = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text("utf-8"))
    return [text.count("\n", 0, match.start()) + 2 for match in re.finditer(r"\n\n {4}(?=\S)(?![-*:] )", text)]
