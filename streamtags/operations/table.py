"""The table of operations. HTTP routes, WebSocket methods, permission checks and both API documents are derived from it.

To add an operation: write its params, its handler and one row here.
"""

from __future__ import annotations

from streamtags.operations import captioners, cues, info, media, reading, scenes, search, segments, timelines
from streamtags.operations.operation import Http, Operation
from streamtags.operations.params import (
    Analyze,
    BrowseMedia,
    CheckCaptioner,
    Correct,
    CorrectScene,
    DecideCue,
    ExportTimeline,
    ListTimelines,
    OneSegment,
    OneTimeline,
    OneTrack,
    OpenSession,
    ReadEvents,
    ReadWaveform,
    Retag,
    SearchSegments,
    SuggestCues,
)
from streamtags.operations.results import (
    ACCEPTED,
    ANYTHING,
    FOLDER,
    INFO,
    OBJECT,
    RESULTS,
    RETAGGED,
    ROLE,
    STATUS,
    TEXT,
    TIMELINES,
    TRACK,
    VOCABULARIES,
    WAVEFORM,
)

__all__ = ["METHODS", "OPERATIONS", "TOOLS"]

_ONE = "/v1/timelines/{id}"

_SERVER = (
    Operation("page", "The page to watch and correct timelines with", Http("GET", "/", media="text/html"), result=TEXT),
    Operation("health", "The process is alive", Http("GET", "/healthz"), result=STATUS),
    Operation("ready", "The server takes work: its store can be read", Http("GET", "/readyz", also=(503,)), result=STATUS),
    Operation("metrics", "Prometheus metrics", Http("GET", "/metrics", media="text/plain"), result=TEXT, role="viewer"),
    Operation("openapi", "This document", Http("GET", "/openapi.json"), result=OBJECT),
    Operation("asyncapi", "The WebSocket protocol as an AsyncAPI document", Http("GET", "/asyncapi.json"), result=OBJECT),
    Operation(
        "openSession",
        "Exchange a token for a cookie, so that a page can show pictures and films",
        Http("POST", "/v1/session", also=(401, 422)),
        params=OpenSession,
        result=ROLE,
    ),
    Operation("closeSession", "End the session of the cookie", Http("DELETE", "/v1/session", status=204)),
)

_INSTALLATION = (
    Operation(
        "info",
        "What this server can do: formats, measures, axes, stages, limits",
        Http("GET", "/v1/info"),
        result=INFO,
        role="viewer",
        handler=info.describe_installation,
    ),
    Operation(
        "listVocabularies",
        "The vocabularies that can be named",
        Http("GET", "/v1/vocabularies"),
        result=VOCABULARIES,
        role="viewer",
        method="vocabularies.list",
        handler=info.list_vocabularies,
        tool="vocabularies",
    ),
    Operation(
        "checkModel",
        "Show drawn clips with known answers to a captioner, about 20 requests; returns what it gets right",
        Http("POST", "/v1/models/check", also=(422, 503)),
        params=CheckCaptioner,
        result=OBJECT,
        role="editor",
        method="models.check",
        handler=captioners.check_model,
        tool="check_model",
    ),
    Operation(
        "browseMedia",
        "Folders and media below the media roots",
        Http("GET", "/v1/media-roots", query=("path",), strict_query=True, also=(400, 403, 404)),
        params=BrowseMedia,
        result=FOLDER,
        role="editor",
        handler=media.browse,
    ),
)

