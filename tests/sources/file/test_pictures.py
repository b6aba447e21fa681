"""Colors, shapes and orientation of pictures, whatever the decoder hands over."""

from __future__ import annotations

import pickle
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import Picture
from streamtags.sources.file.pictures import FrameStill, Orientation, Shrinker, StillKeeper, small_size
from streamtags.sources.file.planes import color_matrix

SQUARE = Fraction(1)
UPRIGHT = Orientation()
BT709, UNSPECIFIED, BT601, BT2020 = 1, 2, 6, 9
LIMITED, FULL = 1, 2
FORMATS = (
    *("yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv410p", "yuv440p", "yuva420p", "nv12", "yuyv422"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "yuva444p10le", "p010le"),
    *("rgb24", "bgra", "gbrp", "gbrp10le"),
)


def scene(width: int = 640, height: int = 360) -> Picture:
    """RGB with soft colors that differ in every quarter and a white corner at the top left."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rgb = np.stack([40 + 180 * x, 200 - 150 * y, 60 + 120 * x * y], axis=2)
    rgb[: height // 4, : width // 4] = 235
    return rgb.astype(np.uint8)


def frame_of(rgb: Picture, name: str, *, space: int = BT709, full: bool = False) -> av.VideoFrame:
    """`rgb` as a decoder would hand it over in pixel format `name`."""
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
        format=name,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709 if space == BT709 else Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
    )
    frame.colorspace, frame.color_range = space, FULL if full else LIMITED
    return frame


def filled(codes: tuple[int, int, int], *, height: int = 64, space: int, range_: int) -> av.VideoFrame:
    frame = av.VideoFrame(96, height, "yuv420p")
    for plane, code in zip(frame.planes, codes, strict=True):
        plane.update(bytes([code]) * plane.buffer_size)
    frame.colorspace, frame.color_range = space, range_
    return frame


def difference(a: Picture, b: Picture) -> float:
    return float(np.mean(cv2.absdiff(a, b)))


def shrunk(rgb: Picture, size: tuple[int, int]) -> Picture:
    """What a careful reduction gives, as BGR."""
    return cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(
    ("codes", "space", "range_", "height"),
    [  # pure red, by the standards' own numbers
        ((81, 90, 240), BT601, LIMITED, 64),
        ((63, 102, 240), BT709, LIMITED, 64),
        ((76, 85, 255), BT601, FULL, 64),
        ((54, 99, 255), BT709, FULL, 64),
        ((74, 97, 240), BT2020, LIMITED, 64),
        ((81, 90, 240), UNSPECIFIED, 0, 64),
        ((63, 102, 240), UNSPECIFIED, 0, 720),
    ],
)
def test_red_is_red_under_every_matrix_and_range(codes: tuple[int, int, int], space: int, range_: int, height: int) -> None:
    frame = filled(codes, height=height, space=space, range_=range_)
    for picture in (Shrinker(64, SQUARE, UPRIGHT).small(frame)[..., ::-1], FrameStill(0, frame, SQUARE, UPRIGHT).rgb()):
        assert np.abs(picture[8, 8].astype(int) - (255, 0, 0)).max() <= 2


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_colors_of_every_pixel_format(name: str, full: bool) -> None:
    rgb = scene()
    frame = frame_of(rgb, name, full=full)
    for width, height in ((256, 144), (128, 72)):
        small = Shrinker(width, SQUARE, UPRIGHT).small(frame)
        assert small.shape == (height, width, 3)
        assert small.dtype == np.uint8
        assert difference(small, shrunk(rgb, (width, height))) < 3
    assert difference(FrameStill(0, frame, SQUARE, UPRIGHT).rgb(), rgb) < 3


@pytest.mark.parametrize("name", ["gray", "gray10le"])
def test_grey_is_grey(name: str) -> None:
    rgb = np.repeat(scene()[:, :, 1:2], 3, axis=2)
    frame = frame_of(rgb, name, full=True)
    assert difference(Shrinker(256, SQUARE, UPRIGHT).small(frame), shrunk(rgb, (256, 144))) < 2


def test_limited_grey_is_stretched() -> None:
    frame = av.VideoFrame(64, 64, "gray")
    frame.planes[0].update(bytes([16, 235] * (frame.planes[0].buffer_size // 2)))
    frame.color_range = LIMITED
    assert set(np.unique(FrameStill(0, frame, SQUARE, UPRIGHT).rgb())) == {0, 255}


@given(st.sampled_from([0, 1, 2, 4, 5, 6, 7, 9, 10, 99]), st.booleans(), st.sampled_from([8, 10, 12, 16]))
def test_black_and_white_stay_so_in_every_matrix(space: int, full: bool, bits: int) -> None:
    unit, top = 1 << (bits - 8), (1 << bits) - 1
    matrix = color_matrix(space, full, bits)
    for code, shown in ((0 if full else 16 * unit, 0), (top if full else 235 * unit, top)):
        assert np.allclose(matrix @ [code, 128 * unit, 128 * unit, 1], shown)


@pytest.mark.parametrize("longer", [64, 128, 256])
def test_little_aliasing_in_fine_texture(longer: int) -> None:
    """A grid finer than the small picture must come out as even grey, not as moire."""
    lines = np.where(np.indices((720, 1280)).sum(axis=0) % 2, 255, 0).astype(np.uint8)
    rgb = np.repeat(lines[:, :, None], 3, axis=2)
    small = Shrinker(longer, SQUARE, UPRIGHT).small(frame_of(rgb, "yuv420p"))
    assert small.std() < 4


@given(st.integers(1, 16384), st.integers(1, 16384), st.integers(64, 1024).map(lambda n: n // 2 * 2))
def test_the_small_size_keeps_the_shape(width: int, height: int, longer: int) -> None:
    w, h = small_size(width, height, longer)
    assert max(w, h) == longer
    assert w % 2 == h % 2 == 0
    assert min(w, h) >= 16
    if min(w, h) > 16:
        assert abs(w * height - h * width) <= max(width, height) * 1.01


@pytest.mark.parametrize(
    ("width", "height", "aspect", "shape"),
    [
        (640, 360, Fraction(1), (144, 256)),
        (720, 576, Fraction(16, 11), (140, 256)),
        (360, 640, Fraction(1), (256, 144)),
        (2000, 1000, Fraction(1), (128, 256)),
        (30, 20, Fraction(1), (170, 256)),
    ],
)
def test_pixels_become_square(width: int, height: int, aspect: Fraction, shape: tuple[int, int]) -> None:
    frame = frame_of(scene(width, height), "yuv420p")
    assert Shrinker(256, aspect, UPRIGHT).small(frame).shape[:2] == shape
    still = FrameStill(0, frame, aspect, UPRIGHT).rgb(100)
    assert max(still.shape) <= 100
    assert still.shape[1] / still.shape[0] == pytest.approx(width * aspect / height, rel=0.06)


@pytest.mark.parametrize(
    ("turns", "flip", "corner"),
    [
        (0, False, "top left"),
        (1, False, "top right"),
        (2, False, "bottom right"),
        (3, False, "bottom left"),
        (0, True, "bottom left"),
        (1, True, "top left"),
        (2, True, "top right"),
        (3, True, "bottom right"),
    ],
)
def test_pictures_are_upright(turns: int, flip: bool, corner: str) -> None:
    frame = frame_of(scene(), "yuv420p")
    orientation = Orientation(turns, flip)
    small = Shrinker(256, SQUARE, orientation).small(frame)
    still = FrameStill(0, frame, SQUARE, orientation).rgb(256)
    for picture in (small, still):
        assert picture.shape[:2] == ((256, 144) if turns % 2 else (144, 256))
        rows = slice(0, 8) if "top" in corner else slice(-8, None)
        columns = slice(0, 8) if "left" in corner else slice(-8, None)
        assert picture[rows, columns].min() > 220


def test_the_small_picture_keeps_its_size_when_the_stream_changes() -> None:
    shrinker = Shrinker(256, SQUARE, UPRIGHT)
    assert shrinker.small(frame_of(scene(640, 360), "yuv420p")).shape == shrinker.small(frame_of(scene(320, 320), "yuv444p")).shape


def test_a_compacted_still_is_small_and_looks_the_same() -> None:
    rgb = scene(3840, 2160)
    still = FrameStill(7, frame_of(rgb, "yuv420p"), SQUARE, UPRIGHT)
    before = still.rgb(512)
    still.compact()
    still.compact()
    assert still.pts == 7
    assert still.rgb().shape == (540, 960, 3)
    assert still.rgb(512).shape == before.shape
    assert difference(still.rgb(512), before) < 1


@pytest.mark.parametrize("name", ["nv12", "rgb24", "yuv420p10le"])
def test_a_still_of_any_format_can_be_compacted(name: str) -> None:
    rgb = scene(2560, 1440)
    still = FrameStill(0, frame_of(rgb, name), SQUARE, UPRIGHT)
    still.compact()
    assert difference(still.rgb(640), cv2.resize(rgb, (640, 360), interpolation=cv2.INTER_AREA)) < 3


@pytest.mark.parametrize("name", ["yuv420p", "nv12"])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (2560, 1440)])
def test_a_still_that_goes_to_another_process_looks_the_same_there_and_stays_as_it_is_here(name: str, width: int, height: int) -> None:
    still = FrameStill(7, frame_of(scene(width, height), name), SQUARE, UPRIGHT)
    there = pickle.loads(pickle.dumps(still))
    assert there.pts == 7
    assert difference(there.rgb(512), still.rgb(512)) < 1
    assert still.rgb().shape == (height, width, 3)
    assert there.rgb().shape == (720, 1280, 3)
    assert np.array_equal(pickle.loads(pickle.dumps(there)).rgb(), there.rgb())


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (720, 576), (3840, 2160), (160, 90)])
def test_a_still_of_reduced_planes_is_good_enough_for_a_thumbnail(size: tuple[int, int]) -> None:
    frame = frame_of(scene(*size), "yuv420p")
    shrinker, whole = Shrinker(128, SQUARE, UPRIGHT), FrameStill(0, frame, SQUARE, UPRIGHT)
    coarse = shrinker.coarse(frame)
    assert coarse is not None
    assert np.array_equal(shrinker.small(frame, coarse), Shrinker(128, SQUARE, UPRIGHT).small(frame))
    light = FrameStill(0, frame, SQUARE, UPRIGHT, coarse)
    assert light.rgb(320).shape == whole.rgb(320).shape
    assert difference(light.rgb(320), whole.rgb(320)) < 3
    assert max(light.rgb().shape) <= max(size)


def test_large_frames_stay_within_the_budget_though_a_thumbnail_needs_all_of_them() -> None:
    frame = frame_of(scene(1920, 1080), "yuv420p")
    coarse = Shrinker(1920, SQUARE, UPRIGHT).coarse(frame)
    keeper = StillKeeper(SQUARE, UPRIGHT, budget=2 * 1920 * 1088 * 3 // 2)
    kept = [keeper.still(pts, frame, coarse) for pts in range(6)]
    assert [max(still.rgb().shape) for still in kept] == [960, 960, 960, 960, 1920, 1920]


def test_large_stills_that_are_kept_shrink_after_a_while() -> None:
    frame = frame_of(scene(1920, 1080), "yuv420p")
    keeper = StillKeeper(SQUARE, UPRIGHT, budget=2 * 1920 * 1088 * 3 // 2)
    kept = [keeper.still(pts, frame) for pts in range(6)]
    assert [still.rgb().shape[1] for still in kept] == [960, 960, 960, 960, 1920, 1920]
    keeper.finish()
    assert kept[-1].rgb().shape == (540, 960, 3)


def test_one_huge_frame_is_kept_with_any_budget() -> None:
    frame = frame_of(scene(1920, 1080), "yuv420p")
    keeper = StillKeeper(SQUARE, UPRIGHT, budget=1)
    kept = [keeper.still(pts, frame) for pts in range(3)]
    assert [still.rgb().shape[1] for still in kept] == [960, 960, 1920]


def test_small_frames_are_kept_as_they_are() -> None:
    keeper = StillKeeper(SQUARE, UPRIGHT, budget=1)
    rgb = scene(1280, 720)
    stills = [keeper.still(pts, frame_of(rgb, "yuv420p")) for pts in range(4)]
    assert stills[0].rgb().shape == rgb.shape
