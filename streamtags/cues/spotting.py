"""Spotting: the spans of a film that want music.

Music may be where nothing speaks for long and no music is heard already. It begins on a cut or after a line, never inside a line; it ends
before a conversation, before source music, or with the mood. Each decision says which caption, line or measurement it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, sqrt

from streamtags.core.cue_events import CueDetected, CueHit, CueUsage
from streamtags.core.state import SpottedCue
from streamtags.cues.film import Film, Line, Scene, Shot, Span
from streamtags.cues.hits import hit_points

__all__ = ["SpotSettings", "spot"]

_SNAP_SECONDS = 0.5
_TALK_GAP_SECONDS = 4.0  # lines that are closer belong to one conversation
_TALK_SECONDS = 8.0  # a conversation of this length carries the scene; a shorter exchange may lie over music
_SAME_MOOD = 0.6  # cosine of the tags of two scenes
_SAME_ENERGY = 0.3
_SURE = 0.3  # confidence below which a tag is no mood to end a cue for
_FEATURED_ENERGY, _FEATURED_DIALOGUE = 0.55, 0.1
_STEP_SECONDS, _MAX_STEPS = 2.0, 32
_SLOWEST_BPM, _BPM_OF_ENERGY = 60.0, 90.0  # 60 bpm for a still picture, 150 for a driving one
_BPM_SHARE = 0.12
_UNKNOWN_ENERGY = 0.4
_MAX_QUOTE = 80


@dataclass(frozen=True, slots=True)
class SpotSettings:
    """What is spotted.

    Attributes:
        min_seconds: a shorter span gets no music.
        max_seconds: scenes of one mood are joined up to this length.
        reel_seconds: length of a reel, for the numbers of cues.
        is_over_music: spot also where music is heard already, as over a temporary mix.
    """

    min_seconds: float = 6.0
    max_seconds: float = 240.0
    reel_seconds: float = 1200.0
    is_over_music: bool = False


@dataclass(frozen=True, slots=True)
class _Free:
    """A span without obstacle, the scenes it covers, and why it begins and ends there."""

    start: float
    end: float
    scenes: tuple[Scene, ...]
    begins: str
    ends: str


def spot(film: Film, settings: SpotSettings | None = None, kept: Sequence[SpottedCue] = ()) -> list[CueDetected]:
    """Return the cues of a film, in order, source music among them.

    Args:
        film: what is known of it.
        settings: what is spotted.
        kept: cues that a person has decided about: their spans and numbers stay, and no other cue overlaps them.
    """
    settings = settings or SpotSettings()
    source = [] if settings.is_over_music else list(film.music)
    taken = [Span(cue.start.seconds, cue.end.seconds) for cue in kept]
    spans = _joined_moods(_free_spans(film, source, taken), film, settings)
    cues = [_cue(film, span) for span in spans]
    cues += [_source_cue(film, span) for span in source if not any(span.start < each.end and span.end > each.start for each in taken)]
    cues = [cue.model_copy(update={"over_music": settings.is_over_music}) for cue in sorted(cues, key=lambda cue: cue.start.pts)]
    return _numbered(cues, film, settings, {cue.cue for cue in kept})


def _free_spans(film: Film, source: Sequence[Span], taken: Sequence[Span]) -> list[_Free]:
    """Return what is left of the scenes without conversations, source music and decided cues, its edges moved off lines."""
    obstacles = [
        (span, f"the conversation that begins {_quoted(first)}", f"the line {_quoted(last)}") for span, first, last in _talks(film.lines)
    ]
    obstacles += [(span, "music is heard in the film from there", "the music in the film ends") for span in source]
    obstacles += [(span, "a decided cue begins", "a decided cue ends") for span in taken]
    obstacles.sort(key=lambda obstacle: obstacle[0].start)
    free: list[_Free] = []
    for scene in film.scenes:
        start, begins = scene.start, f"on the cut to {_quoted_caption(film, scene.start)}"
        for span, before, after in obstacles:
            if span.end <= start or span.start >= scene.end:
                continue
            if span.start > start:
                free.append(_Free(start, span.start, (scene,), begins, f"before {before}"))
            start, begins = max(start, span.end), f"after {after}"
        if start < scene.end:
            near = (f"before {before}" for span, before, _ in obstacles if abs(span.start - scene.end) <= _SNAP_SECONDS)
            free.append(_Free(start, scene.end, (scene,), begins, next(near, "with the scene")))
    return [moved for each in free if (moved := _off_lines(film, each)) is not None]


def _talks(lines: Sequence[Line]) -> list[tuple[Span, Line, Line]]:
    """Return the conversations that are long enough to carry a scene, with their first and last lines."""
    talks: list[list[Line]] = []
    for line in lines:
        if talks and line.start - max(each.end for each in talks[-1]) <= _TALK_GAP_SECONDS:
            talks[-1].append(line)
        else:
            talks.append([line])
    spans = [(Span(talk[0].start, max(line.end for line in talk)), talk[0], talk[-1]) for talk in talks]
    return [talk for talk in spans if talk[0].seconds >= _TALK_SECONDS]


def _off_lines(film: Film, span: _Free) -> _Free | None:
    """Move the start of a span out of a line and onto a cut close after it, and its end out of a line; None if nothing is left."""
    start, begins = span.start, span.begins
    while (line := _inside(film.lines, start)) is not None:
        start, begins = line.end, f"after the line {_quoted(line)}"
    cut = next((shot.start for shot in film.shots if shot.is_cut and start < shot.start <= start + _SNAP_SECONDS), None)
    if cut is not None and _inside(film.lines, cut) is None:
        start, begins = cut, f"{begins}, on the cut to {_quoted_caption(film, cut)}"
    end, ends = span.end, span.ends
    while (line := _inside(film.lines, end)) is not None and line.start > start:
        end, ends = line.start, f"before the line {_quoted(line)}"
    return replace(span, start=start, end=end, begins=begins, ends=ends) if end > start else None


def _inside(lines: Iterable[Line], seconds: float) -> Line | None:
    """Return the line in which a moment lies; its end is outside."""
    return next((line for line in lines if line.start < seconds < line.end), None)


def _joined_moods(spans: Sequence[_Free], film: Film, settings: SpotSettings) -> list[_Free]:
    """Join spans that touch and feel alike; leave out those that stay too short."""
    joined: list[_Free] = []
    for span in spans:
        before = joined[-1] if joined else None
        if (
            before is not None
            and span.start - before.end < 1e-6
            and span.end - before.start <= settings.max_seconds
            and not _is_split(before, span)
            and _feel_alike(before.scenes[-1], span.scenes[0], film)
        ):
            joined[-1] = replace(before, end=span.end, scenes=(*before.scenes, *span.scenes), ends=span.ends)
        else:
            joined.append(span)
    changed = [replace(one, ends=_change(one, two, film)) if two.start - one.end < 1e-6 else one for one, two in pairwise(joined)]
    least = settings.min_seconds
    if any(shot.expressions for shot in film.shots):  # a portrait of a few seconds is one cue
        least = min(least, film.seconds - 1e-6)
    return [span for span in [*changed, *joined[-1:]] if span.end - span.start >= least]


def _is_split(one: _Free, two: _Free) -> bool:
    """Return whether a person says that a scene begins where two spans touch."""
    return two.scenes[0].is_split and two.scenes[0] is not one.scenes[-1]


def _change(before: _Free, after: _Free, film: Film) -> str:
    """Return why two spans that touch are not one cue: a person's split, what changes between their scenes that touch, or their length."""
    if _is_split(before, after):
        return "with the scene, which a person split there"
    one, two = before.scenes[-1], after.scenes[0]
    if _feel_alike(one, two, film):
        return "where it would be too long for one cue"
    energies = [_energy(film.shots_in(scene.start, scene.end)) for scene in (one, two)]
    if abs(energies[0] - energies[1]) > _SAME_ENERGY:
        return f"with the energy: {energies[0]:.2f} becomes {energies[1]:.2f}"
    return f"with the mood: {_mood([one])} becomes {_mood([two])}"


