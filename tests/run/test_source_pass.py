"""Reading a source: sources whose frames are far apart, and sources that give their own shots."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from streamtags.config.settings import load_settings
from streamtags.core.model import Boundary, Measured, Segment
from streamtags.run.source_pass import read_source
from streamtags.testing import FakeSource

PICTURES = [np.full((36, 64, 3), 20 + at % 100, np.uint8) for at in range(400)]


def read(source: FakeSource, **segments: float) -> tuple[list[Segment], list[Measured]]:
    items = list(read_source(source, load_settings({"segments": segments})))
    return [item for item in items if isinstance(item, Segment)], [item for item in items if isinstance(item, Measured)]


def at_milliseconds(pts: Sequence[int]) -> FakeSource:
    from fractions import Fraction

    return FakeSource(PICTURES[: len(pts)], rate=25, time_base=Fraction(1, 1000), pts=pts)


@pytest.mark.parametrize(
    "pts",
    [
        [*range(0, 2000, 40), *range(27000, 29000, 40)],  # still for 25 seconds
        [0, 31000, 62000, 93000, 124000],  # a slide show, each picture longer than a slice
        [*range(0, 300 * 40, 40), 52000, 95000, *range(95040, 96000, 40)],  # many frames, then pictures that last
        [0, 40, 80, 60000],
    ],
    ids=["a pause", "a slide show", "many frames and pauses", "a last frame after a minute"],
)
def test_every_slice_of_a_source_with_pauses_has_a_still(pts: list[int]) -> None:
    segments, measured = read(at_milliseconds(pts), max_seconds=20)
    assert segments[0].start.frame == 0
    assert segments[-1].end.frame == len(pts)
    assert all(one.end == two.start for one, two in pairwise(segments))
    assert [item.segment for item in measured] == segments
    assert all(item.stills and item.thumbnail for item in measured)


class Edit(FakeSource):
    """A source that knows its own shots."""

    def boundaries(self) -> Sequence[Boundary]:
        return [Boundary(0, "edit"), Boundary(30, "edit"), Boundary(75, "gradual"), Boundary(500, "edit")]


def test_a_source_that_gives_its_shots_needs_no_detector() -> None:
    segments, _ = read(Edit(PICTURES[:100]))
    assert [(one.start.frame, one.end.frame, one.transition) for one in segments] == [
        (0, 30, "start"),
        (30, 75, "edit"),
        (75, 100, "gradual"),
    ]
