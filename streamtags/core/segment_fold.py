"""Folding the events of one segment: how each event changes a `SegmentState`. Pure; the rules are those of `streamtags.core.fold`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamtags.core.answers import STAGE_OF_ANSWER
from streamtags.core.compaction import changed, compact, shared
from streamtags.core.events import (
    PAYLOADS,
    Payload,
    SegmentAnswer,
    SegmentCaptioned,
    SegmentCorrected,
    SegmentDetected,
    SegmentFailed,
    SegmentMeasured,
    SegmentTagged,
)
from streamtags.core.model import TagScore
from streamtags.core.payload import ANSWER_PREFIX
from streamtags.core.state import PERSON, ModelAnswers, SegmentCorrection, SegmentError, SegmentState, SegmentStatus

__all__ = ["SEGMENT_CHANGES", "after", "after_detected", "answered_segment", "changes_by"]

SEGMENT_CHANGES = (SegmentMeasured, SegmentCaptioned, SegmentTagged, SegmentFailed, SegmentCorrected)
"""The events of this package that change a segment which was detected; answers of other stages do, too (`answered_segment`)."""

# Of two stages that failed, the state reports the first in this order; stages of other packages come last, in order of their names.
_FAILURE_ORDER = ("measure", "caption", "tag")


def after(segment: SegmentState, *payloads: Payload) -> SegmentState:
    """Return what `segment` is when `payloads` are in the log."""
    for payload in payloads:
        segment = changed(segment, changes_by(segment, payload))
    return segment


def after_detected(known: SegmentState | None, before: SegmentState | None, detected: SegmentDetected) -> SegmentState:
    """Return a segment when it is detected, for the first time or again.

    Args:
        known: the segment so far, None for a new one.
        before: the newest segment so far; its end is the start of the next, so that the two share it.
        detected: the event.
    """
    bounds = dict(detected)
    if before is not None:
        bounds["start"] = shared(detected.start, before.end)
    return changed(known, bounds) if known is not None else compact(SegmentState(**bounds))


def _counts(rev: int, known: int | None) -> bool:
    """Whether an answer of `rev` replaces the one of rev `known`."""
    return known is None or rev > known


def answered_segment(payload: Payload) -> str | None:
    """Return the segment whose `answers` keep `payload`: it has a segment and a rev, and no field of the state is meant for it."""
    if (payload.event_type in PAYLOADS and not isinstance(payload, SegmentAnswer)) or not payload.event_type.startswith(ANSWER_PREFIX):
        return None
    name, rev = _field(payload, "segment"), _field(payload, "rev")
    return name if isinstance(name, str) and isinstance(rev, int) and not isinstance(rev, bool) else None


def _field(payload: Payload, name: str) -> object:
    return getattr(payload, name, None)


def changes_by(segment: SegmentState, payload: Payload) -> dict[str, Any]:
    """Return the fields of `segment` that `payload` changes."""
    new: dict[str, Any] = {}
    match payload:
        case SegmentMeasured():
            error = _remaining_error(segment, "measure")
            new = {"evidence": payload.evidence, "thumbnail": payload.thumbnail, "text": payload.text, "error": error}
        case SegmentCaptioned():
            new = _caption(segment, payload) | {"rev": max(segment.rev, payload.rev)}
        case SegmentTagged():
            new = _tags(segment, payload) | {"rev": max(segment.rev, payload.rev)}
        case SegmentCorrected():
            new = _correction(segment, payload) | {"rev": max(segment.rev, payload.rev)}
        case SegmentFailed():
            new = _failure(segment, payload)
        case _:
            new = _answer(segment, payload)
    new["status"] = _status(segment, new)
    return new


def _remaining_error(segment: SegmentState, stage: str) -> SegmentError | None:
    """Return the error that remains after `stage` has succeeded."""
    return None if segment.error is None or segment.error.stage == stage else segment.error


def _status(segment: SegmentState, new: Mapping[str, Any]) -> SegmentStatus:
    if new.get("error", segment.error) is not None:
        return "failed"
    if new.get("tags_rev", segment.tags_rev):  # rev 0 is provisional
        return "tagged"
    if new.get("caption_rev", segment.caption_rev) is not None:
        return "captioned"
    return "detected" if new.get("evidence", segment.evidence) is None else "measured"


def _failure(segment: SegmentState, failed: SegmentFailed) -> dict[str, Any]:
    if segment.error is not None and _failure_rank(failed.stage) > _failure_rank(segment.error.stage):
        return {}
    return {"error": SegmentError.of(failed)}


def _failure_rank(stage: str) -> tuple[int, str]:
    if stage in _FAILURE_ORDER:
        return _FAILURE_ORDER.index(stage), ""
    return len(_FAILURE_ORDER), stage


def _answer(segment: SegmentState, payload: Payload) -> dict[str, Any]:
    """Keep an answer under the name of its event, without `segment.`."""
    name = payload.event_type.removeprefix(ANSWER_PREFIX)
    answer = payload.model_dump(mode="json", exclude={"segment"})
    known = segment.answers.get(name)
    if known is not None and not _counts(answer["rev"], known["rev"]):
        return {}
    error = _remaining_error(segment, STAGE_OF_ANSWER.get(name, name))
    return {"answers": {**segment.answers, name: answer}, "error": error, "rev": max(segment.rev, answer["rev"])}


def _caption(segment: SegmentState, captioned: SegmentCaptioned) -> dict[str, Any]:
    if not _counts(captioned.rev, segment.caption_rev):
        return {}
    new: dict[str, Any] = {
        "caption_rev": captioned.rev,
        "frames": captioned.frames,
        "reused_from": captioned.reused_from,
        "error": _remaining_error(segment, "caption"),
    }
    answer = {"caption": captioned.caption, "caption_model": captioned.model}
    if segment.correction is None or segment.correction.caption is None:
        new |= answer
    return new | _kept(segment, answer)


def _tags(segment: SegmentState, tagged: SegmentTagged) -> dict[str, Any]:
    if not _counts(tagged.rev, segment.tags_rev):
        return {}
    return _kept(segment, {"tags": tuple(tagged.tags)}) | {
        "tags": _corrected_tags(tagged.tags, segment.correction),
        "key_information": tagged.key_information,
        "reasoning": tagged.reasoning,
        "tags_model": tagged.model,
        "tags_rev": tagged.rev,
        "vocabulary": tagged.vocabulary,
        "error": _remaining_error(segment, "tag"),
    }


def _kept(segment: SegmentState, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the correction of `segment` with `answer` of a model kept for a reset; nothing without a correction."""
    if segment.correction is None:
        return {}
    models = _model_answers(segment).model_copy(update=answer)
    return {"correction": segment.correction.model_copy(update={"models": models})}