def _feel_alike(one: Scene, two: Scene, film: Film) -> bool:
    apart = abs(_energy(film.shots_in(one.start, one.end)) - _energy(film.shots_in(two.start, two.end)))
    sure = [{tag: confidence for tag, confidence in scene.tags.items() if confidence >= _SURE} for scene in (one, two)]
    if not all(sure):
        return apart <= _SAME_ENERGY
    product = sum(confidence * sure[1].get(tag, 0.0) for tag, confidence in sure[0].items())
    lengths = (sqrt(sum(confidence**2 for confidence in tags.values())) for tags in sure)
    return product / max(next(lengths) * next(lengths), 1e-9) >= _SAME_MOOD and apart <= _SAME_ENERGY


def _energy(shots: Sequence[Shot]) -> float:
    """Return the mean energy of shots, weighted by their lengths."""
    known = [(shot.energy, shot.end - shot.start) for shot in shots if shot.energy is not None]
    total = sum(seconds for _, seconds in known)
    return sum(energy * seconds for energy, seconds in known) / total if total else _UNKNOWN_ENERGY


def _cue(film: Film, span: _Free) -> CueDetected:
    shots = film.shots_in(span.start, span.end)
    energy, dialogue = _energy(shots), film.dialogue_share(span.start, span.end)
    usage: CueUsage = "featured" if energy >= _FEATURED_ENERGY and dialogue <= _FEATURED_DIALOGUE else "background"
    middle = _SLOWEST_BPM + _BPM_OF_ENERGY * energy
    talk = f"{dialogue:.0%} dialogue" if dialogue else "no dialogue"
    faces = ", ".join(f"{label} {confidence:.2f}" for label, confidence in film.expressions(span.start, span.end))
    return CueDetected(
        cue="",
        start=film.time(span.start),
        end=film.time(span.end),
        reason=f"Begins {span.begins}; ends {span.ends}. Mood: {_mood(span.scenes)}; energy {energy:.2f}, {talk}."
        + (f" Faces look: {faces}." if faces else ""),
        usage=usage,
        bpm=(round(middle / (1 + _BPM_SHARE)), round(middle * (1 + _BPM_SHARE))),
        intensity=_curve(film, span.start, span.end),
        hits=[CueHit(at=film.time(at), reason=reason) for at, reason in hit_points(film, span.start, span.end)],
    )


