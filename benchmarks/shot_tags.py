"""How many tags from measurements are right on labeled shots of real films, from the logs of analyses.

    streamtags analyze CLIP --profile embedded --set segments.max_seconds=5 --jsonl LOGS/CLIP.jsonl     # of each clip
    python -m benchmarks shot_tags LOGS [OTHER_LOGS ...] [--wrong]

The labels are `examples/datasets/measured-shots/shots.jsonl`: clip, frames, energy, pace, camera, light. `clips.jsonl` beside it says where
each clip comes from, with its SHA-256. A label counts for the segment that shares at least half of the frames of both. Logs of several
versions are printed in turn.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LABELS = Path(__file__).parents[1] / "examples" / "datasets" / "measured-shots" / "shots.jsonl"
AXES = {
    "energy": {"Low Energy": "low", "Medium Energy": "medium", "High Energy": "high"},
    "pace": {"Slow": "slow", "Steady": "moderate", "Moderate Pace": "moderate", "Fast": "fast", "Frantic": "fast"},
}
LIGHT = ("Dark", "Bright", "Warm", "Cold", "Colourful", "Muted", "Black and White", "High Contrast", "Soft")
CAMERAS = {"static": "static", "handheld": "hand-held"}


@dataclass
class Segment:
    """What a log says of a segment; frames from the first to the end, exclusive."""

    first: int
    end: int
    camera: str | None = None
    tags: list[str] = field(default_factory=list)

    def shared(self, label: dict[str, Any]) -> float:
        """Return the frames in both, as a share of the frames in either."""
        both = min(self.end, label["end"]) - max(self.first, label["first"])
        return max(0, both) / (max(self.end, label["end"]) - min(self.first, label["first"]))


def read_log(path: Path) -> list[Segment]:
    """Return the segments of a log."""
    segments: dict[str, Segment] = {}
    for event in map(json.loads, path.read_text("utf-8").splitlines()):
        data = event["data"]
        if event["type"] == "segment.detected":
            segments[data["segment"]] = Segment(data["start"]["frame"], data["end"]["frame"])
        elif event["type"] == "segment.measured":
            segments[data["segment"]].camera = data["evidence"].get("camera")
        elif event["type"] == "segment.tagged":
            segments[data["segment"]].tags = [score["tag"] for score in data["tags"]]
    return list(segments.values())


def judged(segment: Segment, label: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return what was said of a shot, and whether it is right. A camera without a label is not judged."""
    answers = [(tag, meaning[tag] == label[axis]) for axis, meaning in AXES.items() for tag in segment.tags if tag in meaning]
    answers += [(tag, tag in label["light"]) for tag in segment.tags if tag in LIGHT]
    if segment.camera and label["camera"]:
        camera = CAMERAS.get(segment.camera, "moving")
        answers.append((f"camera: {camera}", camera == label["camera"]))
    return answers


def score(folder: Path, labels: list[dict[str, Any]], *, shows_wrong: bool) -> None:
    """Print the figures of one folder of logs."""
    logs = {path.name.removesuffix(".jsonl"): read_log(path) for path in folder.glob("*.jsonl")}
    given, right, matched, blank = Counter[str](), Counter[str](), 0, 0
    for label in labels:
        segment = max(logs.get(label["clip"], []), key=lambda one: one.shared(label), default=None)
        if segment is None or segment.shared(label) < 0.5:
            continue
        matched += 1
        answers = judged(segment, label)
        blank += bool(label.get("blank") and answers)
        for name, is_right in answers:
            given[name] += 1
            right[name] += is_right
            if shows_wrong and not is_right:
                print(f"  wrong: {name} on {label['clip']} {label['first']}-{label['end']}")
    print(f"{folder}: {matched} of {len(labels)} labeled shots; black frames and titles with an answer about the picture: {blank}")
    for name in sorted(given):
        print(f"  {name:20} {right[name]:3} of {given[name]:3} right")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path, nargs="+", help="folders with one CLIP.jsonl for each clip")
    parser.add_argument("--wrong", action="store_true", help="print every wrong answer")
    args = parser.parse_args()
    labels = [json.loads(line) for line in LABELS.read_text("utf-8").splitlines()]
    for folder in args.logs:
        score(folder, labels, shows_wrong=args.wrong)
    return 0


if __name__ == "__main__":
    sys.exit(main())
