"""The stage `caption`: calls the captioner, which may choose the tags in the same answer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from streamtags.core.errors import ModelError
from streamtags.core.events import Payload, SegmentCaptioned
from streamtags.core.model import Caption, CaptionRequest, Described, is_measured
from streamtags.core.ports import Describer, Readiness
from streamtags.stages.answers import answer_of
from streamtags.stages.caption.embedded import EmbeddedCaptioner
from streamtags.stages.stage import STILLS, Earlier, SegmentRunner, SegmentWork, Stage
from streamtags.stages.tag.stage import tagged
from streamtags.stages.tools import Tools

__all__ = ["CAPTION"]


class _CaptionRunner(SegmentRunner):
    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._describer = tools.captioner if isinstance(tools.captioner, Describer) else None
        self._name = f"captioner {tools.captioner.model}"
        self.is_remote = isinstance(tools.captioner, Readiness)

    async def ready(self) -> None:
        """Check that the captioner is ready.

        Raises:
            ModelError: its server cannot be reached, refuses, or lacks the model.
        """
        if isinstance(self._tools.captioner, Readiness):
            await self._tools.captioner.ready()

    async def run(self, work: SegmentWork) -> Sequence[Payload]:
        """Return the caption, and the tags if the same answer has them.

        Raises:
            ModelError: the captioner gave no answer.
        """
        if work.measured is None:
            raise ModelError("there are no stills to caption", where=work.state.segment, code="stage.no_stills")
        request = CaptionRequest(work.measured, previous=work.previous.caption if work.previous else None, answers=work.state.answers)
        began = time.perf_counter()
        if not work.measured.stills:  # sound without picture: there is nothing to show to a model
            return (_captioned(work, await EmbeddedCaptioner().caption(request), began),)
        if self._describer is None:
            return (_captioned(work, await answer_of(self._tools.captioner.caption(request), Caption, self._name), began),)
        described = await answer_of(self._describer.describe(request, self._tools.vocabulary), Described, self._name)
        return _captioned(work, described.caption, began), tagged(work.state, described.tags, self._tools.vocabulary, began=began)

    def reuse(self, work: SegmentWork, earlier: Earlier) -> Sequence[Payload]:
        """Return the earlier caption if the same captioner wrote it; one made of measurements needs the same sound as well."""
        known = earlier.state
        if work.measured is None or known.caption is None or known.caption_model != self._tools.captioner.model:
            return ()
        if is_measured(known.caption_model) and not earlier.same_sound:
            return ()
        frames = [still.pts for still in work.measured.stills]
        answer = SegmentCaptioned(
            segment=work.state.segment,
            rev=0,
            caption=known.caption,
            model=self._tools.captioner.model,
            frames=frames,
            reused_from=earlier.origin,
        )
        return (answer,)


def _captioned(work: SegmentWork, caption: Caption, began: float) -> SegmentCaptioned:
    return SegmentCaptioned(
        segment=work.state.segment,
        rev=0,
        caption=caption.text,
        model=caption.model,
        frames=list(caption.frames),
        ms=round((time.perf_counter() - began) * 1000, 3),
        usage=caption.usage,
    )


CAPTION = Stage(
    name="caption",
    title="Captions",
    description="Says in one or two sentences what happens.",
    needs=frozenset({STILLS, "evidence", "text"}),
    uses=frozenset({"read", "hear"}),
    emits=(SegmentCaptioned,),
    lane="caption",
    backend="captioner",
    live_backlog=8,
    is_answered=lambda segment: segment.caption is not None,
    create=_CaptionRunner,
)
