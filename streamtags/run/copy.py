"""Copying timelines from one store to another, with epochs, sequence numbers and blobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.records import Fingerprint, Head, TimelineSummary
from streamtags.core.stores import Store

__all__ = ["Copied", "copy_timelines"]

# Events in one transaction, which also has the thumbnails of their segments.
_BATCH = 500
# How often a log that is replaced while it is read is begun anew.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of one timeline.

    Attributes:
        events: how many were copied; 0 if the other store had them all.
        seq: the end of the log in the other store.
        error: why the timeline could not be copied, None if it was.
    """

    timeline: str
    name: str
    events: int
    seq: int
    error: StoreError | None = None


def copy_timelines(
    source: Store,
    target: Store,
    timelines: Sequence[str] | None = None,
    *,
    replace: bool = False,
    report: Callable[[Copied], None] = lambda _: None,
) -> list[Copied]:
    """Copy timelines with their vocabularies, and return what became of each, in order.

    A copy that was interrupted goes on where it ended, and a log that has grown is continued. One timeline that cannot be copied, because
    it is claimed or another log is there, stops no other one.

    Args:
        source: where they are; it is not changed.
        target: where they are written to.
        timelines: ids; all if None.
        replace: replace logs of `target` that do not begin as those of `source`.
        report: called after each timeline.

    Raises:
        StoreError: a store cannot be read or written.
    """
    known = {vocabulary.model_dump_json() for vocabulary in target.vocabularies()}
    for vocabulary in source.vocabularies():
        if vocabulary.model_dump_json() not in known:
            target.save_vocabulary(vocabulary)
    summaries = [summary for summary in reversed(source.timelines()) if timelines is None or summary.id in timelines]
    results = []
    for summary in summaries:
        result = _copy(source, target, summary, replace=replace)
        report(result)
        results.append(result)
    return results


def _copy(source: Store, target: Store, summary: TimelineSummary, *, replace: bool) -> Copied:
    copied = 0
    try:
        head = target.open_timeline(summary.id, summary.identity, name=summary.name)
        for _ in range(_TRIES):
            here = source.head(summary.id)
            after = head.seq if head.epoch == here.epoch else 0
            if head.epoch == here.epoch and head.seq > here.seq:
                what = f"has {head.seq} events in the other store and {here.seq} in this one"
                raise StoreError(what, where=summary.id, hint="copy it in the other direction", code="store.gap")
            while lines := source.read_json(summary.id, after, _BATCH):
                if json.loads(lines[0])["epoch"] != here.epoch:
                    break  # replaced while it was read
                head = _restore(source, target, summary.id, lines, replace=replace)
                copied += head.seq - after
                after = head.seq
            else:
                return Copied(summary.id, summary.name, copied, after)
        raise StoreError("is replaced again and again", where=summary.id, hint="copy it when its analysis has ended", code="store.epoch")
    except StoreError as error:
        if error.code not in ("store.claimed", "store.epoch", "store.gap", "store.key", "store.limit"):
            raise
        return Copied(summary.id, summary.name, copied, 0, error)


def _restore(source: Store, target: Store, timeline: str, lines: Sequence[str], *, replace: bool) -> Head:
    segments = list(_measured(lines))
    prints: dict[str, Fingerprint] = source.fingerprints(timeline) if segments else {}
    waveforms = _waveforms(source, timeline) if segments else {}
    thumbnails = {}
    for segment in segments:
        try:
            thumbnails[segment] = source.thumbnail(timeline, segment)
        except NotInStore:
            continue  # not every segment has one
    return target.restore(
        timeline,
        lines,
        replace=replace,
        thumbnails=thumbnails,
        fingerprints={segment: prints[segment] for segment in segments if segment in prints},
        waveforms={segment: waveforms[segment] for segment in segments if segment in waveforms},
    )


def _measured(lines: Iterable[str]) -> Iterable[str]:
    """Yield the segments whose blobs were written with one of these events."""
    for line in lines:
        event = json.loads(line)
        if event["type"] == "segment.measured":
            yield event["data"]["segment"]


def _waveforms(source: Store, timeline: str) -> dict[str, bytes]:
    peaks: dict[str, bytes] = {}
    after = 0
    while page := source.waveforms(timeline, after):
        peaks |= {one.segment: one.peaks for one in page}
        after = page[-1].number
    return peaks
