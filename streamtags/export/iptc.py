"""`iptc`: the JSON of the IPTC Video Metadata Hub, Recommendation 1.7, which media asset systems exchange.

Properties and types: https://iptc.org/std/videometadatahub/recommendation/IPTC-VideoMetadataHub-props-Rec_1.7.html. The JSON Schema there
spells some names with a line break at the end, `frameSize` among them; no reader expects those, so they are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from math import gcd
from typing import Any

from streamtags.core.answers import screen_text, transcript_text
from streamtags.core.model import SourceInfo
from streamtags.core.pictureless import has_picture
from streamtags.core.state import PERSON, SegmentState, TimelineState
from streamtags.export.base import Format, TimelineView
from streamtags.export.marker_text import clipped
from streamtags.export.markers import Marker
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import TAG_OPTIONS, one_line

__all__ = ["IPTC"]

_ENGLISH, _UNKNOWN = "en", "x-default"  # keys of a text in several languages; captions and tags are English
_MAX_KEYWORDS = 30
_MAX_DESCRIPTION = 2000
_MAX_SCREEN_TEXTS = 100
_STAGES = {"transcribed": "transcript", "read": "text on screen", "heard": "sound", "faces": "faces"}


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    video = {name: value for name, value in _properties(view) if value}
    return (json.dumps([{"photoVideoMetadataIPTC": video}], indent=4, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _properties(view: TimelineView) -> Iterator[tuple[str, Any]]:
    """Yield the properties; those that are empty are left out."""
    state = view.state
    segments = [state.by_id[marker.segment] for marker in view.markers]
    yield from _models(state)
    yield "metadataLastEditor", {"name": {_UNKNOWN: f"streamtags {version('streamtags')}"}}
    captions = dict.fromkeys(one_line(segment.caption) for segment in segments if segment.caption)
    yield "description", _text(clipped(" ".join(captions), _MAX_DESCRIPTION), _ENGLISH)
    yield "dopesheet", _text("\n".join(map(_shot, view.markers)), _ENGLISH)
    yield "keywords", [{_ENGLISH: tag} for tag in _keywords(view.markers)]
    seen = dict.fromkeys(line for segment in segments for line in screen_text(segment.answers).splitlines())
    yield "dataOnScreen", [{"regionText": line} for line in list(seen)[:_MAX_SCREEN_TEXTS]]
    language = _language(segments)
    yield "language", language
    yield "transcript", _text("\n".join(filter(None, (transcript_text(segment.answers) for segment in segments))), language or _UNKNOWN)
    yield "contributors", _contributors(state)
    if state.source is not None:
        yield from _technical(state.source)


def _text(text: str, language: str) -> dict[str, str] | None:
    return {language: text} if text else None


def _shot(marker: Marker) -> str:
    tags = ", ".join(score.tag for score in marker.tags)
    words = " ".join(filter(None, (one_line(marker.comment), f"[{tags}]" if tags else "")))
    return f"{marker.start_timecode} to {marker.end_timecode} {words}".rstrip()


def _keywords(markers: Sequence[Marker]) -> list[str]:
    """Return the tags by what they cover: length times confidence, the most first."""
    covered: dict[str, float] = {}
    for marker in markers:
        for score in marker.tags:
            covered[score.tag] = covered.get(score.tag, 0.0) + score.confidence * float(marker.end - marker.start)
    return sorted(covered, key=lambda tag: (-covered[tag], tag))[:_MAX_KEYWORDS]


def _language(segments: Iterable[SegmentState]) -> str | None:
    languages = (segment.answers.get("transcribed", {}).get("language") for segment in segments)
    return next((language for language in languages if isinstance(language, str) and language), None)


def _models(state: TimelineState) -> Iterator[tuple[str, str]]:
    """Yield the properties about AI. They are made for generated media: the words say that it is the metadata that models wrote."""
    named: dict[str, None] = {}
    for segment in state.segments:
        if segment.caption and segment.caption_model not in (None, PERSON):
            named[f"captions: {segment.caption_model}"] = None
        if segment.tags_model:
            named[f"tags: {segment.tags_model}"] = None
        for name, what in _STAGES.items():
            model = segment.answers.get(name, {}).get("model")
            if isinstance(model, str) and model:
                named[f"{what}: {model}"] = None
    if not named:
        return
    yield "aISystemUsed", f"For this metadata only, not for the video: {one_line('; '.join(sorted(named)))}"
    yield "aISystemVersionUsed", f"streamtags {version('streamtags')}"
    vocabulary = state.vocabulary
    chosen = f" Tags were chosen from the vocabulary {vocabulary.id}, version {vocabulary.version}." if vocabulary is not None else ""
    prompt = f"Models were given frames, sound and words of the video to describe it; they generated none of the video.{chosen}"
    yield "aIPromptInformation", one_line(prompt)


def _contributors(state: TimelineState) -> list[dict[str, Any]]:
    """Return composers and publishers of the accepted music."""
    named: dict[tuple[str, str], None] = {}
    for cue in state.spotting:
        for role in ("composer", "publisher"):
            if cue.chosen is not None and (name := one_line(cue.chosen.rights.get(role, ""))):
                named[name, role] = None
    return [{"name": {_UNKNOWN: name}, "role": [role]} for name, role in named]


def _technical(source: SourceInfo) -> Iterator[tuple[str, Any]]:
    video, audio = source.video, source.audio
    yield "title", _text(one_line(source.title or source.name), _UNKNOWN)
    yield "fileFormat", _entity(source.container)
    if video.duration is not None:
        yield "fileDuration", {"timeFormat": "normalPlayTime", "timeValue": _play_time(float(video.duration))}
    if has_picture(video):
        yield "videoCoding", _entity(video.codec)
        yield "videoFrameRate", round(float(video.rate), 3)
        common = gcd(video.width, video.height) or 1
        yield "signalAspectRatio", f"{video.width // common}:{video.height // common}"
    if audio is not None:
        yield "audioCoding", _entity(audio.codec)
        yield "audioChannelCount", audio.channels
        yield "audioSampleRate", audio.rate


def _entity(name: str) -> dict[str, Any] | None:
    return {"name": {_UNKNOWN: name}} if name else None


def _play_time(seconds: float) -> str:
    """Return hours, minutes and seconds as RFC 2326 section 3.6 writes normal play time."""
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d}.{whole % 1000:03d}"


IPTC = Format(
    name="iptc",
    suffix=".json",
    media_type="application/json",
    description="IPTC Video Metadata Hub (JSON)",
    render=_render,
    options=TAG_OPTIONS | {"rate", "start_timecode"},
)
