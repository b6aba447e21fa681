"""The stage `measure`: what the pass over the source measured, as an event."""

from __future__ import annotations

from collections.abc import Sequence

from streamtags.core.events import Payload, SegmentMeasured
from streamtags.core.model import Measured
from streamtags.stages.stage import STILLS, SegmentRunner, SegmentWork, Stage

__all__ = ["MEASURE", "payload_of"]


class _MeasureRunner(SegmentRunner):
    async def run(self, work: SegmentWork) -> Sequence[Payload]:
        """Return the measurements; the pass over the source has made them already."""
        return () if work.measured is None else (payload_of(work.measured),)


def payload_of(measured: Measured) -> SegmentMeasured:
    """Return the event payload of `measured`; the thumbnail's path is relative to the timeline."""
    name = measured.segment.id
    return SegmentMeasured(
        segment=name,
        evidence=dict(measured.evidence),
        thumbnail=f"thumbnails/{name}.jpg" if measured.thumbnail else None,
        text=measured.text,
    )


MEASURE = Stage(
    name="measure",
    title="Measurements",
    description="Measures picture and sound, and keeps a thumbnail.",
    needs=frozenset({STILLS}),
    emits=(SegmentMeasured,),
    gives=frozenset({"evidence", "text"}),
    is_answered=lambda segment: segment.evidence is not None,
    create=lambda _: _MeasureRunner(),
)
