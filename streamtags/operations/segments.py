"""Operations on one segment."""

from __future__ import annotations

import base64
from typing import Any

from streamtags.operations.operation import Document
from streamtags.operations.params import Correct, OneSegment, ReadWaveform
from streamtags.operations.services import Caller, Services
from streamtags.run.correct import correct as write_correction

__all__ = ["correct", "thumbnail", "waveform"]

_THUMBNAIL_SECONDS = 3600
_WAVEFORMS = 2000  # segments of one answer, at most 200 bytes each in the defaults


async def correct(services: Services, params: Correct, caller: Caller) -> dict[str, Any]:
    """Write a person's correction; return the segment as it is then.

    Raises:
        NotInStore: no such timeline or segment.
        UsageError: nothing to correct, or an empty tag or caption.
    """
    timeline = await services.readers.resolve(params.id)
    by = params.by or caller.name or "person"

    def write() -> dict[str, Any]:
        tags = [(score.tag, score.confidence) for score in params.tags]
        segment, _ = write_correction(
            services.store, timeline, params.segment, tags=tags, untag=params.untag, caption=params.caption, reset=params.reset, by=by
        )
        return segment.model_dump(mode="json")

    return await services.threads.writing(write)


async def thumbnail(services: Services, params: OneSegment, _: Caller) -> Document:
    """Return the JPEG of a segment.

    Raises:
        NotInStore: no such timeline or segment, or it has none.
    """
    timeline = await services.readers.resolve(params.id)
    jpeg = await services.threads.reading(lambda: services.store.thumbnail(timeline, params.segment))
    return Document(jpeg, "image/jpeg", max_age_seconds=_THUMBNAIL_SECONDS)


async def waveform(services: Services, params: ReadWaveform, _: Caller) -> dict[str, Any]:
    """Return the waveforms of segments, in the order in which they were measured; `next` reads on.

    Raises:
        NotInStore: no such timeline.
    """
    timeline = await services.readers.resolve(params.id)
    waveforms = await services.threads.reading(lambda: services.store.waveforms(timeline, params.after, _WAVEFORMS))
    return {
        "per_second": 10,
        "floor_dbfs": -60,
        "segments": [{"segment": one.segment, "peaks": base64.b64encode(one.peaks).decode()} for one in waveforms],
        "next": waveforms[-1].number if waveforms else params.after,
        "more": len(waveforms) == _WAVEFORMS,
    }
