"""Writes `reference/settings.md` and `reference/commands.md` from the code; `--check` only says whether they are current."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streamtags.cli.parser import build_parser
from streamtags.config.settings import Settings

FOLDER = Path(__file__).parent / "reference"


def settings_page() -> str:
    """Every setting: its name, what it takes, its default, what it does."""
    rows = [f"| `{name}` | {kind} | `{default}` | {text} |" for name, kind, default, text in _settings(Settings, "")]
    return "\n".join(
        [
            "# Settings",
            "",
            "Made from the code by `make docs`. A flag comes before a variable, a variable before the file given to `--config`,",
            "the file before the default. `segments.max_seconds` is `--set segments.max_seconds=12` as a flag,",
            "`STREAMTAGS_SEGMENTS__MAX_SECONDS=12` as a variable, and",
            "",
            "```toml",
            "[segments]",
            "max_seconds = 12",
            "```",
            "",
            "in the file.",
            "",
            "| setting | takes | default | what it does |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _settings(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, _kind(field), _default(field), field.description or ""


def _kind(field: FieldInfo) -> str:
    text = str(field.annotation) if not isinstance(field.annotation, type) else field.annotation.__name__
    for noise in ("typing.", "pathlib.", "streamtags.config.settings."):
        text = text.replace(noise, "")
    if text.startswith("Literal["):
        text = text.removeprefix("Literal[").removesuffix("]").replace("'", "`")
    return text.replace("|", "or").replace("NoneType", "nothing").replace("None", "nothing")


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    return "none" if value is None else str(value)


def commands_page() -> str:
    """The help of every command."""
    os.environ["COLUMNS"] = "100"
    parser = build_parser()
    parts = ["# Commands", "", "Made from the code by `make docs`: what `-h` prints.", ""]
    for name, command in _commands(parser, "streamtags"):
        parts += [f"## `{name}`", "", "```text", command.format_help().rstrip(), "```", ""]
    return "\n".join(parts)


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    yield name, parser
    for action in below:
        for word, command in action.choices.items():
            yield from _commands(command, f"{name} {word}")


def main() -> int:
    """Write or check; status 1 if a page is not current."""
    stale = 0
    for name, text in {"settings.md": settings_page(), "commands.md": commands_page()}.items():
        page = FOLDER / name
        if "--check" in sys.argv:
            if name == "commands.md" and sys.version_info[:2] != (3, 11):
                continue  # argparse lays its help out differently from version to version
            if not page.exists() or page.read_text(encoding="utf-8") != text:
                print(f"{page} is not what the code says; run `make docs`", file=sys.stderr)
                stale = 1
        else:
            FOLDER.mkdir(exist_ok=True)
            page.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
