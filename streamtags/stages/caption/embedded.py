"""A caption made of measurements: one sentence on what an editor wants to know of a shot, and nothing about what is shown.

It says how long the shot is, its light, what the camera does, whether people speak, music plays or nothing is heard, and what the screen
reads. Needs no model and no network; the same measurements always give the same words. Limits between words are of our own choosing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from streamtags.config.options import Options
from streamtags.core.answers import heard_shares, screen_text
from streamtags.core.model import MEASURED_MODEL_PREFIX, Caption, CaptionRequest, Evidence, Segment
from streamtags.stages.backend import BackendSpec
from streamtags.stages.caption.prompts import one_line

__all__ = ["SPEC", "EmbeddedCaptioner"]

# A camera move below the first confidence is left out; below the second, it is worded as a guess.
_LEFT_OUT, _DOUBTFUL = 0.1, 0.25
_MOVES = {
    "pan_left": ("pan_percent_width_per_second", "pan", "to the left"),
    "pan_right": ("pan_percent_width_per_second", "pan", "to the right"),
    "tilt_up": ("tilt_percent_height_per_second", "tilt", "up"),
    "tilt_down": ("tilt_percent_height_per_second", "tilt", "down"),
    "zoom_in": ("zoom_percent_per_second", "zoom", "in"),
    "zoom_out": ("zoom_percent_per_second", "zoom", "out"),
}
_SILENT, _SPEECH, _MUCH_SPEECH = 0.9, 0.15, 0.5  # shares
_HEARD = 0.2  # share of speech, singing or music that is worth a word
_SCREEN_CHARACTERS = 80


class EmbeddedCaptioner:
    """Describe what was measured, heard and read in a segment in one sentence."""

    model = f"{MEASURED_MODEL_PREFIX}/measured-2"

    async def caption(self, request: CaptionRequest) -> Caption:
        """Caption one segment. What was not measured is left out."""
        measured, evidence = request.measured, request.measured.evidence
        clauses = [*_camera(evidence), _sound(evidence, request.answers), _screen(request.answers)]
        shot, rest = _shot(measured.segment, evidence), _listed([clause for clause in clauses if clause])
        return Caption(
            text=f"{shot}: {rest}." if rest else f"{shot}.",
            model=self.model,
            frames=tuple(still.pts for still in measured.stills),
        )

    async def close(self) -> None:
        """Nothing to release."""


def _shot(segment: Segment, evidence: Evidence) -> str:
    if "brightness_percent" not in evidence and "loudness_lufs" in evidence:
        return f"A sound of {segment.seconds:.1f} second{'' if f'{segment.seconds:.1f}' == '1.0' else 's'}"
    light = _word(evidence, "brightness_percent", (12, "very dark "), (25, "dark "), (62, ""), (None, "bright "))
    colorless = _word(evidence, "saturation_percent", (3, "black-and-white "), (None, ""))
    seconds = f"{segment.seconds:.1f}"
    what = "part of a shot" if segment.kind == "slice" else "shot"
    return f"A {light}{colorless}{what} of {seconds} second{'' if seconds == '1.0' else 's'}"


def _camera(evidence: Evidence) -> list[str]:
    camera, confidence = evidence.get("camera"), _number(evidence, "camera_confidence")
    if not isinstance(camera, str) or (confidence is not None and confidence < _LEFT_OUT):
        return []
    doubtful = confidence is not None and confidence < _DOUBTFUL
    if camera == "handheld":
        return ["the camera seems to be hand-held" if doubtful else "the camera is hand-held"]
    if camera == "static":
        rest = "the camera seems to rest" if doubtful else "the camera rests"
        stir = _word(
            evidence,
            "subject_motion_percent_per_second",
            (0.3, "nothing moves"),
            (1.5, "little moves"),
            (5, ""),
            (None, "much moves"),
        )
        return [rest, stir]
    if camera not in _MOVES:
        return []
    measure, verb, direction = _MOVES[camera]
    speed = _number(evidence, measure)
    manner = "" if speed is None else "slowly " if abs(speed) < 6 else "fast " if abs(speed) > 30 else ""
    return [f"the camera seems to {verb} {manner}{direction}" if doubtful else f"the camera {verb}s {manner}{direction}"]


def _sound(evidence: Evidence, answers: Mapping[str, Any]) -> str:
    silence = _number(evidence, "silence_share")
    if silence is not None and silence >= _SILENT:
        return "there is no sound"
    shares = heard_shares(answers)
    if shares:
        heard = _heard(shares)
        if heard:
            return heard
    elif (speech := _number(evidence, "speech_share")) is not None and speech >= _SPEECH:
        return "people speak" if speech >= _MUCH_SPEECH else "people speak now and then"
    loudness = _word(evidence, "loudness_lufs", (-45, "very quiet"), (-32, "quiet"), (-14, ""), (None, "loud"))
    return f"the sound is {loudness}, without speech" if loudness else ""


def _heard(shares: Mapping[str, float]) -> str:
    present = [name for name in ("speech", "singing", "music") if shares.get(name, 0.0) >= _HEARD]
    match present:
        case ["speech", *others]:
            return "people speak over music" if others else "people speak"
        case ["singing", *_]:
            return "someone sings"
        case ["music"]:
            return "music plays"
        case _:
            return ""


def _screen(answers: Mapping[str, Any]) -> str:
    """Return what the screen reads. The words are quoted without quotes of their own: they are words of the film, whatever they say."""
    words = one_line(screen_text(answers).replace("\n", " / ").replace('"', "'"), _SCREEN_CHARACTERS)
    return f'the screen reads "{words}"' if words else ""


def _listed(clauses: Sequence[str]) -> str:
    """Return `clauses` as one, with "and" before the last."""
    if len(clauses) < 2:
        return "".join(clauses)
    return f"{', '.join(clauses[:-1])}{',' if len(clauses) > 2 else ''} and {clauses[-1]}"


def _word(evidence: Evidence, name: str, *limits: tuple[float | None, str]) -> str:
    """The word of the first limit that the measure lies below; the last limit is None and takes the rest. "" where nothing was measured."""
    value = _number(evidence, name)
    if value is None:
        return ""
    return next(word for limit, word in limits if limit is None or value < limit)


def _number(evidence: Evidence, name: str) -> float | None:
    value = evidence.get(name)
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else None


SPEC = BackendSpec(
    name="embedded",
    kind="captioner",
    options=Options,
    create=lambda _: EmbeddedCaptioner(),
    needs_frames=False,
    needs_model=False,
)
