"""Which pictures are shown and at what shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import ModelError
from streamtags.core.model import Picture
from streamtags.stages.caption.frames import Fit, choose, fit, pictures
from streamtags.testing.shapes import PictureStill


def stills(count: int) -> list[PictureStill]:
    return [PictureStill(i, np.zeros((2, 2, 3), np.uint8)) for i in range(count)]


@given(st.integers(0, 70), st.integers(1, 64))
def test_chosen_pictures_are_in_order_spread_evenly_and_reach_both_ends(there: int, wanted: int) -> None:
    shown = [still.pts for still in choose(stills(there), wanted)]
    assert len(shown) == min(there, wanted)
    assert shown == sorted(set(shown))
    if 1 < wanted < there:
        assert (shown[0], shown[-1]) == (0, there - 1)
        gaps = np.diff(shown)
        assert gaps.max() - gaps.min() <= 1


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["stretch", "letterbox", "keep"]))
def test_shapes(height: int, width: int, how: Fit) -> None:
    shown = fit(np.full((height, width, 3), 200, np.uint8), 64, how)
    assert shown.dtype == np.uint8
    if how == "keep":
        assert max(shown.shape[:2]) == min(64, max(height, width))
        return
    assert shown.shape == (64, 64, 3)
    lit = float((shown[..., 0] > 100).mean())
    aspect = min(height, width) / max(height, width)
    assert lit == pytest.approx(1.0 if how == "stretch" else aspect, abs=0.05)


def test_letterboxed_pictures_stand_in_the_middle() -> None:
    shown = fit(np.full((30, 60, 3), 255, np.uint8), 60, "letterbox")
    assert shown[:14].max() == 0
    assert shown[16:44].min() == 255
    assert shown[46:].max() == 0


def test_a_picture_that_fits_is_not_touched() -> None:
    rng = np.random.default_rng(1)
    picture: Picture = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    for how in ("stretch", "letterbox", "keep"):
        assert np.array_equal(fit(picture, 64, how), picture)


def test_no_picture_is_a_named_failure() -> None:
    with pytest.raises(ModelError) as caught:
        pictures([], 64, "stretch")
    assert caught.value.code == "model.no_frames"
