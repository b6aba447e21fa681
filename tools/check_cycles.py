"""Check that no modules import each other in a circle, imports within functions included.

    python tools/check_cycles.py

Exit status 1 if there is a circle. The layers between the rooms are checked by import-linter (`pyproject.toml`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import grimp

PACKAGES = ("streamtags", "streamtags_server")


def imports() -> dict[str, set[str]]:
    """Return the modules that each module of the packages imports; imports for annotations only do not count."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def circle(imported: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of one circle, each of which imports the next; empty if there is none."""
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        modules: list[str] = error.args[1]
        return modules[::-1]
    return []


def main() -> int:
    """Print a circle."""
    modules = circle(imports())
    if modules:
        print("modules import each other in a circle: " + " -> ".join(modules), file=sys.stderr)
        return 1
    print("no modules import each other in a circle")
    return 0


if __name__ == "__main__":
    sys.exit(main())
