"""JSON schemas of results that no model describes."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ACCEPTED",
    "ANYTHING",
    "FOLDER",
    "INFO",
    "OBJECT",
    "RESULTS",
    "RETAGGED",
    "ROLE",
    "STATUS",
    "TEXT",
    "TIMELINES",
    "TRACK",
    "VOCABULARIES",
    "WAVEFORM",
]

TEXT: dict[str, Any] = {"type": "string"}
ANYTHING: dict[str, Any] = {}
OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}

_INTEGER: dict[str, Any] = {"type": "integer"}
_NUMBER: dict[str, Any] = {"type": "number"}
_OPTIONAL_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_OPTIONAL_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_RUN_STATE: dict[str, Any] = {"enum": ["queued", "running", "completed", "failed", "cancelled"]}
_ROLE: dict[str, Any] = {"enum": ["viewer", "editor"]}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


STATUS = _object(status=TEXT)
ROLE = _object(role=_ROLE)
ACCEPTED = _object(id=TEXT, epoch=TEXT, state=_RUN_STATE)
FOLDER = _object(
    path=TEXT,
    parent=_OPTIONAL_TEXT,
    entries=_array(
        _object(name=TEXT, path=TEXT, kind={"enum": ["folder", "file"]}, size={"type": ["integer", "null"]}, modified_at=_OPTIONAL_TEXT)
    ),
    truncated={"type": "boolean"},
)
RETAGGED = _object(id=TEXT, epoch=TEXT, seq=_INTEGER, vocabulary={"$ref": "#/components/schemas/VocabularyRef"})
TIMELINES = _object(
    timelines=_array(
        _object(
            id=TEXT,
            name=TEXT,
            state=_RUN_STATE,
            epoch=TEXT,
            seq=_INTEGER,
            segments=_INTEGER,
            seconds=_OPTIONAL_NUMBER,
            opened_at=TEXT,
            profile=TEXT,
            vocabulary=TEXT,
        )
    ),
    next={"type": ["integer", "null"]},
)
_TIME: dict[str, Any] = {"$ref": "#/components/schemas/Time"}
RESULTS = _object(
    results=_array(
        _object(
            timeline=TEXT,
            name=TEXT,
            segment=TEXT,
            start=_TIME,
            end=_TIME,
            score=_NUMBER,
            caption=_OPTIONAL_TEXT,
            matched=_array(_object(field=TEXT, text=TEXT)),
        )
    )
)
WAVEFORM = _object(
    per_second=_NUMBER, floor_dbfs=_NUMBER, segments=_array(_object(segment=TEXT, peaks=TEXT)), next=_INTEGER, more={"type": "boolean"}
)
TRACK = _object(
    track=TEXT,
    title=TEXT,
    artist=TEXT,
    seconds=_OPTIONAL_NUMBER,
    bpm=_OPTIONAL_NUMBER,
    energy=_OPTIONAL_NUMBER,
    curve=_array(_INTEGER),
    curve_seconds=_OPTIONAL_NUMBER,
    hits=_array(_NUMBER),
    sections=_array(_NUMBER),
    has_audio={"type": "boolean"},
)
VOCABULARIES = _object(
    vocabularies=_array(
        _object(
            name=TEXT,
            id=TEXT,
            version=TEXT,
            digest=TEXT,
            axes=_array(TEXT),
            tags=_array(_object(name=TEXT, axis=TEXT, description=TEXT)),
        )
    )
)
INFO = _object(
    version=TEXT,
    protocol=_INTEGER,
    role={"enum": ["viewer", "editor", None]},
    roles=_array(_ROLE),
    formats=_array(_object(name=TEXT, suffix=TEXT, media_type=TEXT, description=TEXT, options=_array(TEXT))),
    marker_colors=_array(_object(name=TEXT, colors=_array(TEXT), default=TEXT, axes={"type": "object", "additionalProperties": TEXT})),
    measures=_array(
        _object(name=TEXT, unit=TEXT, low=_OPTIONAL_NUMBER, high=_OPTIONAL_NUMBER, values=_array(TEXT), description=TEXT, group=TEXT)
    ),
    vocabulary={"$ref": "#/components/schemas/VocabularyRef"},
    axes=_array(_object(name=TEXT, description=TEXT, exclusive={"type": "boolean"}, tags=_array(TEXT))),
    stages=_array(_object(name=TEXT, title=TEXT, description=TEXT, lane=_OPTIONAL_TEXT, emits=TEXT)),
    profiles=_array(TEXT),
    profile=TEXT,
    limits=_object(
        message_bytes=_INTEGER,
        subscriptions=_INTEGER,
        requests=_INTEGER,
        queue_events=_INTEGER,
        queue=_INTEGER,
        analyses=_INTEGER,
        upload_bytes=_INTEGER,
        max_seconds=_NUMBER,
    ),
)
