"""Where a segment may lie between calm and stirring, unpleasant and pleasant: estimates from published models, not measurements.

Arousal is that of Hanjalic & Xu, "Affective video content representation and modeling" (IEEE Transactions on Multimedia 7(1), 2005):
the mean of motion, cut density and sound energy, each scaled to 0..1. They scale by the largest value of the whole film, which a stream
does not know yet, so each is scaled by fixed figures of our own instead.

Valence is the pleasure of Valdez & Mehrabian, "Effects of color on emotions" (Journal of Experimental Psychology: General 123(4), 1994):
.69 brightness + .22 saturation, both standardized. It knows nothing of what is shown.
"""

from __future__ import annotations

from math import exp, isfinite

from streamtags.core.model import Evidence, EvidenceValue

__all__ = ["affect"]

# Speed at which motion has risen to 63 %: tripod shots with people lie at 1 to 4, hand-held ones at 20 to 30.
_MOTION_SCALE = 20.0
# Seconds between cuts at which cut density has fallen to 37 %; feature films of today average 4 to 6.
_CUT_SCALE = 6.0
# Loudness of next to nothing and of a loud mix; EBU R 128 programs average -23.
_QUIET_LUFS, _LOUD_LUFS = -45.0, -10.0
# Mean and standard deviation over 76 real shots of all kinds (home video, documentary, animation, sport), which make "standardized".
_BRIGHTNESS, _COLOURFULNESS = (36.0, 18.0), (33.0, 18.0)
_PLEASURE_OF_BRIGHTNESS, _PLEASURE_OF_SATURATION = 0.69, 0.22


def affect(evidence: Evidence) -> dict[str, EvidenceValue]:
    """`arousal_estimate`, 0 calm to 1 stirring, and `valence_estimate`, -1 unpleasant to 1 pleasant, from what was measured.

    A part that was not measured is left out of the mean. None where nothing that counts was measured.
    """
    return {"arousal_estimate": _arousal(evidence), "valence_estimate": _valence(evidence)}


def _arousal(evidence: Evidence) -> float | None:
    parts: list[float] = []
    motion, cuts, loudness = (_number(evidence, name) for name in ("motion_percent_per_second", "cuts_per_minute", "loudness_lufs"))
    if motion is not None:
        parts.append(1 - exp(-max(0.0, motion) / _MOTION_SCALE))
    if cuts is not None:
        # Their cut density, exp((1 - frames between cuts) / delta), in seconds and over the trailing shots.
        parts.append(exp(-60 / cuts / _CUT_SCALE) if cuts > 0 else 0.0)
    if loudness is not None:
        parts.append(min(1.0, max(0.0, (loudness - _QUIET_LUFS) / (_LOUD_LUFS - _QUIET_LUFS))))
    elif _number(evidence, "silence_share") == 1:
        parts.append(0.0)
    return round(sum(parts) / len(parts), 3) if parts else None


def _valence(evidence: Evidence) -> float | None:
    brightness, colourfulness = _number(evidence, "brightness_percent"), _number(evidence, "colourfulness")
    if brightness is None:
        return None
    # Colourfulness stands for their Munsell chroma, which like it is small in the dark; without it, average colors are assumed.
    saturation = 0.0 if colourfulness is None else (colourfulness - _COLOURFULNESS[0]) / _COLOURFULNESS[1]
    pleasure = _PLEASURE_OF_BRIGHTNESS * (brightness - _BRIGHTNESS[0]) / _BRIGHTNESS[1] + _PLEASURE_OF_SATURATION * saturation
    # Two standard deviations of both are the end of the scale.
    return round(min(1.0, max(-1.0, pleasure / (2 * (_PLEASURE_OF_BRIGHTNESS + _PLEASURE_OF_SATURATION)))), 3) + 0.0


def _number(evidence: Evidence, name: str) -> float | None:
    value = evidence.get(name)
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else None
