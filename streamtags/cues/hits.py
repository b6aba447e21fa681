"""Hit points: cuts at which so much changes that music may answer."""

from __future__ import annotations

from itertools import pairwise

from streamtags.cues.film import Film, Shot

__all__ = ["hit_points"]

_MIN_CHANGE = 0.2  # of energy; a smaller one is not worth an accent
_SCENE_CHANGE = 0.15  # what a new scene counts, beside the change of energy
_MIN_DISTANCE_SECONDS = 2.0
_SECONDS_PER_HIT = 6.0
_EDGE_SECONDS = 1.0  # the beginning of a cue is an accent by itself
_MAX_QUOTE = 60


def hit_points(film: Film, start: float, end: float) -> list[tuple[float, str]]:
    """Return cuts inside a span that are worth an accent, in order, each with its reason: the strongest first, at most one for 6 s."""
    scenes = {scene.start for scene in film.scenes}
    candidates = []
    for before, shot in pairwise(film.shots):
        if shot.is_cut and start + _EDGE_SECONDS <= shot.start <= end - _EDGE_SECONDS:
            change = abs(shot.energy - before.energy) if shot.energy is not None and before.energy is not None else 0.0
            strength = change + (_SCENE_CHANGE if shot.start in scenes else 0.0)
            if strength >= _MIN_CHANGE:
                candidates.append((-strength, shot.start, _reason(before, shot, is_scene=shot.start in scenes)))
    chosen: list[tuple[float, str]] = []
    for _, at, reason in sorted(candidates):
        if len(chosen) < max(1, int((end - start) / _SECONDS_PER_HIT)) and all(abs(at - one) >= _MIN_DISTANCE_SECONDS for one, _ in chosen):
            chosen.append((at, reason))
    return sorted(chosen)


def _reason(before: Shot, shot: Shot, *, is_scene: bool) -> str:
    parts = ["a new scene" if is_scene else "cut"]
    if shot.caption:
        caption = shot.caption
        parts.append(f"“{caption if len(caption) <= _MAX_QUOTE else f'{caption[: _MAX_QUOTE - 1].rstrip()}…'}”")
    if shot.energy is not None and before.energy is not None:
        parts.append(f"energy {before.energy:.2f} to {shot.energy:.2f}")
    return ", ".join(parts)
