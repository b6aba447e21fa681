"""Why a track fits, in words and numbers."""

from __future__ import annotations

from streamtags.core.music import Track
from streamtags.music.expressions import expression_terms, expression_text
from streamtags.music.fitting import Fit
from streamtags.music.guide import Guide
from streamtags.music.ranking import Ranked, Wanted
from streamtags.music.words import has_vocals, terms, text_of

__all__ = ["why_it_fits"]

_MAX_WORDS = 6
_ROUGHLY = 0.05  # a part of the score below this is not worth a word


def why_it_fits(track: Track, ranked: Ranked, wanted: Wanted, guide: Guide, fit: Fit | None, hit_count: int) -> str:
    """Return one line: shared words, the parts of the score with what they rest on, how the track lies under the cue."""
    tags = " ".join(tag for tag, _ in wanted.tags)
    wishes = set(terms(f"{wanted.words} {tags} {guide.text} {' '.join(signed.term for signed in guide.signed if signed.weight > 0)}"))
    wishes |= expression_terms(wanted.expressions).keys()
    shared = [word for word in dict.fromkeys(terms(text_of(track))) if word in wishes][:_MAX_WORDS]
    parts = [f"says {', '.join(shared)}"] if shared else []
    if abs(ranked.parts.get("faces", 0.0)) >= _ROUGHLY:
        parts.append(f"faces look {expression_text(wanted.expressions)} {ranked.parts['faces']:+.1f}")
    names = {"scene": "fits the scene", "guide": "fits the guide", "signed": "signed words", "matcher": "trained matcher"}
    parts += [f"{text} {ranked.parts[name]:+.1f}" for name, text in names.items() if abs(ranked.parts.get(name, 0.0)) >= _ROUGHLY]
    parts += _numbers(track, ranked, wanted)
    if fit is not None and hit_count:
        parts.append(f"meets {len(fit.hits)} of {hit_count} hit points")
    if ranked.parts.get("neighbor", 0.0) >= _ROUGHLY:
        parts.append(f"like the cue before {ranked.parts['neighbor']:+.1f}")
    if ranked.parts.get("rejected", 0.0) <= -_ROUGHLY:
        parts.append(f"like a rejected track {ranked.parts['rejected']:+.1f}")
    return "; ".join(parts) or "nothing else fits better"


def _numbers(track: Track, ranked: Ranked, wanted: Wanted) -> list[str]:
    parts = []
    if "tempo" in ranked.parts:
        known = f"{track.tempo:.0f} bpm" if track.tempo is not None else "tempo unknown"
        low, high = wanted.bpm.low, wanted.bpm.high
        parts.append(f"{known} for {low:.0f} to {high:.0f}" if low is not None and high is not None else known)
    if "energy" in ranked.parts and track.sound is not None and wanted.energy is not None:
        parts.append(f"energy {track.sound.energy:.2f} for {wanted.energy:.2f}")
    if "length" in ranked.parts and track.seconds is not None and wanted.seconds is not None and track.seconds < wanted.seconds:
        parts.append(f"lasts {track.seconds:.0f} of {wanted.seconds:.0f} s")
    if "room" in ranked.parts:
        parts.append({True: "has vocals over the dialogue", False: "leaves room for dialogue", None: "vocals unknown"}[has_vocals(track)])
    return parts
