"""Hard development edits say exactly what lies between their shots, and keep their halves apart."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from benchmarks.edit_recipes import RECIPES
from benchmarks.edit_stock import SHOTS, Edit, Stock


def plain(level: int, count: int) -> list[np.ndarray]:
    return [np.full((180, 320, 3), level, np.uint8)] * count


def test_a_cut_is_noted_at_the_first_frame_of_the_new_shot() -> None:
    edit = Edit()
    for level in (10, 90, 170):
        edit.cut(plain(level, 7))
    assert edit.boundaries == [{"type": "cut", "frame": 7}, {"type": "cut", "frame": 14}]
    assert [int(edit.frames[at].mean()) for at in (6, 7, 13, 14)] == [10, 90, 90, 170]


def test_a_dissolve_is_noted_from_its_first_to_its_last_mixed_frame() -> None:
    edit = Edit()
    edit.cut(plain(20, 10))
    edit.dissolve(plain(120, 10), 3)
    assert edit.boundaries == [{"type": "dissolve", "start": 7, "end": 9}]
    assert [int(frame.mean()) for frame in edit.frames[6:11]] == [20, 45, 70, 95, 120]


def test_no_shot_is_in_both_halves() -> None:
    for a, b in itertools.product(SHOTS["dev"], SHOTS["unseen"]):
        assert a.file != b.file or a.last < b.first or b.last < a.first


@pytest.mark.slow
@pytest.mark.parametrize("name", ["titles", "short_dissolves"])
def test_an_edit_is_the_same_each_time_and_its_boundaries_lie_inside(shared_media: Path, name: str) -> None:
    edits = [Edit(), Edit()]
    stock = Stock(shared_media, "dev", 5)
    for edit in edits:
        stock.restart(5)
        RECIPES[name](edit, stock)
    assert edits[0].boundaries == edits[1].boundaries
    assert np.array_equal(edits[0].frames[-1], edits[1].frames[-1])
    for boundary in edits[0].boundaries:
        assert 0 < boundary.get("frame", boundary.get("start")) < len(edits[0].frames)
