"""Audio tracks of OpenTimelineIO with the music of the cues. A fade is a transition from or to a gap."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from streamtags.export.cut import file_name, file_url
from streamtags.export.music_clips import MusicClip, on_tracks
from streamtags.export.otio_time import otio_range, otio_time
from streamtags.export.subtitle_text import one_line

__all__ = ["music_tracks"]


def music_tracks(clips: Sequence[MusicClip], rate: Fraction) -> list[dict[str, Any]]:
    """Return tracks with these clips, as many as they need, as JSON of OTIO."""
    return [
        {
            "OTIO_SCHEMA": "Track.1",
            "name": f"Music {number}",
            "metadata": {},
            "source_range": None,
            "effects": [],
            "markers": [],
            "enabled": True,
            "children": _children(track, rate),
            "kind": "Audio",
        }
        for number, track in enumerate(on_tracks(clips), 1)
    ]


def _children(clips: Sequence[MusicClip], rate: Fraction) -> list[dict[str, Any]]:
    children: list[dict[str, Any]] = []
    at = 0
    for clip in clips:
        if clip.start_frame > at:
            children.append(_item("Gap.1", "", otio_range(0, clip.start_frame - at, rate)))
        if clip.fade_in:
            children.append(_fade(0, clip.fade_in, rate))
        children.append(_clip(clip, rate))
        if clip.fade_out:
            children.append(_fade(clip.fade_out, 0, rate))
        at = clip.end_frame
    return children


def _clip(clip: MusicClip, rate: Fraction) -> dict[str, Any]:
    track = clip.track
    reference: dict[str, Any] = {
        "OTIO_SCHEMA": "MissingReference.1",
        "metadata": {},
        "name": file_name(clip.path or track.track),
        "available_range": None,
        "available_image_bounds": None,
    }
    if clip.path is not None:
        reference |= {"OTIO_SCHEMA": "ExternalReference.1", "target_url": file_url(clip.path)}
    item = _item("Clip.2", one_line(f"{clip.cue} {track.title}"), otio_range(clip.source_in, clip.frames, rate))
    item["metadata"] = {
        "streamtags": {
            "cue": clip.cue,
            "track": track.track,
            "title": track.title,
            "artist": track.artist,
            "rights": track.rights,
            "accepted": clip.is_accepted,
            "score": track.score,
            "why": track.why,
        }
    }
    return item | {"media_references": {"DEFAULT_MEDIA": reference}, "active_media_reference_key": "DEFAULT_MEDIA"}


def _item(schema: str, name: str, source_range: dict[str, Any]) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": schema,
        "name": name,
        "metadata": {},
        "source_range": source_range,
        "effects": [],
        "markers": [],
        "enabled": True,
    }


def _fade(before: int, after: int, rate: Fraction) -> dict[str, Any]:
    """A transition that takes frames of the item before it and of the one after it."""
    return {
        "OTIO_SCHEMA": "Transition.1",
        "name": "Fade",
        "metadata": {},
        "in_offset": otio_time(before, rate),
        "out_offset": otio_time(after, rate),
        "transition_type": "SMPTE_Dissolve",
    }
