"""How sharp the pictures of each segment are: a stage in a package of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from streamtags.core.errors import ModelError
from streamtags.core.events import SegmentAnswer
from streamtags.core.model import Picture
from streamtags.stages.stage import STILLS, Earlier, LaneLimits, SegmentRunner, SegmentWork, Stage

__all__ = ["STAGE"]

MODEL = "sharpness-1"


class SegmentSharpness(SegmentAnswer):
    """How sharp the pictures of a segment are, from 0 to 1."""

    type: ClassVar[str] = "segment.sharpness"
    sharpness: float
    is_blurred: bool
    model: str


class SharpnessRunner(SegmentRunner):
    """Measures the edges in the stills of a segment."""

    async def run(self, work: SegmentWork) -> Sequence[SegmentSharpness]:
        """Return the answer for one segment; several calls may run at once."""
        name, stills = work.state.segment, work.measured.stills if work.measured else ()
        if not stills:
            raise ModelError("the segment has no stills", where=name, code="sharpness.no_stills")
        # Slow work belongs in a thread: the event loop serves all segments and readers.
        values = await asyncio.to_thread(lambda: [sharpness_of(still.rgb(max_side=320)) for still in stills])
        sharpness = round(float(np.median(values)), 3)
        return [SegmentSharpness(segment=name, sharpness=sharpness, is_blurred=sharpness < 0.05, model=MODEL)]

    def reuse(self, work: SegmentWork, earlier: Earlier) -> Sequence[SegmentSharpness]:
        """Return the answer of an earlier edit for the same pictures."""
        known = earlier.state.answers.get("sharpness")
        if known is None or known["model"] != MODEL:
            return []
        return [SegmentSharpness.model_validate({**known, "segment": work.state.segment})]


def sharpness_of(picture: Picture) -> float:
    """Return the share of pixels that differ clearly from the pixel to their right; `picture` is RGB uint8."""
    gray = picture.mean(axis=2)
    return float((np.abs(np.diff(gray, axis=1)) > 8).mean())


STAGE = Stage(
    name="sharpness",
    title="Sharpness",
    description="Measures how sharp the pictures are.",
    needs=frozenset({STILLS}),
    emits=(SegmentSharpness,),
    lane="sharpness",
    limits=LaneLimits(concurrency=2, retries=1, deadline_seconds=60),
    create=lambda tools: SharpnessRunner(),
)
