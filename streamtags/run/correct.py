"""A person's correction of a segment."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from streamtags.core.errors import NotInStore, UsageError
from streamtags.core.events import SegmentCorrected
from streamtags.core.model import tag_scores
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.stores import Store
from streamtags.core.vocabulary import Vocabulary

__all__ = ["correct"]


def correct(
    store: Store,
    timeline: str,
    segment: str,
    *,
    tags: Sequence[tuple[str, float]] = (),
    untag: Sequence[str] = (),
    caption: str | None = None,
    by: str,
) -> tuple[SegmentState, dict[str, str | None]]:
    """Set tags, take tags away, replace the caption of one segment; it wins over every model, now and later.

    A tag may be given by an alias. One that the timeline's vocabulary does not have is taken all the same: a person may know better
    than the vocabulary, too.

    Returns:
        The segment as it is now, and the tags that are not in the vocabulary, each with the nearest that is.

    Raises:
        NotInStore: no such segment.
        UsageError: nothing to correct, an empty tag or caption, or a confidence outside 0..1.
    """
    if not tags and not untag and caption is None:
        raise UsageError("nothing to correct", where=segment, hint="give --tag, --untag or --caption")
    if any(not 0.0 <= confidence <= 1.0 for _, confidence in tags):
        raise UsageError("a confidence lies in 0..1", where=segment, hint="for example --tag Tense=0.9")
    if any(not name.strip() for name in [*untag, *(name for name, _ in tags)]) or (caption is not None and not caption.strip()):
        raise UsageError("an empty tag or caption", where=segment)
    state = store.state(timeline)
    held = state.segment(segment)
    vocabulary = _vocabulary(store, state, held)
    strangers: dict[str, str | None] = {}

    def named(name: str) -> str:
        known = vocabulary.find(name) if vocabulary else None
        if known is None and vocabulary is not None:
            strangers[name] = next(iter(difflib.get_close_matches(name, vocabulary.by_name, n=1)), None)
        return known.name if known else name.strip()

    store.append(
        timeline,
        [
            SegmentCorrected(
                segment=segment,
                rev=held.rev + 1,
                tags=list(tag_scores([(named(name), confidence) for name, confidence in tags])),
                untag=[named(name) for name in untag],
                caption=caption.strip() if caption is not None else None,
                by=by,
            )
        ],
        expect_epoch=state.epoch,
    )
    return store.state(timeline).segment(segment), strangers


def _vocabulary(store: Store, state: TimelineState, held: SegmentState) -> Vocabulary | None:
    ref = held.vocabulary or state.vocabulary
    try:
        return store.vocabulary(ref) if ref else None
    except NotInStore:
        return None
