"""Pictures that stand for longer than a segment may be: a segment has at least one frame, however long that stands."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main
from streamtags.testing import ShotSpec, make_video

MILLISECONDS = Fraction(1, 1000)


def analyzed(folder: Path, film: Path) -> list[dict[str, Any]]:
    """Analyze with segments of at most two seconds; return the events."""
    log = folder / "log"
    assert main(["analyze", str(film), "--set", "segments.max_seconds=2", "--store", f"sqlite:///{folder}/s.db", "--jsonl", str(log)]) == 0
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    "pts",
    [
        [*range(0, 400, 40), *range(10_000, 10_400, 40)],
        [*range(0, 1000, 40), 31_000],
        [0, 9_000, 18_000, 27_000],
    ],
    ids=["a picture that stands in the middle", "a last picture that comes late", "one picture every nine seconds"],
)
def test_every_segment_of_a_standing_picture_is_described(tmp_path: Path, pts: list[int]) -> None:
    film = tmp_path / "film.mkv"
    make_video(film, [ShotSpec(len(pts))], size=(160, 90), pts=pts, time_base=MILLISECONDS)
    events = analyzed(tmp_path, film)
    detected = [event["data"] for event in events if event["type"] == "segment.detected"]
    assert (len(detected) > 1, detected[0]["start"]["pts"]) == (True, 0)
    assert all(one["end"]["frame"] > one["start"]["frame"] for one in detected)
    assert all(one["end"]["pts"] == other["start"]["pts"] for one, other in pairwise(detected))
    for kind in ("segment.captioned", "segment.tagged"):
        assert {event["data"]["segment"] for event in events if event["type"] == kind} == {each["segment"] for each in detected}
    assert not [event for event in events if event["type"] == "segment.failed"]
