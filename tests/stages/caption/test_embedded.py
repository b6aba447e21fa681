from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import ConfigError
from streamtags.core.measures import MEASURES
from streamtags.core.model import Caption, CaptionRequest, Evidence, EvidenceValue, Kind, Measured, Segment
from streamtags.core.ports import Captioner
from streamtags.core.timebase import Clock
from streamtags.stages.caption.embedded import SPEC, EmbeddedCaptioner
from streamtags.testing.source import PictureStill

CLOCK = Clock(time_base=Fraction(1, 10), rate=Fraction(10))
PICTURE = np.zeros((2, 2, 3), np.uint8)
EVENING: dict[str, EvidenceValue] = {
    "brightness_percent": 18.0,
    "contrast_percent": 7.5,
    "saturation_percent": 40.0,
    "warmth": -0.05,
    "colourfulness": 20.0,
    "palette": [{"name": "black", "hex": "#000000", "share": 0.6}, {"name": "navy", "hex": "#01153e", "share": 0.3}],
    "camera": "pan_left",
    "camera_confidence": 0.8,
    "pan_percent_width_per_second": -4.0,
    "cuts_per_minute": 6.0,
    "loudness_lufs": -36.0,
    "speech_share": 0.7,
    "silence_share": 0.1,
    "tempo_bpm": None,
    "tempo_confidence": 0.1,
}


def request(evidence: Evidence, tenths: int = 42, kind: Kind = "shot") -> CaptionRequest:
    segment = Segment("s", 0, 0, CLOCK.at(0, 0), CLOCK.at(tenths, tenths), kind, "start")
    return CaptionRequest(Measured(segment, evidence, stills=tuple(PictureStill(pts, PICTURE) for pts in (5, 20, 40))))


async def caption(evidence: Evidence, tenths: int = 42, kind: Kind = "shot") -> Caption:
    return await SPEC.build({}).caption(request(evidence, tenths, kind))


async def text(**changes: EvidenceValue) -> str:
    return (await caption({**EVENING, **changes})).text


async def test_a_caption_says_plainly_what_was_measured() -> None:
    assert await text() == ("A dark shot of 4.2 seconds: the camera pans slowly to the left and people speak.")


async def test_the_frames_are_the_stills_in_order_and_the_model_is_named() -> None:
    result = await caption(EVENING)
    assert (result.frames, result.model, result.usage) == ((5, 20, 40), EmbeddedCaptioner.model, None)
    assert isinstance(SPEC.build({}), Captioner)


async def test_nothing_measured_leaves_the_length() -> None:
    assert (await caption({}, 10)).text == "A shot of 1.0 second."
    assert (await caption({}, 200, "slice")).text == "A part of a shot of 20.0 seconds."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"camera": "static", "subject_motion_percent_per_second": 0.1}, "the camera rests, nothing moves, and people speak"),
        ({"camera": "static", "subject_motion_percent_per_second": 9.0}, "the camera rests, much moves"),
        ({"camera": "static", "subject_motion_percent_per_second": None}, ": the camera rests and people speak."),
        ({"camera": "handheld"}, "the camera is hand-held"),
        ({"camera": "handheld", "camera_confidence": 0.2}, "the camera seems to be hand-held"),
        ({"camera": "zoom_in", "zoom_percent_per_second": 50.0}, "the camera zooms fast in"),
        ({"camera": "tilt_up", "tilt_percent_height_per_second": 12.0, "camera_confidence": 0.2}, "the camera seems to tilt up"),
        ({"silence_share": 1.0, "loudness_lufs": None}, "and there is no sound."),
        ({"speech_share": 0.0, "loudness_lufs": -12.0}, "and the sound is loud, without speech."),
        ({"speech_share": 0.0, "loudness_lufs": -20.0}, "to the left."),
        ({"speech_share": 0.3}, "and people speak now and then."),
        ({"brightness_percent": 70.0}, "A bright shot"),
        ({"saturation_percent": 1.0}, "A dark black-and-white shot"),
    ],
)
async def test_words_follow_the_numbers(changes: dict[str, EvidenceValue], words: str) -> None:
    assert words in await text(**changes)


@pytest.mark.parametrize("changes", [{"camera": None}, {"camera_confidence": 0.05}, {"camera": "crane"}])
async def test_an_unknown_or_unclear_camera_is_left_out(changes: dict[str, EvidenceValue]) -> None:
    assert "camera" not in await text(**changes)


async def test_missing_sound_is_left_out() -> None:
    picture_only = {name: value for name, value in EVENING.items() if name not in ("loudness_lufs", "silence_share", "speech_share")}
    assert (await caption(picture_only)).text == "A dark shot of 4.2 seconds: the camera pans slowly to the left."


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"speech": 0.6, "music": 0.0}, "people speak"),
        ({"speech": 0.6, "music": 0.5}, "people speak over music"),
        ({"singing": 0.4, "music": 0.9}, "someone sings"),
        ({"music": 0.9, "speech": 0.05}, "music plays"),
        ({"other": 1.0}, "the sound is quiet, without speech"),
    ],
)
async def test_what_is_heard_stands_before_guesses_from_loudness(shares: dict[str, float], words: str) -> None:
    heard = replace(request(EVENING), answers={"heard": {"content": shares}})
    assert (await SPEC.build({}).caption(heard)).text == f"A dark shot of 4.2 seconds: the camera pans slowly to the left and {words}."


async def test_text_on_screen_is_quoted_short_and_cannot_end_the_quotation() -> None:
    lines = [{"text": 'THE "END"'}, {"text": "of a very long line " * 9}]
    result = await SPEC.build({}).caption(replace(request({}), answers={"read": {"lines": lines}}))
    assert result.text.startswith("A shot of 4.2 seconds: the screen reads \"THE 'END' / of a very long")
    assert result.text.endswith('…".')
    assert len(result.text) < 140
    assert result.text.count('"') == 2


def test_options_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'temperature'"):
        SPEC.build({"temperature": 0.2})


VALUES = st.none() | st.floats() | st.booleans() | st.sampled_from(["", "static", "handheld", "pan_left", "zoom_out"])


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys([*MEASURES, "palette"], VALUES)),
    st.integers(1, 100_000),
    st.sampled_from(get_args(Kind)),
)
async def test_whatever_was_measured_the_caption_is_one_sentence_and_always_the_same(
    evidence: dict[str, EvidenceValue], tenths: int, kind: Kind
) -> None:
    result = await caption(evidence, tenths, kind)
    assert re.fullmatch(r"A [a-z].*\.", result.text)
    assert not re.search(r"  |,,|, [.;]|nan|inf|None", result.text)
    assert len(re.findall(r"\.(?= |$)", result.text)) == 1
    assert result == await caption(evidence, tenths, kind)
