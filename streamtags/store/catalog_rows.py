"""Identities and summaries of timelines as rows; each part of an identity is a column."""

from __future__ import annotations

from typing import Any

from streamtags.core.records import TimelineIdentity, TimelineSummary

__all__ = ["IDENTITY", "SUMMARY", "identity_row", "summary_of"]

# In the order of the fields of `TimelineIdentity`. `recording` is '' where the identity has None, because NULLs are never equal.
IDENTITY = "source, recording, profile, captioner, classifier, vocabulary, settings"
SUMMARY = f"{IDENTITY}, id, name, state, epoch, seq, segments, seconds, opened_at"
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
