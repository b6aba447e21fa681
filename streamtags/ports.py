"""The seams: what a stage needs of the world outside, and no more. Every backend passes the same conformance tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from streamtags.events import Event, Payload
from streamtags.model import Boundary, Caption, CaptionRequest, ClassifyRequest, Frame, Sound, SourceInfo, Subtitle, TagSet
from streamtags.vocabulary import Vocabulary

__all__ = ["Captioner", "Classifier", "EventStore", "FrameSource", "ShotDetector"]


@runtime_checkable
class FrameSource(Protocol):
    """An opened source, read once from start to end."""

    info: SourceInfo

    def read(self) -> Iterator[Frame | Sound | Subtitle]:
        """Frames in order of presentation, with sound and subtitles as they come interleaved.

        Raises:
            SourceError: nothing can be decoded. Damage in the middle is skipped; what was decoded stands.
        """
        ...

    def close(self) -> None:
        """Release the file; safe to call twice."""
        ...


@runtime_checkable
class ShotDetector(Protocol):
    """Finds where shots begin, frame by frame. `lookahead` is the most frames a boundary may be reported late."""

    lookahead: int

    def push(self, frame: Frame) -> Sequence[Boundary]:
        """Take the next frame; return boundaries that have become certain, in order."""
        ...

    def finish(self) -> Sequence[Boundary]:
        """The boundaries still open when the source has ended."""
        ...


@runtime_checkable
class Captioner(Protocol):
    """Says what happens in a segment. `model` names model and prompt: captions are reused only under the same name."""

    model: str

    async def caption(self, request: CaptionRequest) -> Caption:
        """Caption one segment; may be called concurrently.

        Raises:
            ModelError: no caption could be had.
        """
        ...

    async def close(self) -> None:
        """Release connections and memory."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """Turns a caption and evidence into tags of a vocabulary. `model` names model and prompt."""

    model: str

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        """Tag one segment; may be called concurrently. Only tags of `vocabulary` are returned; none is a fair answer.

        Raises:
            ModelError: no answer could be had.
        """
        ...

    async def close(self) -> None:
        """Release connections and memory."""
        ...


@runtime_checkable
class EventStore(Protocol):
    """An append-only log per timeline."""

    def append(self, timeline: str, payloads: Sequence[Payload]) -> list[Event]:
        """Make `payloads` durable, in order, and return them as events with their `seq`.

        Raises:
            StoreError: nothing was written.
        """
        ...

    def read(self, timeline: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Events with `seq > after`, in order.

        Raises:
            NotInStore: no such timeline.
        """
        ...
