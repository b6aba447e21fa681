"""Compare detected shot boundaries with known ones, for our detector and PySceneDetect's, on the same decoded frames.

`python -m benchmarks.shots [MEDIA]` reads the development media (`$STREAMTAGS_SHARED/media`, or `../shared/media`) and prints a table.
Every clip is decoded once, on one thread; PySceneDetect's detectors get frames scaled down as its own command line would; ours
gets the small analysis picture.

Matching is one to one. A boundary matches a hard cut within one frame, and a gradual transition between its first and its last
frame (and the first whole frame after), plus the tolerance that the truth file gives. Boundaries within two frames of a `card_cuts`
entry or inside a `black_gaps` range are not counted. All others are false, also in `not_cuts` ranges. Where only hard cuts are
scored, boundaries inside a gradual transition are ignored. In clips of a single shot every boundary is false.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors import AdaptiveDetector, ContentDetector, HistogramDetector
from scenedetect.scene_manager import compute_downscale_factor

from streamtags.process import limit_opencv_threads
from streamtags.shots.detector import StreamtagsDetector

__all__ = ["Score", "Truth", "development_clips", "main", "match", "small_picture"]

WIDTH = 256
DETECTORS: dict[str, type[SceneDetector]] = {
    "streamtags": StreamtagsDetector,
    "adaptive": AdaptiveDetector,
    "content": ContentDetector,
    "histogram": HistogramDetector,
}


@dataclass(frozen=True)
class Truth:
    """What a clip holds; frames counted from 0 as decoded, ranges with both ends."""

    cuts: tuple[int, ...] = ()
    graduals: tuple[tuple[int, int], ...] = ()
    either_way: tuple[tuple[int, int], ...] = ()


@dataclass
class Score:
    """Counts that add up over clips."""

    cuts: int = 0
    cuts_missed: int = 0
    graduals: int = 0
    graduals_missed: int = 0
    false: int = 0
    false_in_graduals: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Take another clip's counts."""
        for name in ("cuts", "cuts_missed", "graduals", "graduals_missed", "false", "false_in_graduals"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def cut_f1(self) -> float:
        """F1 of hard cuts."""
        return _f1(self.cuts, self.false - self.false_in_graduals, self.cuts_missed)

    @property
    def f1(self) -> float:
        """F1 of all boundaries."""
        return _f1(self.cuts + self.graduals, self.false, self.cuts_missed + self.graduals_missed)

    @property
    def gradual_recall(self) -> float | None:
        """Share of gradual transitions that were detected; None where there are none."""
        known = self.graduals + self.graduals_missed
        return self.graduals / known if known else None


def _f1(hits: int, false: int, missed: int) -> float:
    return 2 * hits / (2 * hits + false + missed) if hits + false + missed else 1.0


def match(boundaries: Sequence[int], truth: Truth) -> Score:
    """Boundaries against the truth, by the rules above."""
    score, used = Score(), set[int]()

    def take(low: int, high: int, middle: float) -> bool:
        fitting = [b for b in boundaries if b not in used and low <= b <= high]
        if fitting:
            used.add(min(fitting, key=lambda b: abs(b - middle)))
        return bool(fitting)

    for cut in truth.cuts:
        if take(cut - 1, cut + 1, cut):
            score.cuts += 1
        else:
            score.cuts_missed += 1
            score.wrong.append(f"-{cut}")
    for low, high in truth.graduals:
        if take(low, high + 1, (low + high) / 2):
            score.graduals += 1
        else:
            score.graduals_missed += 1
            score.wrong.append(f"-{low}..{high}")
    for boundary in boundaries:
        if boundary not in used and not any(low <= boundary <= high for low, high in truth.either_way):
            score.false += 1
            score.false_in_graduals += any(low <= boundary <= high + 1 for low, high in truth.graduals)
            score.wrong.append(f"+{boundary}")
    return score


def _truth(clip: dict[str, Any]) -> Truth:
    """A clip's entry in `cuts.json`, or a whole `*.cuts.json` of a constructed edit."""
    if "boundaries" in clip:
        graduals = [b for b in clip["boundaries"] if b["type"] != "cut"]
        cuts = [b["frame"] for b in clip["boundaries"] if b["type"] == "cut"]
    else:
        graduals, cuts = clip.get("gradual", []), clip["hard_cuts"]
    cards = [(card["frame"] - 2, card["frame"] + 2) for card in clip.get("card_cuts", [])]
    gaps = [(low - 1, high + 1) for low, high in clip.get("black_gaps", [])]
    widened = [(g["start"] - g.get("tolerance", 0), g["end"] + g.get("tolerance", 0)) for g in graduals]
    return Truth(tuple(cuts), tuple(widened), tuple(cards + gaps))


def development_clips(media: Path) -> Iterator[tuple[Path, Truth]]:
    """Clips with their truth: constructed edits, real footage of several shots, odd files, clips of one shot."""
    for file in sorted((media / "edits").glob("*.cuts.json")):
        clip = json.loads(file.read_text())
        yield file.with_name(clip["file"]), _truth(clip)
    for folder in ("shots", "odd"):
        for name, clip in json.loads((media / folder / "cuts.json").read_text())["clips"].items():
            yield media / folder / name, _truth(clip)
    for item in json.loads((media / "single" / "manifest.json").read_text())["items"]:
        yield media / "single" / item["file"], Truth()


def small_picture(frame: av.VideoFrame, reformatter: VideoReformatter, width: int = WIDTH) -> NDArray[np.uint8]:
    """The analysis picture as production makes it: no anti-aliasing worth the name."""
    height = max(2, round(width * frame.height / frame.width / 2) * 2)
    small = reformatter.reformat(frame, width=width, height=height, format="bgr24", interpolation="FAST_BILINEAR")
    return np.asarray(small.to_ndarray(), np.uint8)


def decode(path: Path, *, skip_loop_filter: bool = True) -> Iterator[av.VideoFrame]:
    """Frames in order; damaged packets are skipped."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        if skip_loop_filter:
            stream.codec_context.options = {"skip_loop_filter": "all"}
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue


def run(path: Path, cpu: dict[str, float]) -> tuple[int, dict[str, list[int]]]:
    """All detectors over one decode: frames, and boundaries by detector. Adds CPU seconds to `cpu`."""
    rate, reformatter = _rate(path), VideoReformatter()
    detectors = {name: make() for name, make in DETECTORS.items()}
    boundaries: dict[str, list[int]] = {name: [] for name in detectors}
    timecode, index = None, -1
    clock = time.process_time()
    for index, frame in enumerate(decode(path)):
        timecode = FrameTimecode(Timecode(index, 1 / rate), fps=rate)
        clock = _lap(cpu, "decode", clock)
        small = small_picture(frame, reformatter)
        clock = _lap(cpu, "small picture", clock)
        boundaries["streamtags"] += [t.pts for t in detectors["streamtags"].process_frame(timecode, small)]
        clock = _lap(cpu, "streamtags", clock)
        full = frame.to_ndarray(format="bgr24")
        factor = compute_downscale_factor(max(full.shape[:2]))
        if factor > 1.0:
            size = max(1, round(full.shape[1] / factor)), max(1, round(full.shape[0] / factor))
            full = np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        clock = _lap(cpu, "full picture", clock)
        for name, detector in detectors.items():
            if name != "streamtags":
                boundaries[name] += [t.pts for t in detector.process_frame(timecode, full)]
                clock = _lap(cpu, name, clock)
    if timecode is not None:
        for name, detector in detectors.items():
            boundaries[name] += [t.pts for t in detector.post_process(timecode)]
    return index + 1, boundaries


def _lap(cpu: dict[str, float], name: str, since: float) -> float:
    now = time.process_time()
    cpu[name] = cpu.get(name, 0.0) + now - since
    return now


def _rate(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        return Fraction(container.streams.video[0].average_rate or 25)


def main(arguments: Sequence[str]) -> int:
    """Print the table; return 1 if another detector is better on any clip."""
    shared = Path(os.environ.get("STREAMTAGS_SHARED", Path(__file__).parents[2] / "shared"))
    media = Path(arguments[0]) if arguments else shared / "media"
    if not media.is_dir():
        print(f"{media}: no such folder; give the development media as an argument", file=sys.stderr)
        return 2
    limit_opencv_threads()
    totals = {name: Score() for name in DETECTORS}
    cpu: dict[str, float] = {}
    frames = behind = 0
    print(
        f"{'F1 of cuts / F1 of all / recall of gradual':42}"
        + "".join(f"{name:>18}" for name in DETECTORS)
        + "   missed (-) and false (+) of the first"
    )
    for path, truth in development_clips(media):
        count, results = run(path, cpu)
        frames += count
        scores = {name: match(boundaries, truth) for name, boundaries in results.items()}
        for name, score in scores.items():
            totals[name].add(score)
        behind += any(score.f1 > scores["streamtags"].f1 for score in scores.values())
        print(
            f"{path.name[:34]:34}{count:7} "
            + "".join(_cells(score) for score in scores.values())
            + "   "
            + " ".join(scores["streamtags"].wrong),
            flush=True,
        )
    print(f"{'all clips':34}{frames:7} " + "".join(_cells(score) for score in totals.values()))
    for name in DETECTORS:
        scaling = cpu["small picture"] if name == "streamtags" else cpu["full picture"]
        per_second = frames / (cpu["decode"] + scaling + cpu[name])
        print(f"{name:12} {cpu[name] / frames * 1e3:6.3f} ms a frame, {per_second:5.0f} frames per CPU second with decoding and scaling")
    print(f"clips on which another detector is ahead: {behind}")
    return int(behind > 0)


def _cells(score: Score) -> str:
    recall = "-" if score.gradual_recall is None else f"{score.gradual_recall:.2f}"
    return f"{f'{score.cut_f1:.2f} {score.f1:.2f} {recall:>4}':>18}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
