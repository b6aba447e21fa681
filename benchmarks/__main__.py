"""Run a benchmark by name, or all short ones: `python -m benchmarks [NAME] [its options]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Benchmarks that finish in a few minutes with these options; run the others by name.
SHORT: dict[str, tuple[str, ...]] = {
    "analysis": (),
    "retag": (),
    "decode": ("--rounds", "3", "--seconds", "30"),
    "evidence": (),
    "sound": (),
    "classify": (),
    "pipeline": (),
}


def main() -> int:
    """Run the benchmarks; return the exit status of the first that failed."""
    here = Path(__file__).parent
    known = sorted(file.stem for file in here.glob("*.py") if "__main__" in file.read_text(encoding="utf-8") and file.stem != "__main__")
    if len(sys.argv) > 1 and sys.argv[1] not in known:
        print(f"python -m benchmarks: no benchmark {sys.argv[1]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    chosen = {sys.argv[1]: tuple(sys.argv[2:])} if len(sys.argv) > 1 else SHORT
    for name, options in chosen.items():
        print(f"\n== {name}", flush=True)
        status = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], cwd=here.parent).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
