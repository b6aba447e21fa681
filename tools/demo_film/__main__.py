"""Write the demo film: a minute of procedural footage with cuts, dissolves, motion and sound, and its subtitles beside it.

python -m tools.demo_film demo.mp4 --truth demo.truth.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.demo_film.cut import make_demo_film


def main() -> None:
    """Write the film, and the truth file if it is requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("output", type=Path, help="the file to write; .mp4, .mov, .mkv, .ts or .webm")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="write the true boundaries, pts and timecodes as JSON")
    parser.add_argument("--seconds", type=float, help="length in seconds (default: 54)")
    parser.add_argument("--size", default="640x360", help="width and height in pixels (default: %(default)s)")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    truth = make_demo_film(options.output, seconds=options.seconds, size=(width, height))
    if options.truth is not None:
        options.truth.write_text(truth.to_json() + "\n", encoding="utf-8")
    print(f"{options.output}: {truth.frames} frames, {truth.seconds:.1f} s, {len(truth.shots)} shots")


if __name__ == "__main__":
    main()
