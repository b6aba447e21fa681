"""What reading a source costs beside decoding it plainly, and what the short cuts lose.

    python benchmarks/decode.py [--file film.mp4] [--rounds 5] [--seconds 150]

Without a file it makes one: 1280x720 H.264 at 4 Mbit/s with AAC sound, from the development clips where they are, else from moving
texture. Every way is run once in each round, so that other load on the machine hits all alike; the table gives medians of CPU seconds
(all threads) and wall clock, and the ratio to plain decoding. Peak signal-to-noise ratios compare each short cut with the full way.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, cast

import av
import av.video.plane
import cv2
import numpy as np
from av.codec.context import ThreadType
from av.video.reformatter import Interpolation
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from streamtags.config.settings import IngestSettings
from streamtags.core.model import Frame
from streamtags.process import limit_opencv_threads
from streamtags.sources.file.pictures import Orientation, Shrinker
from streamtags.sources.file.planes import color_matrix
from streamtags.sources.file.source import open_source

WIDTH, HEIGHT, RATE, BITS_PER_SECOND = 1280, 720, 24, 4_000_000
SHARED = Path(__file__).resolve().parents[2] / "shared" / "media"
CLIPS = ("shots/sintel_trailer-720p.mp4", "shots/testvideo.mp4", "single/test_video.mp4", "single/demo_skeleton.mp4", "single/cockatoo.mp4")
Array = NDArray[np.uint8]


def pictures(seconds: float) -> Iterator[Array]:
    """RGB pictures to encode: the clips one after the other, round and round, or texture that pans and turns."""
    clips = [SHARED / name for name in CLIPS if (SHARED / name).is_file()]
    made, wanted = 0, int(seconds * RATE)
    while clips and made < wanted:
        for clip in clips:
            with av.open(str(clip)) as container:
                for frame in islice(container.decode(video=0), wanted - made):
                    yield cast("Array", frame.reformat(WIDTH, HEIGHT, "rgb24").to_ndarray())
                    made += 1
    random = np.random.default_rng(1)
    while made < wanted:
        rough = random.integers(0, 256, (90, 160, 3), dtype=np.uint8)
        texture = cv2.resize(rough, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC)
        for step in range(min(4 * RATE, wanted - made)):
            turn = cv2.getRotationMatrix2D((WIDTH, HEIGHT), step / 4, 1.0)
            turn[:, 2] += np.array([-WIDTH / 2 - 4 * step, -HEIGHT / 2])
            grain = random.integers(0, 6, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            yield cast("Array", cv2.add(cv2.warpAffine(texture, turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT), grain))
            made += 1


def build(path: Path, seconds: float) -> None:
    """Write the film."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"preset": "fast", "g": "250"})
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", BITS_PER_SECOND
        sound = out.add_stream("aac", rate=48_000)
        sound.layout = "stereo"
        random = np.random.default_rng(2)
        for index, picture in enumerate(pictures(seconds)):
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            if index % RATE == 0:
                tone = np.sin(np.arange(48_000) * 2 * np.pi * 220 / 48_000) * 0.3 + random.normal(0, 0.05, (2, 48_000))
                frame = av.AudioFrame.from_ndarray(tone.astype(np.float32), "fltp", "stereo")
                frame.sample_rate, frame.pts, frame.time_base = 48_000, index // RATE * 48_000, Fraction(1, 48_000)
                out.mux(sound.encode(frame))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))


