from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import Picture
from streamtags.core.records import Trait
from streamtags.stages.measure.fingerprint import fingerprint, same, traits
from streamtags.testing import Encoding, ShotSpec, render_shots
from streamtags.testing.mux import write_media
from tools.demo_film import demo_shots

T = TypeVar("T")

SIZE = (640, 360)
FRAMES = 16
SHOTS = {
    "pan": ShotSpec(FRAMES, camera="pan_right", moving=3),
    "blocks": ShotSpec(FRAMES, "blocks", camera="zoom_in", speed=0.4),
    "handheld": ShotSpec(FRAMES, "stripes", camera="handheld", speed=0.03, moving=2),
    "dark": ShotSpec(FRAMES, "lights", camera="tilt_down"),
    "sea": replace(demo_shots()[1], frames=FRAMES, into="cut"),
    "city": replace(demo_shots()[3], frames=FRAMES, into="cut"),
}
ENCODINGS = {
    "crf 18": (Encoding(crf=18), 1.0),
    "crf 35": (Encoding(crf=35), 1.0),
    "half size, crf 30": (Encoding(crf=30), 0.5),
    "h265": (Encoding(codec="libx265", crf=30), 1.0),
    "mpeg4": (Encoding(codec="mpeg4", bitrate=1_500_000), 1.0),
}


@pytest.fixture(scope="module", params=list(SHOTS))
def shot(request: pytest.FixtureRequest) -> list[Picture]:
    return [picture.copy() for picture in render_shots([SHOTS[request.param]], rate=24, size=SIZE, seed=5)]


