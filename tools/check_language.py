"""Check that code, messages and docs use plain technical English: no word of the project's old dialect.

    python tools/check_language.py [PATH ...]

Identifiers are split into words, so `_was_told` counts as `told`. Exceptions stand in `language_exceptions.txt` beside this file: one a
line, `GLOB: WORD [WORD ...]`, with `#` for the reason. Exit status 1 if a word is found that is not excepted.
"""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXCEPTIONS = Path(__file__).with_name("language_exceptions.txt")
SUFFIXES = frozenset({".css", ".html", ".js", ".md", ".mjs", ".py", ".sh", ".toml", ".ts", ".yaml", ".yml"})
SKIPPED = (
    "LICENSE",
    "clients/javascript/package-lock.json",
    "docs/contributing/style.md",
    "docs/reference/*",
    "tests/fixtures/*",
    "tests/tools/test_check_language.py",
    "tools/check_language.py",
)

WORDS = {
    "told": "emitted, published, reported",
    "tell": "report, publish",
    "tells": "reports, publishes",
    "telling": "reporting",
    "untold": "name the thing",
    "news": "events, changes",
    "held": "name the thing: segment_state, job, lock",
    "found": "items, results, detections",
    "asked": "requested",
    "asks": "requests, calls",
    "befell": "an ordinary technical word",
    "befallen": "an ordinary technical word",
    "stranger": "an ordinary technical word",
    "strangers": "an ordinary technical word",
    "farewell": "an ordinary technical word",
    "crumb": "an ordinary technical word",
    "crumbs": "an ordinary technical word",
    "wander": "an ordinary technical word",
    "wanders": "an ordinary technical word",
    "whoever": "name who it is",
    "whichever": "name which one",
    "nobody": "no reader, no client, no process",
    "somebody": "a reader, a client, another process",
    "besides": "also, in addition",
    "meanwhile": "in the meantime, while ...",
    "analyse": "analyze",
    "analysed": "analyzed",
    "colour": "color",
    "colours": "colors",
    "behaviour": "behavior",
    "neighbour": "neighbor",
    "licence": "license",
    "catalogue": "catalog",
}
PHRASES = {
    r"\bthat which\b": "name the thing",
    r"\bis asked for\b": "is requested",
    r"\bat hand\b": "available, in memory",
    r"\blooks? at no\b": "does not use",
    r"\bin vain\b": "without success",
    r"\bsave (?:one|for|that)\b": "except",
    r"\bbut for\b": "except",
}
# Standard terms that contain a word of the list.
ALLOWED = re.compile(r"not[ _-]?found|FileNotFoundError|ModuleNotFoundError|hand-held|handheld", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def mistakes(text: str) -> list[tuple[int, str, str]]:
    """(line from 1, word, what to write instead) of each word of the list in `text`."""
    results: list[tuple[int, str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        rest = ALLOWED.sub(" ", line)
        words = {match[0].lower() for match in _WORD.finditer(rest)} & WORDS.keys()
        results += [(number, word, WORDS[word]) for word in sorted(words)]
        for phrase, instead in PHRASES.items():
            results += [(number, match[0], instead) for match in re.finditer(phrase, rest, re.IGNORECASE)]
    return results


def exceptions(path: Path = EXCEPTIONS) -> list[tuple[str, frozenset[str]]]:
    """(glob, words) of the file of exceptions."""
    pairs = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        content = line.partition("#")[0].strip()
        if content:
            glob, _, words = content.partition(":")
            pairs.append((glob.strip(), frozenset(words.split())))
    return pairs


def main(arguments: list[str]) -> int:
    """Print each mistake as `PATH:LINE: WORD (write: ...)`."""
    names = subprocess.run(["git", "ls-files", "--", *arguments], check=True, capture_output=True, text=True, cwd=ROOT).stdout.splitlines()
    allowed = exceptions()
    count = 0
    for name in names:
        path = ROOT / name
        if path.suffix not in SUFFIXES or not path.is_file() or any(fnmatch(name, glob) for glob in SKIPPED):
            continue
        excepted = frozenset[str]().union(*(words for glob, words in allowed if fnmatch(name, glob)))
        for line, word, instead in mistakes(path.read_text("utf-8")):
            if word.lower() not in excepted:
                print(f"{name}:{line}: {word!r} (write: {instead})")
                count += 1
    if count:
        print(f"{count} words of the old dialect; see docs/contributing/style.md", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
