"""The identity of timelines as columns of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamtags.core.errors import StoreError
from streamtags.core.records import TimelineIdentity, TimelineSummary

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["COLUMNS", "check_unused", "find", "recordings", "summaries", "to_row"]

COLUMNS = "source, recording, profile, captioner, classifier, vocabulary, settings"
"""In the order of the fields of `TimelineIdentity`; `recording` is '' where the identity has None, so that rows are unique."""

_SAME = "source = ? AND recording = ? AND profile = ? AND captioner = ? AND classifier = ? AND vocabulary = ? AND settings = ?"
_SAME_EXCEPT_RECORDING = "source = ? AND profile = ? AND captioner = ? AND classifier = ? AND vocabulary = ? AND settings = ?"
_SUMMARY = f"SELECT {COLUMNS}, id, name, state, epoch, seq, segments, seconds, opened_at FROM timelines"  # noqa: S608 - a constant
_FIELDS = 7


def to_row(identity: TimelineIdentity) -> tuple[str, ...]:
    """Return the values of `COLUMNS`."""
    return (
        identity.source,
        identity.recording or "",
        identity.profile,
        identity.captioner,
        identity.classifier,
        identity.vocabulary,
        identity.settings,
    )


def find(connection: Connection, identity: TimelineIdentity) -> str | None:
    """Return the id of the timeline with that identity, None if there is none."""
    row = connection.execute(f"SELECT id FROM timelines WHERE {_SAME}", to_row(identity)).fetchone()  # noqa: S608 - a constant
    return None if row is None else str(row[0])


def check_unused(connection: Connection, timeline: str, identity: TimelineIdentity, *, where: str) -> None:
    """Check that no other timeline has this id or this identity.

    Raises:
        StoreError: another has (code `store.key`).
    """
    owner = find(connection, identity)
    exists = connection.execute("SELECT 1 FROM timelines WHERE id = ?", (timeline,)).fetchone() is not None
    if owner not in (None, timeline):
        what = f"timelines {timeline} and {owner} have the same source and settings"
    elif owner is None and exists:
        what = f"timeline {timeline} exists with another source or other settings"
    else:
        return
    raise StoreError(what, where=where, hint="open each source and its settings under one id", code="store.key")


def summaries(connection: Connection, captioner: str | None) -> list[TimelineSummary]:
    """Return a summary of every timeline, or of those with that captioner model, the one opened last first."""
    rows = connection.execute(f"{_SUMMARY} WHERE captioner = coalesce(?, captioner) ORDER BY opened DESC", (captioner,))
    return [_summary(row) for row in rows]


def recordings(connection: Connection, identity: TimelineIdentity) -> list[TimelineSummary]:
    """Return the timelines that differ from `identity` in nothing but `recording`, the one opened last first."""
    source, _, *others = to_row(identity)
    rows = connection.execute(f"{_SUMMARY} WHERE {_SAME_EXCEPT_RECORDING} ORDER BY opened DESC", (source, *others))
    return [_summary(row) for row in rows]


def _summary(row: tuple[Any, ...]) -> TimelineSummary:
    source, recording, *others = row[:_FIELDS]
    timeline, *rest = row[_FIELDS:]
    return TimelineSummary(timeline, TimelineIdentity(source, recording or None, *others), *rest)
