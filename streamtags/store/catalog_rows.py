"""Identities and summaries of timelines as rows; each part of an identity is a column."""

from __future__ import annotations

from typing import Any

from streamtags.core.records import TimelineIdentity, TimelineSummary

__all__ = ["IDENTITY", "SUMMARY", "identity_row", "list_query", "summary_of"]

# In the order of the fields of `TimelineIdentity`. `recording` is '' where the identity has None, because NULLs are never equal.
IDENTITY = "source, recording, profile, captioner, classifier, vocabulary, settings"
SUMMARY = f"{IDENTITY}, id, name, state, epoch, seq, segments, seconds, opened_at, opened"
"""The columns that `summary_of` takes, in this order."""

_IDENTITY_COLUMNS = 7


def identity_row(identity: TimelineIdentity) -> tuple[str, ...]:
    """Return the values of the columns `IDENTITY`."""
    return (
        identity.source,
        identity.recording or "",
        identity.profile,
        identity.captioner,
        identity.classifier,
        identity.vocabulary,
        identity.settings,
    )


def summary_of(row: tuple[Any, ...]) -> TimelineSummary:
    """Return the summary in a row of the columns `SUMMARY`."""
    source, recording, *others = row[:_IDENTITY_COLUMNS]
    timeline, *rest = row[_IDENTITY_COLUMNS:]
    return TimelineSummary(timeline, TimelineIdentity(source, recording or None, *others), *rest)


def list_query(
    table: str, mark: str, *, captioner: str | None, source: str | None, before: int | None, limit: int | None
) -> tuple[str, list[Any]]:
    """Return the statement of `Catalog.timelines` and its values.

    Args:
        table: the table of timelines.
        mark: what the database writes for a value.
        captioner: as in `Catalog.timelines`, like the others.
        source: see there.
        before: see there.
        limit: see there.
    """
    given = {"captioner = ": captioner, "source = ": source, "opened < ": before}
    conditions = {condition: value for condition, value in given.items() if value is not None}
    where = f"WHERE {' AND '.join(condition + mark for condition in conditions)} " if conditions else ""
    end = f" LIMIT {mark}" if limit is not None else ""
    statement = f"SELECT {SUMMARY} FROM {table} {where}ORDER BY opened DESC{end}"  # noqa: S608 - constants
    return statement, [*conditions.values(), *([max(0, limit)] if limit is not None else [])]