@pytest.fixture(scope="module")
def before(shot: list[Picture], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return seen(shot, tmp_path_factory.mktemp("before"))


def seen(pictures: Sequence[Picture], folder: Path, encoding: Encoding | None = None, scale: float = 1.0) -> bytes:
    """The fingerprint of `pictures` after they went through a file."""
    height, width = pictures[0].shape[:2]
    size = (round(width * scale) // 2 * 2, round(height * scale) // 2 * 2)
    path = folder / "clip.mkv"
    write_media(
        path,
        (np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8) for picture in pictures),
        size=size,
        rate=Fraction(24),
        times=range(len(pictures)),
        time_base=Fraction(1, 24),
        sound=None,
        encoding=encoding or Encoding(crf=23),
    )
    return fingerprint(spread(list(small(path))))


def small(path: Path, first: int = 0, count: int = 10_000) -> Iterator[Picture]:
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index >= first + count:
                return
            if index >= first:
                shrunk = frame.reformat(256, round(256 * frame.height / frame.width), "bgr24", interpolation="FAST_BILINEAR")
                yield shrunk.to_ndarray()


def spread(items: Sequence[T]) -> list[T]:
    return [items[len(items) * (2 * part + 1) // 16] for part in range(8)]


def downsized(pictures: Sequence[Picture]) -> list[Picture]:
    return [np.asarray(cv2.resize(picture, (256, 144), interpolation=cv2.INTER_AREA), np.uint8) for picture in pictures]


def overlap(one: Sequence[Trait], other: Sequence[Trait]) -> bool:
    return all(a[0] <= b[1] and b[0] <= a[1] for a, b in zip(one, other, strict=True))


def titled(picture: Picture) -> Picture:
    changed = picture.copy()
    cv2.putText(changed, "LIVE", (500, 40), cv2.FONT_HERSHEY_DUPLEX, 0.9, (255, 255, 255), 2, cv2.LINE_AA)
    return changed


def graded(picture: Picture) -> Picture:
    return np.clip(picture * np.array([0.75, 1.0, 1.15]), 0, 255).astype(np.uint8)


def reframed(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return np.asarray(cv2.resize(picture[height // 20 :, width // 20 :], (width, height)), np.uint8)


@pytest.mark.parametrize("how", list(ENCODINGS))
def test_another_encoding_is_the_same(shot: list[Picture], before: bytes, tmp_path: Path, how: str) -> None:
    encoding, scale = ENCODINGS[how]
    after = seen(shot, tmp_path, encoding, scale)
    assert same(before, after)
    assert overlap(traits(before), traits(after))


def test_slightly_shifted_levels_are_the_same(shot: list[Picture], before: bytes, tmp_path: Path) -> None:
    lighter = [np.asarray(cv2.convertScaleAbs(picture, alpha=1.01, beta=2), np.uint8) for picture in shot]
    assert same(before, seen(lighter, tmp_path))


CHANGES = [
    pytest.param(lambda shot: [titled(picture) for picture in shot], id="a title in a corner"),
    pytest.param(lambda shot: shot[:8] + [titled(picture) for picture in shot[8:]], id="a title in its second half"),
    pytest.param(lambda shot: [graded(picture) for picture in shot], id="a grade"),
    pytest.param(lambda shot: [reframed(picture) for picture in shot], id="a crop"),
    pytest.param(lambda shot: [picture[:, ::-1].copy() for picture in shot], id="mirrored"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_picture_is_not_the_same(
    shot: list[Picture], before: bytes, tmp_path: Path, change: Callable[[list[Picture]], list[Picture]]
) -> None:
    assert not same(before, seen(change(shot), tmp_path))


def half_known(pictures: Sequence[Picture]) -> bytes:
    """The fingerprint if every second of the pictures that stand for a shot was not decoded, but made of those beside it."""
    chosen, between = spread(pictures), spread([None, *zip(pictures, pictures[2:], strict=False), None])
    for i in range(0, len(chosen), 2):
        if (pair := between[i]) is not None:
            chosen[i] = np.asarray(cv2.addWeighted(pair[0], 0.5, pair[1], 0.5, 0.0), np.uint8)
    return fingerprint(chosen, [pair if i % 2 == 0 else None for i, pair in enumerate(between)])


@pytest.mark.parametrize("how", ["crf 35", "half size, crf 30"])
def test_pictures_that_were_not_decoded_do_not_change_a_shot(shot: list[Picture], tmp_path: Path, how: str) -> None:
    encoding, scale = ENCODINGS[how]
    assert same(half_known(downsized(shot)), seen(shot, tmp_path, encoding, scale))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_picture_shows_where_half_the_pictures_were_not_decoded(
    shot: list[Picture], tmp_path: Path, change: Callable[[list[Picture]], list[Picture]]
) -> None:
    assert not same(half_known(downsized(shot)), half_known(downsized(change(shot))))


@pytest.mark.parametrize("name", ["pan", "blocks", "handheld"])
def test_other_order_another_take_and_one_replaced_picture_are_not_the_same(name: str) -> None:
    shot, take = (spread(list(render_shots([SHOTS[name]], rate=24, size=SIZE, seed=seed))) for seed in (5, 6))
    before = fingerprint(shot)
    assert same(before, fingerprint([picture.copy() for picture in shot]))
    assert not same(before, fingerprint(shot[::-1]))
    assert not same(before, fingerprint(take))
    assert not same(before, fingerprint([*shot[:3], take[3], *shot[4:]]))


def test_something_that_moves_elsewhere_in_the_same_place_is_not_the_same() -> None:
    calm, busy = (
        fingerprint(spread(list(render_shots([ShotSpec(FRAMES, moving=2, moving_speed=speed, seed=1)], size=SIZE)))) for speed in (0.2, 0.5)
    )
    assert not same(calm, busy)


def test_more_or_fewer_pictures_are_not_the_same() -> None:
    pictures = list(render_shots([ShotSpec(8)], size=SIZE))
    assert not same(fingerprint(pictures), fingerprint(pictures[:7]))
    assert not same(fingerprint([]), fingerprint([]))
    assert same(fingerprint(pictures[:1]), fingerprint(pictures[:1]))


def test_another_version_is_not_the_same() -> None:
    data = fingerprint(list(render_shots([ShotSpec(8)], size=SIZE)))
    assert data[0] == 1
    assert not same(data, bytes((2,)) + data[1:])


@given(a=st.binary(max_size=40), b=st.binary(max_size=40), count=st.integers(1, 3))
def test_bytes_that_are_no_fingerprint_are_the_same_as_nothing(a: bytes, b: bytes, count: int) -> None:
    real = fingerprint([np.zeros((9, 16, 3), np.uint8)] * count)
    assert not same(a, b)
    assert not same(a, real)
    assert not same(real[:-1], real[:-1])


# A fingerprint of two pictures: where its luma and its chroma are, and how far apart patterns of cells push two of them.
LUMA, CHROMA = slice(4610, 4610 + 288), slice(4610 + 288, 4610 + 448)
PATTERNS = {
    "left and right": (LUMA, np.tile(np.repeat([1, -1], 8), 18)),
    "top and bottom": (LUMA, np.tile(np.repeat([1, 0, -1], [64, 16, 64]), 2)),
    "brightness": (LUMA, np.ones(288)),
    "chroma": (CHROMA, np.tile(np.repeat([1, -1], 40), 2)),
}


@given(
    pattern=st.sampled_from(list(PATTERNS)),
    by=st.integers(-20, 20),
    noise=st.integers(0, 4),
    level=st.integers(-6, 6),
    doubts=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    seed=st.integers(0, 9),
)
def test_traits_exclude_nothing_that_is_the_same(pattern: str, by: int, noise: int, level: int, doubts: tuple[int, int], seed: int) -> None:
    random = np.random.default_rng(seed)
    first = np.full(4610 + 448, 100.0)
    first[:2] = 1, 2
    first[LUMA] += random.integers(-40, 40, 288)
    second = first.copy()
    second[2 : LUMA.stop] += level
    second[2:] += random.integers(-noise, noise + 1, len(second) - 2)
    part, signs = PATTERNS[pattern]
    second[part] += by * signs
    a, b = (
        cells.astype(np.uint8).tobytes() + (bytes([doubt]) * (len(cells) - 2) if doubt else b"")
        for cells, doubt in zip((first, second), doubts, strict=True)
    )
    if same(a, b):
        assert overlap(traits(a), traits(b))


def test_most_other_pictures_are_excluded_by_traits() -> None:
    prints = [fingerprint([np.asarray(cv2.resize(random, (64, 36)), np.uint8)]) for random in _blots(60)]
    pairs = [overlap(traits(one), traits(other)) for i, one in enumerate(prints) for other in prints[:i]]
    assert sum(pairs) < 0.02 * len(pairs)
    assert traits(b"") == traits(fingerprint([])) == ()


def _blots(count: int) -> Iterator[Picture]:
    """Pictures of a few large areas of color."""
    random = np.random.default_rng(1)
    for _ in range(count):
        yield random.integers(0, 256, (3, 4, 3), np.uint8)


@given(seeds=st.tuples(st.integers(0, 3), st.integers(0, 3)), level=st.integers(0, 12))
def test_it_does_not_matter_which_of_two_comes_first(seeds: tuple[int, int], level: int) -> None:
    one, two = (np.random.default_rng(seed).integers(0, 200, (36, 64, 3), np.uint8) for seed in seeds)
    a, b = fingerprint([one]), fingerprint([two + np.uint8(level)])
    assert same(a, b) == same(b, a)


@pytest.mark.parametrize("clip", ["gizmo.mp4", "run.mp4", "vtest.avi", "cup.mp4"])
def test_real_footage_survives_encoding_and_shows_changes(shared_media: Path, tmp_path: Path, clip: str) -> None:
    with av.open(str(shared_media / "single" / clip)) as container:
        frames = [frame.to_ndarray(format="bgr24") for _, frame in zip(range(FRAMES), container.decode(video=0), strict=False)]
    before = seen(frames, tmp_path, Encoding(crf=18))
    assert same(before, seen(frames, tmp_path, Encoding(crf=33)))
    assert same(before, seen(frames, tmp_path, Encoding(codec="mpeg4", bitrate=2_000_000)))
    assert not same(before, seen([reframed(frame) for frame in frames], tmp_path))
    assert not same(before, seen([frame[:, ::-1].copy() for frame in frames], tmp_path))
    assert not same(before, seen([graded(frame) for frame in frames], tmp_path))
