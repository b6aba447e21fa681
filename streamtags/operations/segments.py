"""Operations on one segment."""

from __future__ import annotations

from typing import Any

from streamtags.operations.operation import Document
from streamtags.operations.params import Correct, OneSegment
from streamtags.operations.services import Caller, Services
from streamtags.run.correct import correct as write_correction

__all__ = ["correct", "thumbnail"]

_THUMBNAIL_SECONDS = 3600


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