def _model_answers(segment: SegmentState) -> ModelAnswers:
    if segment.correction is not None and segment.correction.models is not None:
        return segment.correction.models
    return ModelAnswers(caption=segment.caption, caption_model=segment.caption_model, tags=tuple(segment.tags))


def _correction(segment: SegmentState, corrected: SegmentCorrected) -> dict[str, Any]:
    models = _model_answers(segment)
    earlier = segment.correction or SegmentCorrection(by=corrected.by)
    new: dict[str, Any] = {}
    if corrected.reset:
        earlier = SegmentCorrection(by=corrected.by)
        new = {"caption": models.caption, "caption_model": models.caption_model}
        if not corrected.tags and not corrected.untag and corrected.caption is None:
            return new | {"correction": None, "tags": list(models.tags)}
    tags = {score.tag: score for score in earlier.tags if score.tag not in corrected.untag}
    tags |= {score.tag: score for score in corrected.tags}
    untag = dict.fromkeys([*earlier.untag, *corrected.untag])
    merged = SegmentCorrection(
        tags=tuple(tags.values()),
        untag=tuple(tag for tag in untag if tag not in tags),
        caption=earlier.caption if corrected.caption is None else corrected.caption,
        by=corrected.by,
        models=models,
    )
    new |= {"correction": merged, "tags": _corrected_tags(models.tags, merged)}
    if corrected.caption is not None:
        new |= {"caption": corrected.caption, "caption_model": PERSON}
    return new


def _corrected_tags(tags: Sequence[TagScore], correction: SegmentCorrection | None) -> list[TagScore]:
    """Return `tags` with the correction applied, highest confidence first; ties keep their order, the person's tags last."""
    if correction is None:
        return list(tags)
    settled = {score.tag for score in correction.tags}.union(correction.untag)
    merged = [score for score in tags if score.tag not in settled] + list(correction.tags)
    return sorted(merged, key=lambda score: -score.confidence)
