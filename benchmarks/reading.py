"""How well text on screen is read, and what it costs.

    python benchmarks/reading.py [FILE ...] [--seconds 60] [--repeat 3]

First on generated titles of two lines: one property at a time differs from a title of 8 % of the picture's height in a plain font, white
on a dark texture. A line counts as read if at least 90 % of its letters are right; a line that was read and is not there counts against
precision. Then on clips: which lines are read, and the CPU seconds of reading for each minute of film. Without files it
takes the development clips where they are, some of which show text.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from streamtags.config.settings import IngestSettings, Settings
from streamtags.config.stages import ReadSettings
from streamtags.core.model import Measured, Picture, Segment
from streamtags.core.state import SegmentState
from streamtags.run.source_pass import read_source
from streamtags.sources.file.source import open_source
from streamtags.stages.read.lines import merged
from streamtags.stages.read.reader import RapidOcrReader
from streamtags.stages.read.stage import ReadRunner
from streamtags.stages.stage import SegmentWork

SHARED = Path(os.environ.get("STREAMTAGS_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "media"
CLIPS = ("shots/sintel_trailer-720p.mp4", "single/vtest.avi", "hand/screen_recording.mp4", "single/trailer.ogv")
TITLES = (
    ("NIGHT TRAIN", "to Lisbon"),
    ("Chapter Three", "THE HARBOUR"),
    ("Directed by", "Ada Moss"),
    ("SLATE 24 B", "TAKE 7"),
    ("Two years later", "Vienna, 1912"),
    ("CAFE DU NORD", "Open all night"),
)
SIZE = (1280, 720)
PLAIN, SERIF, ITALIC, SCRIPT = (
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_DUPLEX | cv2.FONT_ITALIC,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
VARIANTS: dict[str, dict[str, float]] = {
    "plain, 8 % high, white": {},
    "1.5 % high": {"height": 0.015},
    "2.5 % high": {"height": 0.025},
    "4 % high": {"height": 0.04},
    "16 % high": {"height": 0.16},
    "serifs": {"font": SERIF},
    "italics": {"font": ITALIC},
    "script": {"font": SCRIPT},
    "contrast 60 of 255": {"light": 100},
    "contrast 30 of 255": {"light": 70},
    "contrast 15 of 255": {"light": 55},
    "contrast 6 of 255": {"light": 46},
    "moved 6 pixels a frame": {"motion": 6},
    "moved 12 pixels a frame": {"motion": 12},
    "moved 24 pixels a frame": {"motion": 24},
    "moved 48 pixels a frame": {"motion": 48},
}


def texture(random: np.random.Generator) -> Picture:
    """A dark picture with soft shapes and grain, mean 40 of 255."""
    coarse = cv2.resize(random.uniform(20, 60, (9, 16, 3)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)
    return np.clip(coarse + random.normal(0, 4, coarse.shape), 0, 255).astype(np.uint8)


def title(
    lines: Sequence[str], random: np.random.Generator, height: float = 0.08, font: float = PLAIN, light: float = 235, motion: float = 0
) -> Picture:
    """A title card; `height` of capitals in shares of the picture, `motion` in pixels of blur."""
    picture, pixels = texture(random), height * SIZE[1]
    scale = pixels / 22  # capitals of Hershey fonts are about 22 pixels high at scale 1
    drawn = np.zeros(picture.shape[:2], np.uint8)
    for line in lines:
        (width, _), _ = cv2.getTextSize(line, int(font), scale, max(1, round(scale * 1.5)))
        if width > SIZE[0] - 40:
            scale *= (SIZE[0] - 40) / width
    for number, line in enumerate(lines):
        (width, _), _ = cv2.getTextSize(line, int(font), scale, max(1, round(scale * 1.5)))
        at = ((SIZE[0] - width) // 2, int(SIZE[1] * 0.45 + number * pixels * 2))
        cv2.putText(drawn, line, at, int(font), scale, 255, max(1, round(scale * 1.5)), cv2.LINE_AA)
    layer = drawn.astype(np.float32) / 255
    if motion:
        layer = cv2.blur(layer, (int(motion), 1))
    return (picture + layer[..., None] * (light - picture.astype(np.float32))).clip(0, 255).astype(np.uint8)


def letters(text: str) -> str:
    """The letters and digits of `text` in lower case."""
    return "".join(char for char in text.casefold() if char.isalnum())


def is_read(line: str, lines: Sequence[str]) -> bool:
    """Whether one of `lines` has at least 90 % of the letters of `line`."""
    return any(SequenceMatcher(None, letters(line), letters(other), autojunk=False).ratio() >= 0.9 for other in lines)


def titles_table(reader: RapidOcrReader, settings: ReadSettings, repeat: int) -> Table:
    """Read the generated titles; return recall, precision and time of each variant."""
    table = Table(
        "generated titles", "lines", "recall", "precision", "CPU s a picture", title=f"{SIZE[0]} x {SIZE[1]}, as the stage reads them"
    )
    random = np.random.default_rng(5)
    for name, change in {**VARIANTS, "no text": {}}.items():
        there = read = right = wrong = 0
        began = time.process_time()
        for number in range(repeat):
            lines = () if name == "no text" else TITLES[number % len(TITLES)]
            picture = title(lines, random, **change)
            small = cv2.resize(picture, None, fx=settings.max_side / SIZE[0], fy=settings.max_side / SIZE[0], interpolation=cv2.INTER_AREA)
            read_lines = [line.text for line in merged([(0, reader.read(small))], settings.min_confidence)]
            there, read = there + len(lines), read + len(read_lines)
            right += sum(is_read(line, read_lines) for line in lines)
            wrong += sum(not is_read(line, lines) for line in read_lines)
        seconds = (time.process_time() - began) / repeat
        precision = f"{1 - wrong / read:.2f}" if read else "-"
        table.add_row(name, str(there), f"{right / there:.2f}" if there else f"{wrong} read", precision, f"{seconds:.2f}")
    return table


def measured(path: Path, seconds: float) -> Iterator[Measured]:
    """The segments of the first `seconds` of a file, with their stills."""
    settings = Settings(ingest=IngestSettings(max_seconds=seconds))
    source = open_source(str(path), settings.ingest)
    yield from (item for item in read_source(source, settings) if isinstance(item, Measured))
    source.close()


async def read_clip(path: Path, seconds: float, reader: RapidOcrReader, console: Console) -> None:
    """Print the lines of a clip and what reading them took."""
    runner, spent, length, skipped = ReadRunner(reader, ReadSettings(budget=1000)), 0.0, 0.0, 0
    for segment in measured(path, seconds):
        began = time.process_time()
        (answer,) = await runner.run(SegmentWork(_state(segment.segment), segment))
        spent, length, skipped = (
            spent + time.process_time() - began,
            length + segment.segment.seconds,
            skipped + (answer.skipped is not None),
        )
        for line in answer.lines:
            console.print(f"  {segment.segment.start.timecode}  {line.confidence:.2f}  {line.text}", markup=False)
    console.print(f"{path.name}: {spent / length * 60:.1f} CPU s of reading a minute of film, {skipped} segments skipped", markup=False)


def _state(segment: Segment) -> SegmentState:
    return SegmentState(
        segment=segment.id,
        index=segment.index,
        shot=segment.shot,
        start=segment.start,
        end=segment.end,
        kind=segment.kind,
        transition=segment.transition,
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0, help="read so much of each file")
    parser.add_argument("--repeat", type=int, default=3, help="pictures of each kind of title")
    args = parser.parse_args()
    console, reader = Console(), RapidOcrReader()
    reader.read(np.zeros((64, 64, 3), np.uint8))  # loads the models
    if args.repeat:
        console.print(titles_table(reader, ReadSettings(), args.repeat))
    for path in args.files or [SHARED / clip for clip in CLIPS if (SHARED / clip).exists()]:
        asyncio.run(read_clip(path, args.seconds, reader, console))


if __name__ == "__main__":
    main()
