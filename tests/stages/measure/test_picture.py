from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import EvidenceValue, Frame, Picture
from streamtags.stages.measure.bars import BarFinder
from streamtags.stages.measure.colors import COLORS, lab, name_indices
from streamtags.stages.measure.picture import PictureMeter
from streamtags.testing.source import PictureStill

RATE = 25
NAMES = tuple(COLORS)


def plain(hex_color: str, height: int = 144, width: int = 256) -> Picture:
    rgb = [int(hex_color[i : i + 2], 16) for i in (1, 3, 5)]
    return np.full((height, width, 3), rgb[::-1], np.uint8)


def beside(*colors: str) -> Picture:
    return np.ascontiguousarray(np.hstack([plain(color, width=256 // len(colors)) for color in colors]))


def textured(seed: int, low: int = 0, high: int = 255) -> Picture:
    return np.random.default_rng(seed).integers(low, high, (18, 32, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)


def pushed(pictures: Iterable[Picture], start: float = 0.0, meter: PictureMeter | None = None) -> PictureMeter:
    meter = meter or PictureMeter()
    for i, picture in enumerate(pictures):
        meter.push(Frame(i, i, 1, picture, PictureStill(i, picture)), start + i / RATE)
    return meter


def measured(*pictures: Picture) -> dict[str, EvidenceValue]:
    return pushed(pictures).measure(0, len(pictures) / RATE)


def palette(evidence: dict[str, EvidenceValue]) -> list[tuple[str, str, float]]:
    colors = evidence["palette"]
    assert isinstance(colors, list)
    return [(str(color["name"]), str(color["hex"]), float(color["share"])) for color in colors]


def number(evidence: dict[str, EvidenceValue], name: str) -> float:
    value = evidence[name]
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        (
            "#000000",
            {"brightness_percent": 0, "saturation_percent": 0, "warmth": 0, "colourfulness": 0, "dark_share": 1, "bright_share": 0},
        ),
        (
            "#ffffff",
            {"brightness_percent": 100, "saturation_percent": 0, "warmth": 0, "colourfulness": 0, "dark_share": 0, "bright_share": 1},
        ),
        ("#ff0000", {"brightness_percent": 29.8, "saturation_percent": 100, "warmth": 1, "dark_share": 0}),
        ("#0000ff", {"brightness_percent": 11.4, "saturation_percent": 100, "warmth": -1, "dark_share": 1}),
        ("#808080", {"brightness_percent": 50.2, "saturation_percent": 0, "warmth": 0}),
        # Hasler & Suesstrunk: no spread, so 0.3 times the length of (R - G, (R + G) / 2 - B) = (255, 127.5).
        ("#ff0000", {"colourfulness": 85.5}),
    ],
)
def test_a_plain_picture_measures_what_its_color_is(color: str, expected: dict[str, float]) -> None:
    evidence = measured(plain(color))
    assert evidence["contrast_percent"] == 0
    assert {name: evidence[name] for name in expected} == pytest.approx(expected, abs=0.1)


def test_contrast_is_the_spread_of_luma() -> None:
    assert measured(beside("#000000", "#ffffff"))["contrast_percent"] == pytest.approx(50, abs=0.1)
    assert measured(beside("#606060", "#a0a0a0"))["contrast_percent"] == pytest.approx(100 * 32 / 255, abs=0.1)


def test_colourfulness_rises_with_the_variety_and_strength_of_colors() -> None:
    grey, dull, vivid = (beside(*colors) for colors in (["#707070", "#909090"], ["#807060", "#607080"], ["#e02020", "#2020e0"]))
    values = [number(measured(picture), "colourfulness") for picture in (grey, dull, vivid)]
    assert values[0] == pytest.approx(0, abs=0.5)
    assert values[0] < values[1] < values[2]
    assert values[2] > 82  # "highly colorful"


def test_palette_names_the_dominant_colors_with_their_shares() -> None:
    assert palette(measured(beside("#000000", "#000000", "#0343df", "#f97306"))) == [
        ("black", "#000000", 0.5),
        ("blue", "#0343df", 0.25),
        ("orange", "#f97306", 0.25),
    ]


def test_palette_leaves_out_specks_and_holds_at_most_five() -> None:
    speck = plain("#929591")
    speck[:12, :12] = (0, 0, 229)
    assert [name for name, _, _ in palette(measured(speck))] == ["grey"]
    assert len(palette(measured(beside("#000000", "#ffffff", "#e50000", "#15b01a", "#0343df", "#ffff14", "#7e1e9c", "#653700")))) == 5


def test_every_name_is_its_own_nearest() -> None:
    swatches = np.concatenate([plain(color, 1, 1) for color in COLORS.values()])
    assert [NAMES[index] for index in name_indices(swatches).ravel()] == list(NAMES)


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ("#0a0a0c", "black"),
        ("#101830", "navy"),
        ("#2a1d15", "dark brown"),
        ("#d6d1c8", "light grey"),
        ("#45b3c2", "turquoise"),
        ("#666562", "medium grey"),
    ],
)
def test_colors_of_real_shots_have_the_names_people_give_them(color: str, name: str) -> None:
    assert palette(measured(plain(color)))[0][0] == name


def test_lab_of_white_grey_and_blue_are_the_published_ones() -> None:
    values = lab(np.array([[1.0, 1.0, 1.0], [0.5, 0.5, 0.5], [0.0, 0.0, 1.0]]))
    assert values == pytest.approx(np.array([[100, 0, 0], [53.39, 0, 0], [32.30, 79.19, -107.86]]), abs=0.1)


@given(st.integers(1, 60), st.lists(st.integers(1, 59), max_size=6, unique=True))
def test_every_segment_is_measured_by_its_own_pictures(length: int, cuts: list[int]) -> None:
    bounds = [0, *sorted(cut for cut in cuts if cut < length), length]
    colors = ["#e50000", "#15b01a", "#0343df", "#ffffff", "#000000", "#f97306", "#7e1e9c"]
    meter = PictureMeter()
    for shot, (first, last) in enumerate(pairwise(bounds)):
        pushed([plain(colors[shot])] * (last - first), first / RATE, meter)
    for shot, (first, last) in enumerate(pairwise(bounds)):
        assert palette(meter.measure(first / RATE, last / RATE)) == [(NAMES[name_indices(plain(colors[shot]))[0, 0]], colors[shot], 1.0)]


def test_a_segment_like_the_last_one_has_its_values() -> None:
    meter = pushed([plain("#808080"), plain("#818181"), plain("#818181")])
    assert meter.measure(0, 1 / RATE)["brightness_percent"] == meter.measure(1 / RATE, 3 / RATE)["brightness_percent"]


def test_pictures_count_by_the_time_they_are_shown() -> None:
    flicker = [plain("#ffffff") if i % 2 else plain("#000000") for i in range(10)]
    evidence = measured(*flicker, *[plain("#000000")] * 40)
    assert evidence["brightness_percent"] == pytest.approx(10, abs=2)


def test_nothing_is_measured_before_the_first_picture() -> None:
    assert PictureMeter().measure(0, 1) == {}


def test_memory_is_bounded_by_a_minute_of_flicker() -> None:
    frames = [textured(1), textured(2, 100)]
    meter = PictureMeter()
    for i in range(3600):
        meter.push(Frame(i, i, 1, frames[i % 2], PictureStill(i, frames[i % 2])), i / 60)
    assert sum(look.values.nbytes for look in meter._looks) < 4_000_000
    meter.measure(0, 59)
    meter.measure(59, 60)
    assert len(meter._looks) <= 61


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 256, 3), (256, 1, 3), (455, 256, 3)])
def test_pictures_of_any_shape_are_measured(shape: tuple[int, int, int]) -> None:
    assert measured(np.full(shape, 255, np.uint8))["brightness_percent"] == 100