def _source_cue(film: Film, span: Span) -> CueDetected:
    reason = f"Music is heard in the film for {span.seconds:.1f} s, over {_quoted_caption(film, span.start)}."
    return CueDetected(cue="", start=film.time(span.start), end=film.time(span.end), reason=reason, usage="source")


def _curve(film: Film, start: float, end: float) -> list[float]:
    """Return the energy in equal steps of about two seconds."""
    steps = min(_MAX_STEPS, max(1, ceil((end - start) / _STEP_SECONDS)))
    width = (end - start) / steps
    spans = [(start + step * width, start + (step + 1) * width) for step in range(steps)]
    return [round(_energy(film.shots_in(*span)), 3) for span in spans]


def _mood(scenes: Sequence[Scene]) -> str:
    """Return the strongest tags of scenes in words."""
    total: dict[str, float] = {}
    for scene in scenes:
        for tag, confidence in scene.tags.items():
            total[tag] = total.get(tag, 0.0) + confidence / len(scenes)
    best = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    return ", ".join(f"{tag} {confidence:.2f}" for tag, confidence in best) or "no tags"


def _quoted_caption(film: Film, seconds: float) -> str:
    shot = next((shot for shot in film.shots if shot.start <= seconds < shot.end), None)
    return f"“{_cut(shot.caption)}”" if shot is not None and shot.caption else "a shot without caption"


def _quoted(line: Line) -> str:
    return f"“{_cut(line.text)}”" if line.text else f"heard up to {line.end:.1f} s"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_QUOTE else f"{text[: _MAX_QUOTE - 1]}…"


def _numbered(cues: Sequence[CueDetected], film: Film, settings: SpotSettings, used: set[str]) -> list[CueDetected]:
    """Number cues by reel; numbers that decided cues have are passed over."""
    taken = {name.removesuffix("S") for name in used}
    numbers: dict[int, int] = {}
    begin = film.shots[0].start
    numbered = []
    for cue in cues:
        reel = 1 + int((cue.start.seconds - begin) // settings.reel_seconds)
        number = numbers.get(reel, 0) + 1
        while f"{reel}M{number}" in taken:
            number += 1
        numbers[reel] = number
        numbered.append(cue.model_copy(update={"cue": f"{reel}M{number}{'S' if cue.usage == 'source' else ''}"}))
    return numbered