def decoded(
    path: Path, *, skip: bool = False, fast: bool = False, threads: ThreadType | None = None, number: int = 0
) -> Iterator[av.VideoFrame]:
    """Frames by PyAV alone."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        options = ({"skip_loop_filter": "all"} if skip else {}) | ({"flags2": "+fast"} if fast else {})
        if options:
            codec.options = options
        if threads is not None:
            codec.thread_type, codec.thread_count = threads, number
        yield from container.decode(stream)


def drained(path: Path, **settings: Any) -> int:
    """Read everything; the number of frames."""
    source = open_source(str(path), IngestSettings(**settings))
    frames = sum(isinstance(item, Frame) for item in source.read())
    source.close()
    return frames


def seen(plane: av.video.plane.VideoPlane) -> Array:
    """A plane of 8 bits in place."""
    return np.ndarray((plane.height, plane.width), np.uint8, buffer=cast("memoryview[int]", plane), strides=(plane.line_size, 1))


def by_planes(interpolation: int | None = None) -> Callable[[av.VideoFrame], Array]:
    """Our small picture, or one whose planes are resized in a single step and then converted as ours are."""
    if interpolation is None:
        return Shrinker(256, Fraction(1), Orientation()).small

    def single(frame: av.VideoFrame) -> Array:
        views = [
            np.ndarray((p.height, p.width), np.uint8, buffer=cast("memoryview[int]", p), strides=(p.line_size, 1)) for p in frame.planes
        ]
        parts = [cv2.resize(view, (256, 144), interpolation=interpolation) for view in views]
        return cast("Array", cv2.transform(cv2.merge(parts), color_matrix(1, full=False, bits=8)))

    return single


def by_swscale(frame: av.VideoFrame) -> Array:
    """The small picture by swscale, its fastest way."""
    return cast("Array", frame.reformat(256, 144, "bgr24", interpolation=Interpolation.FAST_BILINEAR).to_ndarray())


def count(frames: Iterator[Any]) -> int:
    """How many."""
    return sum(1 for _ in frames)


def ways(path: Path) -> dict[str, Callable[[], int]]:
    """What is timed; the first is what the others are measured against."""
    none, slice_, frame = ThreadType.NONE, ThreadType.SLICE, ThreadType.FRAME
    return {
        "plain PyAV decode, picture only": lambda: count(decoded(path)),
        "open_source().read(), all": lambda: drained(path),
        "the same, loop filter in all frames": lambda: drained(path, loop_filter="all"),
        "the same, loop filter in none": lambda: drained(path, loop_filter="none"),
        "decode, no loop filter": lambda: count(decoded(path, skip=True)),
        "decode, no loop filter, flags2=fast": lambda: count(decoded(path, skip=True, fast=True)),
        "decode, no loop filter, one thread": lambda: count(decoded(path, skip=True, threads=none, number=1)),
        "decode, no loop filter, 2 slice threads": lambda: count(decoded(path, skip=True, threads=slice_, number=2)),
        "decode, no loop filter, 2 frame threads": lambda: count(decoded(path, skip=True, threads=frame, number=2)),
        "decode, no loop filter, 3 frame threads": lambda: count(decoded(path, skip=True, threads=frame, number=3)),
        "decode, no loop filter, + small, ours": lambda: count(map(by_planes(), decoded(path, skip=True))),
        "decode, no loop filter, + small, one INTER_LINEAR": lambda: count(map(by_planes(cv2.INTER_LINEAR), decoded(path, skip=True))),
        "decode, no loop filter, + small, one INTER_AREA": lambda: count(map(by_planes(cv2.INTER_AREA), decoded(path, skip=True))),
        "decode, no loop filter, + small, swscale": lambda: count(map(by_swscale, decoded(path, skip=True))),
    }


def timings(path: Path, rounds: int) -> Table:
    """The table of costs."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways(path)}
    frames = count(decoded(path))
    for _ in range(rounds):
        for name, run in ways(path).items():
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            spent[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    table = Table("way", "CPU s", "wall s", "ms a frame", "of plain", title=f"{path.name}: {frames} frames, medians of {rounds}")
    medians = {name: tuple(statistics.median(column) for column in zip(*times, strict=True)) for name, times in spent.items()}
    plain = next(iter(medians.values()))[0]
    for name, (cpu, wall) in medians.items():
        table.add_row(name, f"{cpu:.2f}", f"{wall:.2f}", f"{1000 * cpu / frames:.2f}", f"{cpu / plain:.2f}")
    return table


def psnr(first: Iterator[Array], second: Iterator[Array]) -> tuple[float, float]:
    """Mean and worst peak signal-to-noise ratio of two runs of pictures, in dB; equal ones count as 60."""
    values = [min(60.0, float(cv2.PSNR(a, b))) for a, b in zip(first, second, strict=True)]
    return statistics.fmean(values), min(values)


def luma(frames: Iterator[av.VideoFrame]) -> Iterator[Array]:
    """The Y planes, in full."""
    for frame in frames:
        yield seen(frame.planes[0]).copy()


def losses(path: Path) -> Table:
    """The table of what is lost."""
    table = Table("short cut", "against", "mean dB", "worst dB", title="peak signal-to-noise ratio")

    def small(shrink: Callable[[av.VideoFrame], Array], **options: Any) -> Iterator[Array]:
        return map(shrink, decoded(path, **options))

    area = by_planes(cv2.INTER_AREA)
    ours = by_planes()
    rows: list[tuple[str, str, Iterator[Array], Iterator[Array]]] = [
        ("no loop filter, full luma", "loop filter", luma(decoded(path, skip=True)), luma(decoded(path))),
        ("no loop filter, flags2=fast, full luma", "loop filter", luma(decoded(path, skip=True, fast=True)), luma(decoded(path))),
        ("no loop filter, small", "loop filter, small", small(by_planes(), skip=True), small(by_planes())),
        ("no loop filter, flags2=fast, small", "loop filter, small", small(by_planes(), skip=True, fast=True), small(by_planes())),
        ("small, ours", "one INTER_AREA", small(ours), small(area)),
        ("small, one INTER_LINEAR", "one INTER_AREA", small(by_planes(cv2.INTER_LINEAR)), small(area)),
    ]
    for name, against, first, second in rows:
        mean, worst = psnr(first, second)
        table.add_row(name, against, f"{mean:.1f}", f"{worst:.1f}")
    return table


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, help="a video to read instead of making one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=150.0, help="length of the film that is made")
    parser.add_argument("--no-loss", action="store_true", help="leave out the second table")
    arguments = parser.parse_args()
    limit_opencv_threads()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.file or Path(folder) / "made.mp4"
        if arguments.file is None:
            build(path, arguments.seconds)
        console = Console(width=120)
        console.print(timings(path, arguments.rounds))
        if not arguments.no_loss:
            console.print(losses(path))


if __name__ == "__main__":
    main()
