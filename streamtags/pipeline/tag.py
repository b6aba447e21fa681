"""Tags for one segment from what its log says, and nothing else: the same for a first tagging and for every later one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from streamtags.config import ProfileSettings
from streamtags.events import SegmentTagged
from streamtags.model import ClassifyRequest
from streamtags.pipeline.attempts import attempt
from streamtags.ports import Captioner, Classifier
from streamtags.state import SegmentState
from streamtags.vocabulary import Vocabulary

__all__ = ["Tools", "tag"]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run works with."""

    captioner: Captioner
    classifier: Classifier
    vocabulary: Vocabulary
    profile: ProfileSettings

    async def close(self) -> None:
        """Release both models."""
        await self.captioner.close()
        await self.classifier.close()


async def tag(held: SegmentState, tools: Tools) -> SegmentTagged:
    """The next tag set of a captioned segment, one rev above all it has.

    Raises:
        ModelError: no answer could be had.
    """
    request = ClassifyRequest(
        segment=held.segment,
        caption=held.caption or "",
        caption_model=held.caption_model or "",
        evidence=held.evidence or {},
        text=held.text,
    )
    began = time.perf_counter()
    found = await attempt(lambda: tools.classifier.classify(request, tools.vocabulary), tools.profile, where=held.segment)
    return SegmentTagged(
        segment=held.segment,
        rev=held.rev + 1,
        tags=list(found.tags),
        key_information=list(found.key_information),
        reasoning=found.reasoning,
        model=found.model,
        vocabulary=tools.vocabulary.ref,
        usage=found.usage,
        ms=round((time.perf_counter() - began) * 1000, 3),
    )
