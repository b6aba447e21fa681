"""Tags for one segment from what its log says, and nothing else: the same for a first tagging and for every later one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from streamtags.config.settings import ProfileSettings
from streamtags.core.events import SegmentTagged
from streamtags.core.model import ClassifyRequest, TagSet
from streamtags.core.ports import Captioner, Classifier, Describer, Readiness
from streamtags.core.state import SegmentState
from streamtags.core.vocabulary import Vocabulary
from streamtags.run.attempts import attempt
from streamtags.run.load import Lane

__all__ = ["Tools", "request_of", "tag", "tag_provisionally", "tagged"]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run works with.

    Attributes:
        provisional: chooses tags from measurements before there is a caption, None where the classifier itself needs no model.
        needs_frames: the captioner uses stills larger than a thumbnail.
    """

    captioner: Captioner
    classifier: Classifier
    vocabulary: Vocabulary
    profile: ProfileSettings
    provisional: Classifier | None = None
    needs_frames: bool = True

    @property
    def tags_model(self) -> str:
        """Who chooses the tags of a segment that is captioned now."""
        return self.captioner.model if isinstance(self.captioner, Describer) else self.classifier.model

    async def ready(self) -> None:
        """Return when the models that lean on a server can be asked.

        Raises:
            ModelError: one cannot be reached, refuses, or is not served.
        """
        await asyncio.gather(*(model.ready() for model in (self.captioner, self.classifier) if isinstance(model, Readiness)))

    async def close(self) -> None:
        """Release the models."""
        for model in (self.captioner, self.classifier, self.provisional):
            if model is not None:
                await model.close()


async def tag(held: SegmentState, tools: Tools, lane: Lane) -> SegmentTagged:
    """The next tag set of a captioned segment, one rev above all it has.

    Raises:
        ModelError: no answer could be had.
    """
    request = request_of(held)
    began = 0.0

    async def ask() -> TagSet:
        nonlocal began
        began = time.perf_counter()  # the wait for a turn and attempts that failed are no part of the answer's time
        return await tools.classifier.classify(request, tools.vocabulary)

    found = await attempt(ask, lane, where=held.segment)
    return tagged(held, found, tools, rev=held.rev + 1, began=began)


async def tag_provisionally(held: SegmentState, tools: Tools) -> SegmentTagged | None:
    """Tags from what was measured alone, as rev 0, which every later tag set replaces; None where nobody is there to choose them.

    Raises:
        ModelError: no answer could be had.
    """
    if tools.provisional is None:
        return None
    began = time.perf_counter()
    found = await tools.provisional.classify(request_of(held), tools.vocabulary)
    return tagged(held, found, tools, rev=0, began=began)


def request_of(held: SegmentState) -> ClassifyRequest:
    """What a classifier is given of a segment."""
    return ClassifyRequest(
        segment=held.segment,
        caption=held.caption or "",
        caption_model=held.caption_model or "",
        evidence=held.evidence or {},
        text=held.text,
    )


def tagged(held: SegmentState, found: TagSet, tools: Tools, *, rev: int, began: float) -> SegmentTagged:
    """A classifier's answer as the event's payload; `began` on `time.perf_counter`."""
    return SegmentTagged(
        segment=held.segment,
        rev=rev,
        tags=list(found.tags),
        key_information=list(found.key_information),
        reasoning=found.reasoning,
        model=found.model,
        vocabulary=tools.vocabulary.ref,
        usage=found.usage,
        ms=round((time.perf_counter() - began) * 1000, 3),
    )
