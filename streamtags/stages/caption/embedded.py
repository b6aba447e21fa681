"""A caption made of measurements: light, colors, camera, pace and sound in plain words, and nothing about what is shown.

Needs no model, no network and no time; the same evidence always gives the same words. Limits between words are of our own choosing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from streamtags.config.options import Options
from streamtags.core.model import MEASURED_MODEL_PREFIX, Caption, CaptionRequest, Evidence, Segment
from streamtags.stages.backend import BackendSpec

__all__ = ["SPEC", "EmbeddedCaptioner"]

_MOST_COLORS, _LEAST_SHARE = 3, 0.1
# A camera move below the first confidence is left out; below the second, it is worded as a guess.
_LEFT_OUT, _DOUBTFUL = 0.1, 0.25
_MOVES = {
    "pan_left": ("pan_percent_width_per_second", "pans left"),
    "pan_right": ("pan_percent_width_per_second", "pans right"),
    "tilt_up": ("tilt_percent_height_per_second", "tilts up"),
    "tilt_down": ("tilt_percent_height_per_second", "tilts down"),
    "zoom_in": ("zoom_percent_per_second", "zooms in"),
    "zoom_out": ("zoom_percent_per_second", "zooms out"),
}


class EmbeddedCaptioner:
    """Describe what was measured of a segment in one to three sentences."""

    model = f"{MEASURED_MODEL_PREFIX}/measured-1"

    async def caption(self, request: CaptionRequest) -> Caption:
        """Caption one segment. Missing measures are left out."""
        measured = request.measured
        sentences = [_picture(measured.segment, measured.evidence), _pace(measured.evidence), _sound(measured.evidence)]
        return Caption(
            text=" ".join(sentence for sentence in sentences if sentence),
            model=self.model,
            frames=tuple(still.pts for still in measured.stills),
        )

    async def close(self) -> None:
        """Nothing to release."""


def _picture(segment: Segment, evidence: Evidence) -> str:
    adjectives = [
        _word(evidence, "brightness_percent", (12, "very dark"), (25, "dark"), (62, ""), (None, "bright")),
        _word(evidence, "contrast_percent", (10, "low-contrast"), (30, ""), (None, "high-contrast")),
        _word(evidence, "saturation_percent", (3, "colorless"), (None, "")),
        _word(evidence, "warmth", (-0.15, "cold-toned"), (0.15, ""), (None, "warm-toned")),
        _word(evidence, "colourfulness", (45, ""), (None, "colorful")),
    ]
    what = " ".join(part for part in (", ".join(filter(None, adjectives)), "part of a shot" if segment.kind == "slice" else "shot") if part)
    seconds = f"{segment.seconds:.1f}"
    sentence = f"A {what} of {seconds} second{'' if seconds == '1.0' else 's'}"
    colors = _colors(evidence)
    if colors:
        sentence += f" in {_listed(colors)}"
    camera = _camera(evidence)
    return f"{sentence}; {camera}." if camera else f"{sentence}."


def _camera(evidence: Evidence) -> str:
    camera, confidence = evidence.get("camera"), _number(evidence, "camera_confidence")
    if not isinstance(camera, str) or (confidence is not None and confidence < _LEFT_OUT):
        return ""
    doubtful = confidence is not None and confidence < _DOUBTFUL
    if camera == "handheld":
        return "the camera seems to be hand-held" if doubtful else "the camera is hand-held"
    if camera == "static":
        rest = "the camera seems to rest" if doubtful else "the camera rests"
        stir = _word(
            evidence,
            "subject_motion_percent_per_second",
            (0.3, ", nothing moves"),
            (1.5, ", little moves"),
            (5, ""),
            (None, ", much moves"),
        )
        return rest + stir
    if camera not in _MOVES:
        return ""
    measure, move = _MOVES[camera]
    speed = _number(evidence, measure)
    manner = "" if speed is None else " slowly" if abs(speed) < 6 else " fast" if abs(speed) > 30 else ""
    # "pans left" as an infinitive drops the s of its first word.
    verb, _, direction = move.partition(" ")
    return f"the camera seems to {verb[:-1]} {direction}{manner}" if doubtful else f"the camera {move}{manner}"


def _pace(evidence: Evidence) -> str:
    cuts = _number(evidence, "cuts_per_minute")
    return f"The cutting is fast: {cuts:.0f} cuts a minute." if cuts is not None and cuts >= 20 else ""


def _sound(evidence: Evidence) -> str:
    silence = _number(evidence, "silence_share")
    if silence is not None and silence >= 0.9:
        return "Silence."
    loudness = _word(
        evidence, "loudness_lufs", (-45, "Very quiet sound"), (-32, "Quiet sound"), (-14, "Sound of medium loudness"), (None, "Loud sound")
    )
    if not loudness:
        return ""
    parts = [loudness, _word(evidence, "speech_share", (0.05, "no speech"), (0.15, ""), (0.5, "some speech"), (None, "mostly speech"))]
    if silence is not None and silence >= 0.3:
        parts.append("with silences")
    tempo = _number(evidence, "tempo_bpm")
    if tempo is not None and (_number(evidence, "tempo_confidence") or 0.0) >= 0.4:
        parts.append(f"a beat of about {tempo:.0f} a minute")
    return ", ".join(filter(None, parts)) + "."


def _colors(evidence: Evidence) -> list[str]:
    palette = evidence.get("palette")
    names: list[str] = []
    for color in palette if isinstance(palette, list) else []:
        name, share = (color.get("name"), color.get("share")) if isinstance(color, Mapping) else (None, None)
        if isinstance(name, str) and isinstance(share, (int, float)) and (share >= _LEAST_SHARE or not names):
            names.append(name)
    return names[:_MOST_COLORS]


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


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
