"""What a stage is, and what its runner gets and returns.

A stage is one step that every segment takes, or that looks at all segments in order. `streamtags.stages.table` lists them. A runner takes
values and returns payloads; it never calls the scheduler, the store or another stage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from streamtags.core.events import Payload, Reused
from streamtags.core.model import Measured
from streamtags.core.state import SegmentState
from streamtags.stages.tools import Tools

__all__ = ["PASS_INPUTS", "SOUND", "STILLS", "Earlier", "LaneLimits", "SceneRunner", "SegmentRunner", "SegmentWork", "Stage"]

STILLS = "stills"
"""The input that the pass over the source gives: the pictures of a segment. It exists only while the source is read."""


SOUND = "sound"
"""The input that the pass over the source gives to stages that listen (`streamtags.core.sound`); None for a source without sound."""

PASS_INPUTS = frozenset({STILLS, SOUND})
"""What exists only while the source is read."""


@dataclass(frozen=True, slots=True)
class SegmentWork:
    """One segment, as the runner of a stage gets it.

    Attributes:
        state: everything known of the segment, the answers of the stages before included.
        measured: the measurements with stills or sound, for a stage that needs one of these; None for every other stage.
        previous: the segment before; None for the first.
    """

    state: SegmentState
    measured: Measured | None = None
    previous: SegmentState | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A segment of another timeline that shows the same pictures, for a stage that can reuse its answer.

    Attributes:
        state: the other segment.
        origin: where it is.
        same_sound: whether its sound and its text are the same too.
    """

    state: SegmentState
    origin: Reused
    same_sound: bool


class SegmentRunner(ABC):
    """Answers for one segment at a time. Subclasses implement `run`; the other methods do nothing unless overridden.

    Attributes:
        is_remote: whether it calls a server; its answers may then share a commit.
    """

    is_remote = False

    async def ready(self) -> None:  # noqa: B027 - optional
        """Check that the stage can work; called once, before anything is written.

        Raises:
            ModelError: a server cannot be reached, refuses, or lacks the model.
        """

    @abstractmethod
    async def run(self, work: SegmentWork) -> Sequence[Payload]:
        """Return the answer for one segment: payloads with the fields `segment` and `rev`. The scheduler sets `rev`.

        Called concurrently for several segments, and again for the same segment if it fails with a `retryable` error.

        Raises:
            ModelError: there is no answer; the segment has failed at this stage, and the next run tries again.
        """

    async def provisional(self, work: SegmentWork) -> Sequence[Payload]:
        """Return a first answer of rev 0, from measurements alone, that every later answer replaces; empty for none."""
        return ()

    def reuse(self, work: SegmentWork, earlier: Earlier) -> Sequence[Payload]:
        """Return the answer that an earlier version of the edit has for the same pictures; empty if it does not apply."""
        return ()

    async def close(self) -> None:  # noqa: B027 - optional
        """Release connections and memory."""


class SceneRunner(Protocol):
    """Looks at all segments in order. Must return the same payloads when a resumed run shows it the same segments again."""

    def push(self, segment: SegmentState) -> Sequence[Payload]:
        """Take the next segment; return what is certain now."""
        ...

    def finish(self) -> Sequence[Payload]:
        """Return what is still open when no segment follows."""
        ...


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """The limits of a lane.

    Attributes:
        concurrency: the most requests in flight.
        retries: the most retries of one request.
        deadline_seconds: the longest time for one request, retries included.
    """

    concurrency: int = 4
    retries: int = 2
    deadline_seconds: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One entry of the stage table.

    Attributes:
        name: a verb for programs and for `segment.failed`, such as `caption`.
        title: the name for people, such as "Captions".
        description: one sentence for people.
        scope: `segment` runs once for each segment, `scene` looks at all segments in order.
        needs: the inputs; `stills`, `sound`, or what other stages give: `evidence`, `text`, `caption`, `tags`, the name of a stage.
        emits: the payload classes; the first is the stage's answer.
        uses: inputs that it waits for if a stage of the run gives them, and does without otherwise.
        gives: names under which other stages need the answer; the stage's name unless set.
        lane: name of the lane that limits it; stages with the same name share a lane. None runs it without limit.
        limits: of the lane; None takes the profile's.
        backend: the part of a profile that configures it, None for none.
        live_backlog: the most segments of a live source that wait for a place in the lane; one more is skipped.
        is_answered: whether a segment has its answer; by default, whether the fold keeps one.
        is_enabled: whether a run with these tools has this stage; by default, every run has.
        create: makes the runner from the tools of a run: a `SegmentRunner` or a `SceneRunner`, depending on `scope`.
    """

    name: str
    title: str
    description: str
    scope: Literal["segment", "scene"] = "segment"
    needs: frozenset[str]
    emits: tuple[type[Payload], ...]
    uses: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    lane: str | None = None
    limits: LaneLimits | None = None
    backend: Literal["captioner", "classifier"] | None = None
    live_backlog: int = 256
    is_answered: Callable[[SegmentState], bool] | None = None
    is_enabled: Callable[[Tools], bool] | None = None
    create: Callable[[Tools], Any]

    @property
    def outputs(self) -> frozenset[str]:
        """The names under which other stages need its answer."""
        return self.gives or frozenset({self.name})

    def has_answer(self, segment: SegmentState) -> bool:
        """Whether `segment` has this stage's answer."""
        if self.is_answered is not None:
            return self.is_answered(segment)
        return self.emits[0].type.removeprefix("segment.") in segment.answers
