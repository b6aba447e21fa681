"""What measuring picture and motion costs a video frame, and what it says of real shots.

    python benchmarks/evidence.py [FILE ...] [--seconds 30] [--rounds 5] [--captions]

Without files it takes the development clips where they are. Each part is timed by itself over pictures already decoded and shrunk, in
CPU seconds of the whole process, once in each round with OpenCV's own threads and once with one thread; the table gives medians. A
segment is taken to be 4 s. `--captions` prints what is said of every 4 s.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path

import cv2
from rich.console import Console
from rich.table import Table

from streamtags.config.settings import IngestSettings
from streamtags.core.model import CaptionRequest, EvidenceValue, Frame, Measured, Segment, SourceInfo, clock_of
from streamtags.sources.file.source import open_source
from streamtags.stages.caption.embedded import EmbeddedCaptioner
from streamtags.stages.measure.affect import affect
from streamtags.stages.measure.motion import MotionMeter
from streamtags.stages.measure.pace import PaceMeter
from streamtags.stages.measure.picture import PictureMeter

SHARED = Path(__file__).resolve().parents[2] / "shared" / "media"
CLIPS = (
    "shots/sintel_trailer-720p.mp4",
    "edits/edit1_hardcuts.mp4",
    "single/test_video.mp4",
    "single/mma_pool_test.mp4",
    "single/vtest.avi",
)
SEGMENT_SECONDS = 4.0


def frames(path: str, seconds: float) -> tuple[SourceInfo, list[Frame]]:
    """The analysis pictures of the first `seconds`."""
    source = open_source(path, IngestSettings())
    time_base = source.info.video.time_base

    def pictures() -> Iterator[Frame]:
        first: int | None = None
        for item in source.read():
            if isinstance(item, Frame):
                first = item.pts if first is None else first
                # The decoder's own picture is let go: only the small one is measured.
                yield Frame(item.index, item.pts - first, item.duration, item.bgr.copy(), None)  # type: ignore[arg-type]  # never looked at

    read = list(takewhile(lambda frame: frame.pts * time_base < seconds, pictures()))
    source.close()
    return source.info, read


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of the process, all threads."""
    before = time.process_time()
    work()
    return time.process_time() - before


def segments(info: SourceInfo, read: list[Frame]) -> Iterator[Segment]:
    """Stretches of `SEGMENT_SECONDS` that cover what was read, each as a shot."""
    clock = clock_of(info.video, 0)
    length = clock.ticks(SEGMENT_SECONDS)
    starts = [
        frame
        for previous, frame in zip([None, *read], read, strict=False)
        if previous is None or frame.pts // length > previous.pts // length
    ]
    for index, first in enumerate(starts):
        last = (
            starts[index + 1] if index + 1 < len(starts) else Frame(len(read), read[-1].pts + read[-1].duration, 1, first.bgr, first.still)
        )
        start, end = clock.at(first.pts, first.index), clock.at(last.pts, last.index)
        yield Segment(str(index), index, index, start, end, "shot", "cut" if index else "start")


def measure(info: SourceInfo, read: list[Frame], say: Callable[[str], None] | None = None) -> dict[str, float]:
    """CPU milliseconds of each part: of the meters a frame, of the rest a segment."""
    time_base = info.video.time_base
    picture, motion, pace, captioner = PictureMeter(), MotionMeter(), PaceMeter(), EmbeddedCaptioner()

    def push(meter: PictureMeter | MotionMeter) -> None:
        for frame in read:
            meter.push(frame, float(frame.pts * time_base))

    cost = {"picture": cpu(lambda: push(picture)) * 1000 / len(read), "motion": cpu(lambda: push(motion)) * 1000 / len(read)}
    parts = list(segments(info, read))
    measured_segments: list[Measured] = []

    def sum_up() -> None:
        for segment in parts:
            start, end = segment.start.seconds, segment.end.seconds
            evidence: dict[str, EvidenceValue] = {**picture.measure(start, end), **motion.measure(start, end), **pace.measure(segment)}
            measured_segments.append(Measured(segment, {**evidence, **affect(evidence)}))

    async def caption() -> list[str]:
        return [(await captioner.caption(CaptionRequest(measured))).text for measured in measured_segments]

    cost["segment"] = cpu(sum_up) * 1000 / len(parts)
    captions: list[str] = []
    cost["caption"] = cpu(lambda: captions.extend(asyncio.run(caption()))) * 1000 / len(parts)
    for measured, text in zip(measured_segments, captions, strict=True):
        if say is not None:
            say(f"  {measured.segment.start.seconds:7.2f} s  {text}")
    return cost


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--captions", action="store_true")
    options = parser.parse_args()
    files = options.files or [str(SHARED / name) for name in CLIPS if (SHARED / name).is_file()]
    if not files:
        print("no development clips here: name a video file", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 150)
    table = Table(
        "clip",
        "frames a second",
        "OpenCV threads",
        "picture ms/frame",
        "motion ms/frame",
        "both",
        "measure ms/segment",
        "caption ms/segment",
    )
    own = cv2.getNumThreads()
    for path in files:
        info, read = frames(path, options.seconds)
        if options.captions:
            console.print(Path(path).name)
            measure(info, read, console.print)
        rounds: dict[int, list[dict[str, float]]] = {threads: [] for threads in sorted({own, 1}, reverse=True)}
        for _ in range(options.rounds):
            for threads, costs in rounds.items():
                cv2.setNumThreads(threads)
                costs.append(measure(info, read))
        cv2.setNumThreads(own)
        for threads, costs in rounds.items():
            picture, motion, segment, caption = (
                statistics.median(cost[part] for cost in costs) for part in ("picture", "motion", "segment", "caption")
            )
            figures = (f"{value:.3f}" for value in (picture, motion, picture + motion, segment, caption))
            table.add_row(Path(path).name, f"{float(info.video.rate):.2f}", str(threads), *figures)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