def letterboxed(picture: Picture, rows: int = 20, columns: int = 0) -> Picture:
    boxed = picture.copy()
    boxed[:rows] = boxed[144 - rows :] = 0
    boxed[:, :columns] = boxed[:, 256 - columns :] = 0
    return boxed


@pytest.mark.parametrize(("rows", "columns"), [(20, 0), (0, 60), (16, 40), (36, 0), (0, 86)])
def test_black_bars_are_not_measured(rows: int, columns: int) -> None:
    evidence = measured(letterboxed(plain("#d1b26f"), rows, columns))
    assert palette(evidence) == [("tan", "#d1b26f", 1.0)]
    assert evidence["contrast_percent"] == 0


def test_bars_are_remembered_through_the_dark_and_forgotten_when_there_is_light_in_them() -> None:
    dim = letterboxed(plain("#181818"))
    meter = pushed([letterboxed(plain("#d1b26f"))] * 5 + [dim] * 10 + [beside("#808080", "#ffffff")] * 5)
    meter.measure(0, 0.2)
    assert palette(meter.measure(0.2, 0.6)) == [("black", "#181818", 1.0)]
    assert meter.measure(0.6, 0.8)["contrast_percent"] == pytest.approx(25, abs=0.5)


def test_a_lamp_or_a_title_on_black_is_not_taken_for_a_picture_between_bars() -> None:
    lamp = plain("#000000")
    lamp[60:84, 110:146] = 255
    titles = plain("#000000")
    titles[30:114:12, 40:216:6] = titles[31:114:12, 40:216:6] = 255
    assert measured(lamp)["dark_share"] == pytest.approx(1 - 24 * 36 / (144 * 256), abs=0.02)
    assert number(measured(titles), "dark_share") > 0.7


@given(st.integers(1, 40), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_the_picture_inside_the_bars_is_never_empty(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    finder = BarFinder()
    for _ in range(3):
        luma = (rng.integers(0, 256, (height, width)) * (rng.random((height, width)) < rng.random())).astype(np.uint8)
        rows, columns = finder.inside(luma)
        assert luma[rows, columns].size > 0
