"""Candidates for boundaries, and how those that overlap are settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from streamtags.shots.explained import is_camera_turn, is_drifting_ground, is_flash, is_other_light
from streamtags.shots.options import Timing
from streamtags.shots.window import FrameWindow

__all__ = ["BoundaryKind", "Candidate", "Candidates", "middle_of_fade"]

BoundaryKind = Literal["cut", "gradual"]

_JOINED_STRENGTH = 0.6  # share of the stronger candidate's strength from which a weaker one extends it
_BESIDE = 2  # frames beside the middle part of a transition, at least, that show the shots on both sides
_MIN_DISTANCE = 2  # frames between two boundaries


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible boundary.

    Attributes:
        at: first frame of the new shot, or the middle of a gradual transition.
        kind: cut or gradual.
        strength: score; 1 at the threshold.
        low: first frame of the transition.
        high: last frame of the transition.
        window: first and last frame that were examined.
    """

    at: int
    kind: BoundaryKind
    strength: float
    low: int
    high: int
    window: tuple[int, int]


class Candidates:
    """Collects candidates until no later frame can change which of them stand.

    Args:
        window: the frames they belong to.
        timing: lengths of time in frames.
    """

    def __init__(self, window: FrameWindow, timing: Timing) -> None:
        self._window = window
        self._timing = timing
        self._pending: list[Candidate] = []
        self._last: Candidate | None = None  # the latest that was settled

    def add(self, candidate: Candidate) -> None:
        """Add a candidate."""
        self._pending.append(candidate)

    def starts_before(self, at: int) -> list[int]:
        """Frames before `at` at which a shot begins, as far as is known."""
        cuts = [candidate.at for candidate in self._pending if candidate.kind == "cut" and candidate.at < at - _MIN_DISTANCE]
        return cuts if self._last is None else [*cuts, self._last.at]

    def settle(self, until: int) -> list[Candidate]:
        """Return the boundaries up to frame `until`, in order: of candidates that overlap the strongest, a cut before a gradual one."""
        if not self._pending or min(candidate.at for candidate in self._pending) > until:
            return []
        standing = self._without_overlap()
        self._pending = [candidate for candidate in self._pending if candidate.at > until]
        ended = until >= self._window.count
        cuts = [candidate.at for candidate in standing if candidate.kind == "cut"]
        accepted = (self._accept(c, cuts, ended=ended) for c in sorted(standing, key=lambda c: c.at) if c.at <= until)
        return [candidate for candidate in accepted if candidate is not None]

    def _without_overlap(self) -> list[Candidate]:
        standing = [] if self._last is None else [self._last]
        for candidate in sorted(self._pending, key=lambda c: (c.kind == "gradual", -c.strength)):
            for i, other in enumerate(standing):
                if self._collide(candidate, other):
                    standing[i] = _joined(other, candidate)
                    break
            else:
                standing.append(candidate)
        if self._last is not None:
            self._last = standing.pop(0)
        return standing

    def _collide(self, candidate: Candidate, other: Candidate) -> bool:
        """Whether both stand for the same transition."""
        if candidate.kind == other.kind == "cut":
            return abs(candidate.at - other.at) < self._timing.min_shot
        if candidate.kind != other.kind:
            return candidate.window[0] < other.window[1] and other.window[0] < candidate.window[1]
        if candidate.window[0] < other.high and other.low < candidate.window[1]:
            return True
        first, second = sorted((candidate, other), key=lambda c: c.at)
        gap, hold = second.low - first.high, self._timing.hold
        oldest = self._window.count - self._window.size
        uniform = len(self._window.uniform_frames(max(first.high, oldest), second.low)) if gap > hold else 0
        return uniform <= hold and gap - uniform <= hold

    def _accept(self, candidate: Candidate, cuts: Sequence[int], *, ended: bool) -> Candidate | None:
        if self._last is not None and candidate.at - self._last.at < _MIN_DISTANCE:
            return None
        if self._is_explained(candidate, cuts):
            return None
        self._last = candidate
        if candidate.kind == "cut":
            return candidate
        if self._is_at_an_end(candidate, ended=ended):
            return None
        middle = middle_of_fade(self._window, self._timing.hold, candidate.low, candidate.high)
        return candidate if middle is None else replace(candidate, at=max(candidate.at, middle))

    def _is_at_an_end(self, candidate: Candidate, *, ended: bool) -> bool:
        """Whether a transition opens or closes the source.

        A fade goes on to the uniform picture; beside a dissolve, what was joined to the strongest candidate may be movement.
        """
        window, edge = self._window, self._timing.edge
        first, last = window.oldest, window.count - 1
        uniform = window.uniform_frames(first, last) if ended or candidate.low < edge else ()
        low = candidate.low if first in uniform else max(candidate.low, candidate.window[0])
        high = candidate.high if last in uniform else min(candidate.high, candidate.window[1])
        return low < edge or (ended and window.count - high < edge)

    def _is_explained(self, candidate: Candidate, cuts: Sequence[int]) -> bool:
        """Whether what looks like a boundary belongs to one take."""
        window, timing = self._window, self._timing
        if is_flash(window, candidate.low, candidate.high, timing.settle, timing.lookahead):
            return True
        if candidate.kind == "cut":
            return False
        beside = max(_BESIDE, (candidate.high - candidate.low) // 4)
        earlier = [cut for cut in (*cuts, window.oldest) if cut <= candidate.at]
        later = [cut - 1 for cut in (*cuts, window.count) if cut > candidate.at]
        before, after = max(*earlier, candidate.low - beside), min(*later, candidate.high + beside)
        if is_other_light(window, before, after, timing.lookahead) or is_drifting_ground(window, before, after):
            return True
        return is_camera_turn(window, before, after, timing.stride)


def middle_of_fade(window: FrameWindow, hold: int, low: int, high: int) -> int | None:
    """The middle of the uniform picture that a fade from `low` to `high` passes through; None if there is none."""
    first, last = max(0, low - hold), min(window.count - 1, high + hold)
    uniform: Sequence[int] = window.uniform_frames(first, last).tolist()
    if uniform and uniform[0] > first and uniform[-1] < last:
        return (uniform[0] + uniform[-1]) // 2
    return None


def _joined(stronger: Candidate, weaker: Candidate) -> Candidate:
    """The stronger candidate, over the length that both cover; a weaker one from a longer window may cover two transitions."""
    longer = weaker.window[1] - weaker.window[0] > stronger.window[1] - stronger.window[0]
    if longer or weaker.strength < _JOINED_STRENGTH * stronger.strength or not stronger.kind == weaker.kind == "gradual":
        return stronger
    return replace(stronger, low=min(stronger.low, weaker.low), high=max(stronger.high, weaker.high))
