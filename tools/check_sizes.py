"""Check that modules, classes and functions stay small.

    python tools/check_sizes.py [PATH ...]

A module has at most 400 lines, a class at most 15 instance attributes, a function at most 60 lines. Exit status 1 if one is larger.
Rules of writing and naming: docs/contributing/style.md.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("streamtags", "server", "benchmarks", "examples", "docs", "tools", "clients")
MAX_MODULE_LINES = 400
MAX_CLASS_ATTRIBUTES = 15
MAX_FUNCTION_LINES = 60


def attributes(node: ast.ClassDef) -> set[str]:
    """Names that methods of a class assign on `self`, and fields that its body declares."""
    own: set[str] = set()
    if not node.decorator_list and not node.bases:
        own = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)}
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and getattr(part.value, "id", None) == "self":
            own.add(part.attr)
    return own


def too_large(path: Path) -> Iterator[str]:
    """What is too large in a module, one line each."""
    text = path.read_text("utf-8")
    name = path.relative_to(ROOT)
    lines = len(text.splitlines())
    if lines > MAX_MODULE_LINES:
        yield f"{name}: {lines} lines, at most {MAX_MODULE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and len(own := attributes(node)) > MAX_CLASS_ATTRIBUTES:
            yield f"{name}:{node.lineno}: class {node.name} has {len(own)} attributes, at most {MAX_CLASS_ATTRIBUTES}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{name}:{node.lineno}: function {node.name} has {length} lines, at most {MAX_FUNCTION_LINES}"


def main(arguments: list[str]) -> int:
    """Print what is too large."""
    paths = arguments or list(FOLDERS)
    names = subprocess.run(["git", "ls-files", "--", *paths], check=True, capture_output=True, text=True, cwd=ROOT).stdout.splitlines()
    results = [line for name in names if name.endswith(".py") and (ROOT / name).is_file() for line in too_large(ROOT / name)]
    print("\n".join(results) if results else "sizes are within the limits")
    return 1 if results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
