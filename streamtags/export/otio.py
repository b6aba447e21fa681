"""`otio`: OpenTimelineIO, which DaVinci Resolve, Premiere Pro, Hiero and others read.

The shots are clips of one track, segments and cues are markers of the stack, where Resolve and Premiere keep the markers of a timeline.
The music of the cues has audio tracks of its own. The JSON is written directly, in schema versions that every release of the library
since 0.15 reads (https://opentimelineio.readthedocs.io/en/stable/tutorials/otio-serialized-schema.html).
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from streamtags.export.base import Format, TimelineView
from streamtags.export.colors import OTIO as COLORS
from streamtags.export.colors import MarkerColors
from streamtags.export.cut import Cut, CutClip, file_url, make_cut
from streamtags.export.marker_text import comment_lines
from streamtags.export.markers import Marker
from streamtags.export.music_clips import music_clips
from streamtags.export.options import EDITING_OPTIONS, ExportOptions
from streamtags.export.otio_music import music_tracks
from streamtags.export.otio_time import otio_range, otio_time
from streamtags.export.subtitle_text import one_line

__all__ = ["OTIO"]


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cut = make_cut(view, options)
    colors = MarkerColors(COLORS, view.vocabulary, options.colors)
    axes = {tag.name: tag.axis for tag in view.vocabulary.tags} if view.vocabulary is not None else {}
    timeline: dict[str, Any] = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": cut.title if cut is not None else "",
        "metadata": {},
        "global_start_time": otio_time(cut.start_frame, cut.rate) if cut is not None else None,
        "tracks": {
            "OTIO_SCHEMA": "Stack.1",
            "name": "tracks",
            "metadata": {},
            "source_range": None,
            "effects": [],
            "markers": [_marker(marker, colors.of(marker), axes) for marker in view.editing_markers],
            "enabled": True,
            "children": [*_tracks(cut), *music_tracks(music_clips(view, options), cut.rate)] if cut is not None else [],
        },
    }
    return (json.dumps(timeline, indent=4, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _tracks(cut: Cut) -> list[dict[str, Any]]:
    kinds = ["Video"]
    if any(media.has_audio for media in cut.media):
        kinds.append("Audio")
    return [
        {
            "OTIO_SCHEMA": "Track.1",
            "name": f"{kind[0]}1",
            "metadata": {},
            "source_range": None,
            "effects": [],
            "markers": [],
            "enabled": True,
            "children": [_clip(clip, cut.rate) for clip in cut.clips],
            "kind": kind,
        }
        for kind in kinds
    ]


def _clip(clip: CutClip, rate: Fraction) -> dict[str, Any]:
    item: dict[str, Any] = {
        "OTIO_SCHEMA": "Clip.2",
        "name": clip.name,
        "metadata": {},
        "source_range": otio_range(0, clip.frames, rate),
        "effects": [],
        "markers": [],
        "enabled": True,
    }
    if clip.media is None:
        return item | {"OTIO_SCHEMA": "Gap.1"}
    media = clip.media
    # The duration counts at the rate of the sequence, so that the clips add up to it whatever the rate of the media.
    item["source_range"] = {
        "OTIO_SCHEMA": "TimeRange.1",
        "duration": otio_time(clip.frames, rate),
        "start_time": otio_time(clip.source_in, media.rate),
    }
    reference = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": media.name,
        "available_range": otio_range(media.start, media.frames, media.rate),
        "available_image_bounds": None,
        "target_url": file_url(media.path),
    }
    return item | {"media_references": {"DEFAULT_MEDIA": reference}, "active_media_reference_key": "DEFAULT_MEDIA"}


def _marker(marker: Marker, color: str, axes: dict[str, str]) -> dict[str, Any]:
    note = "\n".join(comment_lines(marker))
    return {
        "OTIO_SCHEMA": "Marker.2",
        "metadata": {
            # Where Resolve looks for the note of a marker.
            "Resolve_OTIO": {"Keywords": [score.tag for score in marker.tags], "Note": note},
            "streamtags": {
                **({"cue": marker.cue} if marker.cue else {"segment": marker.segment}),
                "caption": marker.comment,
                "tags": [{"tag": score.tag, "axis": axes.get(score.tag), "confidence": score.confidence} for score in marker.tags],
                "reasoning": marker.reasoning,
            },
        },
        "name": one_line(marker.name),
        "color": color,
        "marked_range": otio_range(marker.start_frame, marker.duration_frames, marker.rate),
        "comment": note,
    }


OTIO = Format(
    name="otio",
    suffix=".otio",
    media_type="application/json",
    description="OpenTimelineIO: shots and music as clips, segments and cues as markers",
    render=_render,
    options=EDITING_OPTIONS,
)
