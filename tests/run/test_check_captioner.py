"""`model check` against captioners that see, do not look, mix up frames, repeat themselves or do not answer."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from streamtags.cli import main
from streamtags.cli.model_check import known_problems
from streamtags.config.settings import Settings, load_settings
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.model import Caption, CaptionRequest, Picture
from streamtags.evaluation.captioner_check import CaptionerCheck
from streamtags.evaluation.check_clips import CHECK_CLIPS, direction_in
from streamtags.evaluation.drawing import COLORS
from streamtags.run import check_captioner as module
from streamtags.run.check_captioner import check_captioner, last_check

Says = Callable[[Sequence[Picture]], str]


def color_in(picture: Picture) -> str | None:
    """The color of the shape in a picture, None if there is none."""
    for name, color in COLORS.items():
        if (np.abs(picture.astype(int) - color).sum(axis=2) < 30).mean() > 0.01:
            return name
    return None


def middle(picture: Picture, color: str) -> tuple[float, float]:
    rows, columns = np.nonzero(np.abs(picture.astype(int) - COLORS[color]).sum(axis=2) < 30)
    return float(columns.mean()), float(rows.mean())


def sees(frames: Sequence[Picture]) -> str:
    """Says what the first and the last frame show, as a captioner that looks."""
    first, last = color_in(frames[0]), color_in(frames[-1])
    if first is None or last is None:
        return "The word EXIT is written on a wall." if frames[0].max() > 200 else "The screen is black."
    if first != last:
        return f"A {first} ball turns {last}."
    (x, y), (to_x, to_y) = middle(frames[0], first), middle(frames[-1], first)
    if max(abs(to_x - x), abs(to_y - y)) < 20:
        return f"Some {first} circles."
    if abs(to_x - x) > abs(to_y - y):
        return f"A {first} ball moves slowly to the {'right' if to_x > x else 'left'}."
    return f"A {first} ball {'falls' if to_y > y else 'rises'}."


def dice_for(frames: Sequence[Picture]) -> random.Random:
    """Dice that fall the same for the same clip, in whatever order the clips come."""
    return random.Random(zlib.crc32(b"".join(frame.tobytes() for frame in frames)))


class Fake:
    """A captioner that says what a function makes of the frames."""

    def __init__(self, says: Says) -> None:
        self.model = f"fake-{says.__name__}"
        self._says = says

    async def caption(self, request: CaptionRequest) -> Caption:
        frames = [still.rgb() for still in request.measured.stills]
        return Caption(text=self._says(frames), model=self.model, frames=())

    async def close(self) -> None:
        pass


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Says], Any]:
    settings = load_settings({"profile": "transformers"})

    async def check(says: Says) -> CaptionerCheck:
        monkeypatch.setattr(module, "create_captioner", lambda profile, check=True: Fake(says))
        return await check_captioner(settings)

    return check


async def test_a_captioner_that_looks_passes(checked: Callable[[Says], Any]) -> None:
    report = await checked(sees)
    assert report.passed, report.problems
    assert report.frame_order == "yes"
    assert report.reversed_pairs == (7, 7)
    assert (report.tallies["color"].right, report.tallies["direction"].right) == (12, 12)
    assert report.tallies["order of events"].right == 2
    assert report.tallies["text on screen"].right == report.tallies["blank"].right == 1
    assert report.tallies["number"].not_said == 2


async def test_one_that_shuffles_frames_is_caught(checked: Callable[[Says], Any]) -> None:
    def shuffles(frames: Sequence[Picture]) -> str:
        return sees(dice_for(frames).sample(list(frames), len(frames)))

    report = await checked(shuffles)
    assert report.frame_order == "no"
    assert "order of frames does not arrive" in report.problems[0]
    assert report.tallies["color"].right == 12


async def test_one_that_sees_only_one_frame_is_caught_by_saying_nothing_of_motion(checked: Callable[[Says], Any]) -> None:
    def glimpses(frames: Sequence[Picture]) -> str:
        return sees([frames[3]] * 8)

    report = await checked(glimpses)
    assert report.frame_order == "unknown"
    assert report.tallies["color"].right == 12
    assert report.problems == ("it says of 0 of 12 moving shapes that they move, as if a single frame arrived",)


async def test_one_that_says_that_things_move_but_not_where_passes_with_the_order_unknown(checked: Callable[[Says], Any]) -> None:
    def vague(frames: Sequence[Picture]) -> str:
        color = color_in(frames[0])
        return "Nothing is there." if color is None else f"A {color} ball is moving."

    report = await checked(vague)
    assert report.passed, report.problems
    assert report.frame_order == "unknown"


async def test_one_that_knows_nothing_but_the_basics_passes(checked: Callable[[Says], Any]) -> None:
    def basic(frames: Sequence[Picture]) -> str:
        return "A red ball moves left." if color_in(frames[0]) is None else sees(frames)

    report = await checked(basic)
    assert report.passed, report.problems
    assert (report.tallies["blank"].wrong, report.tallies["text on screen"].right) == (1, 0)


async def test_one_that_gets_the_frames_backwards_is_caught(checked: Callable[[Says], Any]) -> None:
    def backwards(frames: Sequence[Picture]) -> str:
        return sees(frames[::-1])

    report = await checked(backwards)
    assert report.tallies["direction"].wrong == 12
    assert report.frame_order == "no"


async def test_one_that_ignores_frames_is_caught(checked: Callable[[Says], Any]) -> None:
    def ignores(frames: Sequence[Picture]) -> str:
        return "A person walks along a street."

    report = await checked(ignores)
    assert report.problems == ("it gives every clip the same caption, as if no frames arrived",)
    assert report.tallies["blank"].wrong == 1


async def test_one_that_invents_is_caught_by_the_colors(checked: Callable[[Says], Any]) -> None:
    def invents(frames: Sequence[Picture]) -> str:
        return f"A {dice_for(frames).choice(list(COLORS))} car drives by."

    report = await checked(invents)
    assert any("it names the color of" in problem for problem in report.problems)


async def test_one_that_repeats_itself_is_caught(checked: Callable[[Says], Any]) -> None:
    def loops(frames: Sequence[Picture]) -> str:
        return sees(frames) if color_in(frames[0]) == "red" else "a ball moves and " * 40

    report = await checked(loops)
    assert report.loops > 0
    assert f"it repeats itself in {report.loops} of {len(CHECK_CLIPS)} captions" in report.problems


async def test_one_that_does_not_answer_is_reported_with_the_reason(checked: Callable[[Says], Any]) -> None:
    def refuses(frames: Sequence[Picture]) -> str:
        raise ModelError("the answer is empty", code="model.invalid_answer")

    report = await checked(refuses)
    assert report.failed == len(CHECK_CLIPS)
    assert "the answer is empty" in report.problems[0]


async def test_a_failed_check_is_a_warning_before_a_film_is_spent(checked: Callable[[Says], Any]) -> None:
    def ignores(frames: Sequence[Picture]) -> str:
        return "A person walks along a street."

    assert known_problems("fake-ignores") == ""
    report = await checked(ignores)
    assert last_check("fake-ignores") == report
    assert "every clip the same caption" in known_problems("fake-ignores")
    await checked(sees)
    assert known_problems("fake-sees") == ""


async def test_a_profile_that_uses_no_pictures_has_nothing_to_check() -> None:
    with pytest.raises(ConfigError, match="uses no pictures"):
        await check_captioner(Settings(profile="embedded"))


def test_the_command_prints_a_table_or_json_and_fails_with_the_captioner(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "create_captioner", lambda profile, check=True: Fake(sees))
    assert main(["model", "check", "--profile", "transformers"]) == 0
    printed = capsys.readouterr().out
    basics, extras = printed.split("extras; a captioner may lack these")
    assert "color           12 of 12 right" in basics
    assert "motion          12 of 12 right" in basics
    assert "blank           1 of 1 right" in extras
    assert "frame order     arrives (7 of 7 clips and their reversals right)" in printed
    monkeypatch.setattr(module, "create_captioner", lambda profile, check=True: Fake(lambda frames: "A street."))
    assert main(["model", "check", "--profile", "transformers", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["problems"]


@pytest.mark.parametrize(
    ("caption", "direction"),
    [
        ("a red circle moves left on a black background.", "left"),
        ("A ball on the left moves to the right.", "right"),
        ("A blue circle slides from left to right across a white screen.", "right"),
        ("The ball travels from the top of the frame to the bottom.", "down"),
        ("A circle drifts upwards.", "up"),
        ("A green ball falls.", "down"),
        ("The dot moves left-to-right.", "right"),
        ("A man stands on the right side of the street.", None),
        ("A ball moves left, then moves right.", None),
        ("a red circle moves nowhere", None),
    ],
)
def test_directions_are_read_from_captions(caption: str, direction: str | None) -> None:
    assert direction_in(caption) == direction
