"""Which timeline an analysis goes into: of a file always the same, of a live source a new one, unless the last was cut short just now."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from streamtags.config.settings import Settings
from streamtags.core.events import TimelineProgress
from streamtags.core.model import Recorded
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.run.tag import Tools
from streamtags.sources.file.source import source_identity
from streamtags.sources.live.source import is_live

__all__ = ["Choice", "choose_timeline", "recorded_of", "timeline_key"]

# Between the name of a live source and what tells its recordings apart.
_MARK = "#recording-"


@dataclass(frozen=True, slots=True)
class Choice:
    """A timeline, which may not exist yet, and what makes it this one."""

    timeline: str
    key: str


def choose_timeline(store: Store, uri: str, settings: Settings, tools: Tools, *, fresh: bool = False, wanted: str | None = None) -> Choice:
    """The timeline that an analysis of `uri` goes into.

    Of a file, a URL of one or standard input: the one of its identity and the settings. A live source is never the same twice: a new
    one. But where the last was cut short (no end is in its log, or it failed) no longer ago than `ingest.live.give_up_seconds`, that
    one, so that a program that is started again goes on with a gap.

    Args:
        store: where timelines are.
        uri: the source.
        settings: what to do with it.
        tools: by whom.
        fresh: a new recording in any case.
        wanted: of a live source, go into this one, which is there.

    Raises:
        SourceError: there is no such file, or it cannot be read.
    """
    live = is_live(uri, settings.ingest)
    identity = f"live:{uri}" if live else source_identity(uri)
    plain = _choice(identity, settings, tools)
    earlier = _recordings(store, plain.key)
    if not live and not any(_is_of_live(store.state(one.timeline)) for one in earlier):
        return plain
    held = next((one for one in earlier if one.timeline == wanted), None)
    if held is not None:
        return held
    if earlier and not fresh and _goes_on(store, earlier[0].timeline, settings.ingest.live.give_up_seconds):
        return earlier[0]
    return _choice(f"{identity}{_MARK}{secrets.token_hex(4)}", settings, tools) if earlier else plain


def recorded_of(store: Store, state: TimelineState) -> Recorded | None:
    """How far the recording of a live source came; None if there is none."""
    if state.source is None or not state.source.live or not state.segments:
        return None
    first, last = state.segments[0].start, state.segments[-1].end
    events = store.read(state.id)
    position, at = last.seconds, events[-1].at
    for event in reversed(events):
        if isinstance(event.data, TimelineProgress) and event.data.decoded_seconds:
            position, at = first.seconds + event.data.decoded_seconds, event.at
            break
    ago = (datetime.now(UTC) - at).total_seconds() + position - last.seconds
    return Recorded(
        info=state.source,
        start_pts=first.pts,
        end_pts=last.pts,
        frames=last.frame,
        segments=len(state.segments),
        shots=state.segments[-1].shot + 1,
        ago=max(0.0, ago),
    )


def timeline_key(identity: str, settings: Settings, tools: Tools) -> str:
    """What makes a timeline this one: the source and every setting that can change what is found; not how fast it is found."""
    return json.dumps(
        {
            "source": identity,
            "profile": settings.profile,
            "captioner": tools.captioner.model,
            "classifier": tools.classifier.model,
            "vocabulary": tools.vocabulary.digest,
            "settings": settings.model_dump(
                mode="json", include={"ingest": {"frames", "loop_filter", "width", "max_seconds"}, "shots": True, "segments": True}
            ),
        },
        sort_keys=True,
    )


def _choice(identity: str, settings: Settings, tools: Tools) -> Choice:
    key = timeline_key(identity, settings, tools)
    return Choice("tl_" + hashlib.sha256(key.encode()).hexdigest()[:16], key)


def _recordings(store: Store, plain: str) -> list[Choice]:
    """The timelines of a key and of its further recordings, the one opened last first."""
    wanted = _parts(plain)
    return [Choice(one.id, one.key) for one in store.timelines() if one.key == plain or _parts(one.key) == wanted]


def _parts(key: str) -> Any:
    """A key without what tells recordings apart."""
    try:
        parts = json.loads(key)
        return {**parts, "source": parts["source"].partition(_MARK)[0]}
    except (ValueError, KeyError, AttributeError, TypeError):
        return None  # of something else


def _is_of_live(state: TimelineState) -> bool:
    return state.source is not None and state.source.live


def _goes_on(store: Store, timeline: str, seconds: float) -> bool:
    """Whether a recording was cut short less than `seconds` ago, or has not begun."""
    head = store.head(timeline)
    if head.seq == 0:
        return True
    if store.state(timeline).state in ("completed", "cancelled"):
        return False
    (newest,) = store.read(timeline, after=head.seq - 1)
    return (datetime.now(UTC) - newest.at).total_seconds() <= seconds
