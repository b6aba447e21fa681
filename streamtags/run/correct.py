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
    reset: bool = False,
    by: str,
) -> tuple[SegmentState, dict[str, str | None]]:
    """Set tags, remove tags, or replace the caption of one segment; the correction wins over every model, now and later.

    A tag may be given by an alias. A tag that the timeline's vocabulary does not have is accepted, because a person may know better.

    Args:
        store: where the timeline is.
        timeline: its id.
        segment: the segment's id.
        tags: (tag, confidence) pairs to set.
        untag: tags to remove.
        caption: the new caption; None keeps the present one.
        reset: discard earlier corrections first; alone, it returns the segment to the models' answers.
        by: who corrects.

    Returns:
        The segment after the correction, and the tags that are not in the vocabulary, each with the nearest tag that is, or None.

    Raises:
        NotInStore: there is no such segment.
        UsageError: there is nothing to correct, a tag or caption is empty, a confidence is outside 0..1, or tags contradict each other.
    """
    if not tags and not untag and caption is None and not reset:
        raise UsageError("nothing to correct", where=segment, hint="give --tag, --untag, --caption or --reset")
    _check_values(segment, tags, untag, caption)
    state = store.state(timeline)
    segment_state = state.segment(segment)
    vocabulary = _vocabulary(store, state, segment_state)
    unknown: dict[str, str | None] = {}

    def resolve(name: str) -> str:
        known = vocabulary.find(name) if vocabulary else None
        if known is None and vocabulary is not None:
            unknown[name] = next(iter(difflib.get_close_matches(name, vocabulary.by_name, n=1)), None)
        return known.name if known else name.strip()

    scores = [(resolve(name), confidence) for name, confidence in tags]
    removed = [resolve(name) for name in untag]
    _refuse_contradiction(segment, scores, removed)
    correction = SegmentCorrected(
        segment=segment,
        rev=segment_state.rev + 1,
        tags=list(tag_scores(scores)),
        untag=removed,
        caption=caption.strip() if caption is not None else None,
        by=by,
        reset=reset,
    )
    store.append(timeline, [correction], expect_epoch=state.epoch)
    return store.state(timeline).segment(segment), unknown


def _check_values(segment: str, tags: Sequence[tuple[str, float]], untag: Sequence[str], caption: str | None) -> None:
    """Refuse confidences outside 0..1, and tags and captions without text.

    Raises:
        UsageError: there is one.
    """
    if any(not 0.0 <= confidence <= 1.0 for _, confidence in tags):
        raise UsageError("a confidence lies in 0..1", where=segment, hint="for example --tag Tense=0.9")
    if any(not name.strip() for name in [*untag, *(name for name, _ in tags)]) or (caption is not None and not caption.strip()):
        raise UsageError("an empty tag or caption", where=segment)


def _refuse_contradiction(segment: str, scores: Sequence[tuple[str, float]], removed: Sequence[str]) -> None:
    """Refuse tags that are set and removed, or set with two confidences; names are those of the vocabulary.

    Raises:
        UsageError: there is one.
    """
    confidences: dict[str, float] = {}
    for name, confidence in scores:
        if name in removed:
            raise UsageError(f"the tag {name} is both set and removed", where=segment, hint="set it or remove it")
        if confidences.setdefault(name, confidence) != confidence:
            what = f"the tag {name} is set to {confidences[name]:g} and to {confidence:g}"
            raise UsageError(what, where=segment, hint="set it once")


def _vocabulary(store: Store, state: TimelineState, segment: SegmentState) -> Vocabulary | None:
    ref = segment.vocabulary or state.vocabulary
    try:
        return store.vocabulary(ref) if ref else None
    except NotInStore:
        return None
