"""Choose the timeline of an analysis: always the same for a file, a new one for a live source unless the last was cut short just now."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from streamtags.config.settings import Settings
from streamtags.core.events import SegmentDetected, TimelineProgress
from streamtags.core.model import Recorded
from streamtags.core.records import TimelineIdentity
from streamtags.core.stores import Store
from streamtags.run.replay import opened_of, pages
from streamtags.sources.edit.source import edit_identity, is_edit
from streamtags.sources.file.access import Access
from streamtags.sources.file.identity import source_identity
from streamtags.sources.live.source import is_live
from streamtags.stages.tools import Tools

__all__ = ["Choice", "choose_timeline", "identity_of_source", "recorded_of", "settings_identity", "timeline_identity"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A timeline, which may not exist yet, and its identity."""

    timeline: str
    identity: TimelineIdentity


def choose_timeline(
    store: Store,
    uri: str,
    settings: Settings,
    tools: Tools,
    *,
    fresh: bool = False,
    wanted: str | None = None,
    access: Access | None = None,
) -> Choice:
    """Return the timeline for an analysis of `uri`.

    A file, its URL, or standard input has the timeline of its identity and the settings. A live source gets a new timeline each time. If
    its last recording was cut short (its log has no end, or it failed) at most `ingest.live.give_up_seconds` ago, that recording is
    continued after a gap, so that a program can be restarted.

    Args:
        store: where timelines are.
        uri: the source.
        settings: what to do with it.
        tools: the models and the vocabulary.
        fresh: make a new recording in any case.
        wanted: for a live source, continue this recording if it exists.
        access: which media of an edit may be read; anything unless given.

    Raises:
        SourceError: there is no such file, or it cannot be read.
    """
    live = not is_edit(uri) and is_live(uri, settings.ingest)
    identity = f"live:{uri}" if live else identity_of_source(uri, settings, access)
    first = timeline_identity(identity, settings, tools)
    plain = _choice(first)
    earlier = [Choice(summary.id, summary.identity) for summary in store.recordings(first)]
    if not live and not any(_is_of_live(store, one.timeline) for one in earlier):
        return plain
    for choice in earlier:
        if choice.timeline == wanted:
            return choice
    if earlier and not fresh and _goes_on(store, earlier[0].timeline, settings.ingest.live.give_up_seconds):
        return earlier[0]
    return _choice(replace(first, recording=secrets.token_hex(4))) if earlier else plain


def identity_of_source(uri: str, settings: Settings, access: Access | None) -> str:
    """Return the identity of a file or an edit.

    Raises:
        SourceError: there is no such file, or it cannot be read.
    """
    return edit_identity(uri, settings.ingest, access) if is_edit(uri) else source_identity(uri)


def recorded_of(store: Store, timeline: str) -> Recorded | None:
    """Return how far the recording of a live source goes; None if there is none."""
    opened = opened_of(store, timeline)
    if opened is None or not opened.source.live:
        return None
    first: SegmentDetected | None = None
    last: SegmentDetected | None = None
    position: tuple[float, datetime] | None = None
    segments, at = 0, datetime.now(UTC)
    for event in (event for page in pages(store, timeline) for event in page):
        at = event.at
        if isinstance(event.data, SegmentDetected):
            first, last = first or event.data, event.data
            segments += 1
        elif isinstance(event.data, TimelineProgress) and event.data.decoded_seconds:
            position = event.data.decoded_seconds, at
    if first is None or last is None:
        return None
    reached, at = (last.end.seconds, at) if position is None else (first.start.seconds + position[0], position[1])
    ago = (datetime.now(UTC) - at).total_seconds() + reached - last.end.seconds
    return Recorded(
        info=opened.source,
        start_pts=first.start.pts,
        end_pts=last.end.pts,
        frames=last.end.frame,
        segments=segments,
        shots=last.shot + 1,
        ago=max(0.0, ago),
    )


def timeline_identity(source: str, settings: Settings, tools: Tools) -> TimelineIdentity:
    """Return the identity of a timeline: every setting that can change the result counts, those that change its speed do not."""
    return TimelineIdentity(
        source=source,
        profile=settings.profile,
        captioner=tools.captioner.model,
        classifier=tools.classifier.model,
        vocabulary=tools.vocabulary.digest,
        settings=settings_identity(settings),
    )


def settings_identity(settings: Settings) -> str:
    """Return the settings that can change the result, as canonical JSON text; those of the profile are apart."""
    included = settings.model_dump(
        mode="json", include={"ingest": {"frames", "loop_filter", "width", "max_seconds"}, "shots": True, "segments": True}
    )
    return json.dumps(included, sort_keys=True)


def _choice(identity: TimelineIdentity) -> Choice:
    return Choice(identity.timeline, identity)


def _is_of_live(store: Store, timeline: str) -> bool:
    opened = opened_of(store, timeline)
    return opened is not None and opened.source.live


def _goes_on(store: Store, timeline: str, seconds: float) -> bool:
    """Whether a recording was cut short at most `seconds` ago, or has not begun."""
    head = store.head(timeline)
    if head.seq == 0:
        return True
    if store.summary(timeline).state in ("completed", "cancelled"):
        return False
    (newest,) = store.read(timeline, after=head.seq - 1)
    return (datetime.now(UTC) - newest.at).total_seconds() <= seconds
