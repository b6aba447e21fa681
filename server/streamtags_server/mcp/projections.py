"""Results cut down to what fits into the context window of a language model.

A tool whose result is a list also takes `offset` and `limit`; the result says how many items there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamtags.core.answers import screen_text, transcript_text

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "PAGING", "is_paged", "project"]

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_TEXT = 20_000
"""Characters of an export that are returned at once."""

MAX_WORDS = 1000
"""Characters of the text on screen, and of the transcript, of one segment."""

PAGING: dict[str, Any] = {
    "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "skip so many items"},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT, "description": "the most items to return"},
}
"""JSON schemas of the arguments for paging."""


def is_paged(tool: str) -> bool:
    """Return whether a tool takes `offset` and `limit`."""
    return tool in _LISTS


def project(tool: str, result: Any, offset: int, limit: int) -> Any:
    """Return what an assistant needs of `result`, one page of it."""
    if tool in _LISTS:
        name, shorten = _LISTS[tool]
        items = result[name]
        page = [shorten(item) for item in items[offset : offset + limit]]
        return {**_HEADS.get(tool, _nothing)(result), name: page, "total": len(items), "offset": offset}
    shorten_one = _SINGLE.get(tool)
    return result if shorten_one is None else shorten_one(result)


def _segment(segment: Mapping[str, Any]) -> dict[str, Any]:
    """A segment without its measurements."""
    return {
        "segment": segment["segment"],
        "start": segment["start"]["timecode"],
        "end": segment["end"]["timecode"],
        "status": segment["status"],
        "caption": segment["caption"],
        "text": segment["text"],
        **{name: words for name, words in _words(segment.get("answers", {})).items() if words},
        "tags": [f"{score['tag']} {score['confidence']:.2f}" for score in segment["tags"]],
        "corrected_by": (segment["correction"] or {}).get("by"),
    }


def _words(answers: Mapping[str, Any]) -> dict[str, str]:
    return {"on_screen": screen_text(answers)[:MAX_WORDS], "transcript": transcript_text(answers)[:MAX_WORDS]}


def _timeline_head(state: Mapping[str, Any]) -> dict[str, Any]:
    source = state["source"] or {}
    head = {name: state[name] for name in ("id", "state", "profile", "progress", "summary")}
    cues = [_cue_line(cue) for cue in state.get("spotting", [])]
    return {**head, "name": source.get("name"), "scenes": len(state["scenes"]), **({"cues": cues} if cues else {})}


def _cue_line(cue: Mapping[str, Any]) -> str:
    """A cue of a timeline in one line."""
    chosen = cue.get("chosen")
    music = f", {chosen['title']}" if chosen else ""
    return f"{cue['cue']} {cue['start']['timecode']} to {cue['end']['timecode']}, {cue['decision'] or cue['usage']}{music}"


_TRACK = ("track", "title", "artist", "score", "why", "library")  # the library stands at a chosen track


def _cue(cue: Mapping[str, Any]) -> dict[str, Any]:
    """A cue with its tracks, without its curve and exact times."""
    short = {name: cue[name] for name in ("cue", "usage", "reason", "bpm", "decision") if cue[name] is not None}
    tracks = cue.get("tracks") or ([cue["chosen"]] if cue.get("chosen") else [])
    return {
        **short,
        "start": cue["start"]["timecode"],
        "end": cue["end"]["timecode"],
        "hits": [f"{hit['at']['timecode']} {hit['reason']}" for hit in cue["hits"]],
        "tracks": [{name: track[name] for name in _TRACK if name in track} for track in tracks],
    }


def _vocabulary(vocabulary: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: vocabulary[name] for name in ("name", "id", "version", "axes")}, "tags": [tag["name"] for tag in vocabulary["tags"]]}


def _result(result: Mapping[str, Any]) -> dict[str, Any]:
    return {**result, "start": result["start"]["timecode"], "end": result["end"]["timecode"]}


def _nothing(_: Mapping[str, Any]) -> dict[str, Any]:
    return {}


# Tool -> the list in its result, and how an item of it is shortened.
_LISTS: dict[str, tuple[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]] = {
    "timelines": ("timelines", lambda item: item),
    "get": ("segments", _segment),
    "search": ("results", _result),
    "vocabularies": ("vocabularies", _vocabulary),
    "cues": ("cues", _cue),
    "libraries": ("libraries", lambda item: item),
}
# Tool -> how a result that is no list is shortened.
_SINGLE: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {"correct": _segment, "decide": _cue}
_HEADS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"get": _timeline_head}