_TIMELINES = (
    Operation(
        "listTimelines",
        "Every timeline in one line, the one opened last first, or a page of them",
        Http("GET", "/v1/timelines", query=("limit", "before"), also=(400,)),
        params=ListTimelines,
        result=TIMELINES,
        role="viewer",
        method="timelines.list",
        handler=timelines.list_timelines,
        tool="timelines",
    ),
    Operation(
        "analyze",
        "Analyze a source: name it as JSON, or send the bytes of a file",
        Http("POST", "/v1/timelines", status=202, upload=("profile", "tags"), also=(409, 415, 422, 503, 507)),
        params=Analyze,
        result=ACCEPTED,
        role="editor",
        method="timelines.analyze",
        handler=timelines.analyze,
        tool="analyze",
    ),
    Operation(
        "getTimeline",
        "A timeline's state: the fold of its log",
        Http("GET", _ONE, also=(404,)),
        params=OneTimeline,
        result="TimelineState",
        role="viewer",
        method="timelines.get",
        handler=timelines.get_timeline,
        tool="get",
    ),
    Operation(
        "removeTimeline",
        "Delete a timeline and all that belongs to it",
        Http("DELETE", _ONE, status=204, also=(404, 409)),
        params=OneTimeline,
        role="editor",
        handler=timelines.remove,
    ),
    Operation(
        "cancel",
        "Stop the analysis; it can be resumed",
        Http("POST", f"{_ONE}/cancel", also=(404, 409)),
        params=OneTimeline,
        result=ACCEPTED,
        role="editor",
        method="timelines.cancel",
        handler=timelines.cancel,
        tool="cancel",
    ),
    Operation(
        "retag",
        "Tag the stored captions again under another vocabulary; the tags come as events",
        Http("POST", f"{_ONE}/retag", status=202, also=(404, 409, 422)),
        params=Retag,
        result=RETAGGED,
        role="editor",
        method="timelines.retag",
        handler=timelines.retag,
        tool="retag",
    ),
    Operation(
        "correctScene",
        "Split a scene before a segment, merge one into the scene before, or return to what was detected; it wins over the detector",
        Http("POST", f"{_ONE}/scenes", also=(404, 422)),
        params=CorrectScene,
        result=OBJECT,
        role="editor",
        method="scenes.correct",
        handler=scenes.correct,
    ),
    # Suggestions change nothing that a person decided, so a viewer may request them; accepting one is an editor's decision.
    Operation(
        "cues",
        "Spot where music may be, and suggest tracks of a library",
        Http("POST", f"{_ONE}/cues", also=(404, 422)),
        params=SuggestCues,
        result=OBJECT,
        role="viewer",
        method="timelines.cues",
        handler=cues.suggest,
        tool="cues",
    ),
    Operation(
        "decideCue",
        "Accept, reject or swap a track of a cue, or take that back; later suggestions leave it alone",
        Http("POST", f"{_ONE}/cues/{{cue}}", also=(404, 422)),
        params=DecideCue,
        result=OBJECT,
        role="editor",
        method="cues.decide",
        handler=cues.decide_cue,
        tool="decide",
    ),
    Operation(
        "listLibraries",
        "The music libraries",
        Http("GET", "/v1/libraries"),
        result=OBJECT,
        role="viewer",
        method="libraries.list",
        handler=cues.list_libraries,
        tool="libraries",
    ),
    Operation(
        "describeTrack",
        "A track of a music library, with its loudness over time from 0 to 100, one value for each `curve_seconds`",
        Http("GET", "/v1/libraries/{library}/track", query=("track",), also=(400, 404)),
        params=OneTrack,
        result=TRACK,
        role="viewer",
        handler=cues.describe_track,
    ),
    Operation(
        "trackAudio",
        "The audio file of a track, whole or a byte range",
        Http("GET", "/v1/libraries/{library}/audio", media="*/*", query=("track",), also=(206, 400, 404, 416)),
        params=OneTrack,
        result=ANYTHING,
        role="viewer",
        handler=cues.track_audio,
    ),
)

_READING = (
    Operation(
        "searchSegments",
        "Segments of all timelines that fit a text, best first",
        Http(
            "GET",
            "/v1/search",
            query=("q", "timeline", "tag", "axis", "min_confidence", "since", "until", "top"),
            strict_query=True,
            also=(400, 404, 422, 503),
        ),
        params=SearchSegments,
        result=RESULTS,
        role="viewer",
        method="segments.search",
        handler=search.search_segments,
        tool="search",
    ),
    Operation(
        "readEvents",
        "Events after `after`, one a line",
        Http("GET", f"{_ONE}/events", media="application/x-ndjson", query=("after", "follow"), also=(400, 404)),
        params=ReadEvents,
        result="Event",
        role="viewer",
        handler=reading.read_events,
    ),
    Operation(
        "export",
        "The timeline in another format",
        Http(
            "GET",
            f"{_ONE}/export",
            media="*/*",
            query=("format", "rate", "start_timecode", "axis", "tag", "min_confidence", "color", "format_version", "new_timeline"),
            strict_query=True,
            also=(400, 404, 422),
        ),
        params=ExportTimeline,
        result=ANYTHING,
        role="viewer",
        handler=reading.export,
        tool="export",
    ),
    Operation(
        "media",
        "The analyzed file, whole or a byte range",
        Http("GET", f"{_ONE}/media", media="*/*", also=(206, 400, 404, 416)),
        params=OneTimeline,
        result=ANYTHING,
        role="viewer",
        handler=reading.media,
    ),
    Operation(
        "thumbnail",
        "A segment's picture",
        Http("GET", f"{_ONE}/thumbnails/{{segment}}.jpg", media="image/jpeg", also=(404,)),
        params=OneSegment,
        result=TEXT,
        role="viewer",
        handler=segments.thumbnail,
    ),
    Operation(
        "waveform",
        "The loudest samples of each segment, 10 a second, as base64 of one byte each: 0 is the floor, 255 full scale",
        Http("GET", f"{_ONE}/waveform", query=("after",), also=(400, 404)),
        params=ReadWaveform,
        result=WAVEFORM,
        role="viewer",
        handler=segments.waveform,
    ),
    Operation(
        "correct",
        "A person's tags or caption; they win over every model",
        Http("PATCH", f"{_ONE}/segments/{{segment}}", also=(404, 422)),
        params=Correct,
        result="SegmentState",
        role="editor",
        method="segments.correct",
        handler=segments.correct,
        tool="correct",
    ),
)

OPERATIONS: tuple[Operation, ...] = (*_SERVER, *_INSTALLATION, *_TIMELINES, *_READING)
"""Every operation."""

METHODS: dict[str, Operation] = {operation.method: operation for operation in OPERATIONS if operation.method is not None}
"""The operations that can be called over the WebSocket, by method name."""

TOOLS: dict[str, Operation] = {operation.tool: operation for operation in OPERATIONS if operation.tool is not None}
"""The operations that are tools of the Model Context Protocol, by tool name."""
