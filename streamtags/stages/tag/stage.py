"""The stage `tag`: gets the tags of one segment from the classifier. It uses only the log, so retagging is the same call."""

from __future__ import annotations

import time
from collections.abc import Sequence

from streamtags.core.events import Payload, SegmentTagged
from streamtags.core.model import ClassifyRequest, TagSet
from streamtags.core.ports import Readiness
from streamtags.core.state import SegmentState
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.answers import answer_of
from streamtags.stages.stage import Earlier, SegmentRunner, SegmentWork, Stage
from streamtags.stages.tools import Tools

__all__ = ["TAG", "tagged", "untagged"]


class _TagRunner(SegmentRunner):
    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def ready(self) -> None:
        """Check that the classifier is ready.

        Raises:
            ModelError: its server cannot be reached, refuses, or lacks the model.
        """
        if isinstance(self._tools.classifier, Readiness):
            await self._tools.classifier.ready()

    async def run(self, work: SegmentWork) -> Sequence[Payload]:
        """Return the tags of a captioned segment.

        Raises:
            ModelError: the classifier gave no answer.
        """
        began = time.perf_counter()
        classifier = self._tools.classifier
        answer = await answer_of(
            classifier.classify(_request(work.state), self._tools.vocabulary), TagSet, f"classifier {classifier.model}"
        )
        return (tagged(work.state, answer, self._tools.vocabulary, began=began, rev=work.state.rev + 1),)

    async def provisional(self, work: SegmentWork) -> Sequence[Payload]:
        """Return tags chosen from the measurements alone; empty if the classifier itself needs no model.

        Raises:
            ModelError: there is no answer.
        """
        if self._tools.provisional is None or work.state.tags_rev is not None:
            return ()
        began = time.perf_counter()
        answer = await self._tools.provisional.classify(_request(work.state), self._tools.vocabulary)
        return (tagged(work.state, answer, self._tools.vocabulary, began=began),)

    def reuse(self, work: SegmentWork, earlier: Earlier) -> Sequence[Payload]:
        """Return the earlier tags if the same model chose them from the same vocabulary and the sound is the same."""
        known, tools = earlier.state, self._tools
        if not earlier.same_sound or not known.tags_rev:
            return ()
        if known.tags_model != tools.tags_model or known.vocabulary != tools.vocabulary.ref:
            return ()
        answer = SegmentTagged(
            segment=work.state.segment,
            rev=0,
            tags=known.tags,
            key_information=known.key_information,
            reasoning=known.reasoning,
            model=tools.tags_model,
            vocabulary=tools.vocabulary.ref,
            reused_from=earlier.origin,
        )
        return (answer,)


def tagged(segment: SegmentState, tags: TagSet, vocabulary: Vocabulary, *, began: float, rev: int = 0) -> SegmentTagged:
    """Return a classifier's answer as the event payload; `began` is on the clock of `time.perf_counter`."""
    return SegmentTagged(
        segment=segment.segment,
        rev=rev,
        tags=list(tags.tags),
        key_information=list(tags.key_information),
        reasoning=tags.reasoning,
        model=tags.model,
        vocabulary=vocabulary.ref,
        usage=tags.usage,
        ms=round((time.perf_counter() - began) * 1000, 3),
    )


def untagged(gap: str, vocabulary: Vocabulary) -> SegmentTagged:
    """Return the empty tag set of a gap in a live source."""
    reasoning = "Nothing was received here: the source was away."
    return SegmentTagged(segment=gap, rev=1, tags=[], reasoning=reasoning, model="none", vocabulary=vocabulary.ref)


def _request(segment: SegmentState) -> ClassifyRequest:
    return ClassifyRequest(
        segment=segment.segment,
        caption=segment.caption or "",
        caption_model=segment.caption_model or "",
        evidence=segment.evidence or {},
        text=segment.text,
        answers=segment.answers,
    )


TAG = Stage(
    name="tag",
    title="Tags",
    description="Chooses tags of the vocabulary, from the caption and the measurements.",
    needs=frozenset({"caption", "evidence", "text"}),
    uses=frozenset({"read", "faces", "hear", "transcribe"}),
    emits=(SegmentTagged,),
    gives=frozenset({"tags"}),
    lane="tag",
    backend="classifier",
    is_answered=lambda segment: bool(segment.tags_rev),
    create=_TagRunner,
)
