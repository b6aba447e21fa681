"""Protocols of sources, shot detectors and models. Every backend passes the same conformance tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from streamtags.core.model import (
    Boundary,
    Caption,
    CaptionRequest,
    ClassifyRequest,
    ClipInfo,
    Described,
    Dropped,
    Frame,
    Gap,
    Lost,
    Resumed,
    Sound,
    SourceInfo,
    Subtitle,
    TagSet,
)
from streamtags.core.vocabulary import Vocabulary

__all__ = [
    "Captioner",
    "Classifier",
    "Describer",
    "FrameSource",
    "GivesBoundaries",
    "GivesClips",
    "Readiness",
    "ReportsDamage",
    "ShotDetector",
    "TextWriter",
]


@runtime_checkable
class FrameSource(Protocol):
    """An opened source, read once from start to end."""

    info: SourceInfo

    def read(self) -> Iterator[Frame | Sound | Subtitle | Gap | Dropped | Lost | Resumed]:
        """Yield frames in order of presentation, with sound and subtitles interleaved as they come.

        A live source also reports, in place, the frames that it dropped, that it was lost, and that it is back. `close`, called from
        another thread, ends the reading of a live source.

        An edit reports, in place, each gap for which it has no picture.

        Raises:
            SourceError: nothing can be decoded. Damage in the middle is skipped; what was decoded stands.
        """
        ...

    def close(self) -> None:
        """Release the file; safe to call twice."""
        ...


@runtime_checkable
class GivesBoundaries(Protocol):
    """A `FrameSource` may also have this method if it knows its own shots, as an edit does; then no detector runs."""

    def boundaries(self) -> Sequence[Boundary]:
        """Return where shots begin, in rising order of the frames' `index`; the first frame needs no boundary."""
        ...


@runtime_checkable
class GivesClips(Protocol):
    """A `FrameSource` may also have this method if its shots are clips of an edit."""

    def clip(self, start_index: int, end_index: int) -> ClipInfo | None:
        """Return the clip that the frames from `start_index` to `end_index` (exclusive) show."""
        ...


@runtime_checkable
class ReportsDamage(Protocol):
    """A source that can say what it could not read."""

    @property
    def warnings(self) -> Sequence[str]:
        """What could not be analyzed so far, one sentence each."""
        ...


@runtime_checkable
class ShotDetector(Protocol):
    """Finds where shots begin, frame by frame. `lookahead` is the most frames that a boundary may be reported late."""

    @property
    def lookahead(self) -> int:
        """The most frames that a boundary may be reported late."""
        ...

    def push(self, frame: Frame) -> Sequence[Boundary]:
        """Take the next frame; return the boundaries that are certain now, in order."""
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
            ModelError: there is no caption.
        """
        ...

    async def close(self) -> None:
        """Release connections and memory."""
        ...


@runtime_checkable
class Describer(Captioner, Protocol):
    """A captioner that can choose the tags in the same answer."""

    async def describe(self, request: CaptionRequest, vocabulary: Vocabulary) -> Described:
        """Caption and tag one segment; may be called concurrently.

        Raises:
            ModelError: there is no answer.
        """
        ...


@runtime_checkable
class Readiness(Protocol):
    """A captioner or classifier that depends on a server may also have this cheap check, made before the work begins."""

    async def ready(self) -> None:
        """Return if the server answers and, as far as it says, has the model.

        Raises:
            ModelError: it cannot be reached, refuses, or lacks the model.
        """
        ...


@runtime_checkable
class Classifier(Protocol):
    """Turns a caption and evidence into tags of a vocabulary. `model` names model and prompt."""

    model: str

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        """Tag one segment; may be called concurrently. Returns tags of `vocabulary` only, or none.

        Raises:
            ModelError: there is no answer.
        """
        ...

    async def close(self) -> None:
        """Release connections and memory."""
        ...


@runtime_checkable
class TextWriter(Protocol):
    """A classifier whose model writes text may also have this method."""

    async def write(self, system: str, user: str) -> str:
        """Return one plain text that the model writes; "" if there are no words in it. May be called concurrently.

        Raises:
            ModelError: there is no answer, or it is no text.
        """
        ...
