"""`html`: a report to read, print and send: one file with stills, captions, tags, curves, scenes and cues.

It contains no script and loads nothing. A Content-Security-Policy in the file forbids both, so that text from a film or a model, which is
escaped, could do nothing even if it were not.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files

from streamtags.core.cue_events import Cue
from streamtags.core.cue_tracks import tracks_of
from streamtags.core.model import TagScore
from streamtags.core.pictureless import has_picture
from streamtags.core.state import SegmentState
from streamtags.export.base import Format, TimelineView
from streamtags.export.markers import Marker
from streamtags.export.options import ExportOptions
from streamtags.export.report_curves import as_html, draw_curves, draw_tags
from streamtags.export.subtitle_text import TAG_OPTIONS

__all__ = ["HTML"]

_MAX_TRACKS = 3  # of a cue


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    style = files("streamtags.export").joinpath("report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    name = view.state.source.name if view.state.source else view.state.id
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'\">\n",
        '<meta name="viewport" content="width=device-width">\n<meta name="referrer" content="no-referrer">\n',
        f"<title>{as_html(name)}</title>\n",
        f"<style>{style}</style>\n</head>\n<body>\n",
        *_head(view, name),
        *_section("Tags over time", draw_tags(view.markers)),
        *_section("Measurements", draw_curves(view.markers, view.state.by_id)),
        *_section("Scenes", "".join(_scenes(view))),
        *_section("Music", "".join(_cues(view))),
        *_section("Segments", "".join(_segment(view, marker) for marker in view.markers)),
        "</body>\n</html>\n",
    ]
    return "".join(parts).encode("utf-8", "replace")


def _section(title: str, content: str) -> Iterator[str]:
    if content:
        yield f"<section>\n<h2>{title}</h2>\n{content}</section>\n"


def _head(view: TimelineView, name: str) -> Iterator[str]:
    source, vocabulary = view.state.source, view.state.vocabulary
    yield f"<h1>{as_html(name)}</h1>\n<dl>"
    facts: list[tuple[str, object]] = [("State", view.state.state), ("Segments", f"{len(view.markers)} of {len(view.state.segments)}")]
    if source is not None:
        video = source.video
        size = f"{video.width} x {video.height}, {float(video.rate):g} frames a second, {video.codec}"
        facts.append(("Picture", size if has_picture(video) else "none, only sound"))
    if view.markers:
        facts.append(("Time", f"{view.markers[0].start_timecode} to {view.markers[-1].end_timecode}"))
    if vocabulary is not None:
        facts.append(("Vocabulary", f"{vocabulary.id}, version {vocabulary.version}"))
    if view.state.profile:
        facts.append(("Profile", view.state.profile))
    yield "".join(f"<dt>{label}</dt><dd>{as_html(value)}</dd>" for label, value in facts)
    yield "</dl>\n"


def _scenes(view: TimelineView) -> Iterator[str]:
    if not view.state.scenes:
        return
    yield "<table><thead><tr><th>Scene</th><th>Start</th><th>End</th><th>Tags</th></tr></thead><tbody>\n"
    for scene in view.state.scenes:
        tags = ", ".join(f"{score.tag} {score.confidence:.2f}" for score in scene.tags)
        cells = (scene.index + 1, scene.start.timecode, scene.end.timecode, tags)
        yield f"<tr>{''.join(f'<td>{as_html(cell)}</td>' for cell in cells)}</tr>\n"
    yield "</tbody></table>\n"


def _cues(view: TimelineView) -> Iterator[str]:
    """Yield each cue with its place, its reason and its tracks, then suggestions for scenes and segments."""
    for cue in view.state.spotting:
        decision = f", {cue.decision}" if cue.decision else ""
        place = f"{cue.start.timecode} to {cue.end.timecode}, {cue.usage}{decision}"
        yield f"<h3>{as_html(cue.cue)} <small>{as_html(place)}</small></h3>\n<p>{as_html(cue.reason)}</p>\n"
        yield from _tracks(tracks_of(cue, view.state, _MAX_TRACKS))
    for suggested in (each for each in view.state.cues if each.cue is None):
        place = suggested.scene or suggested.segment or "the whole timeline"
        yield f"<h3>{as_html(place)}</h3>\n"
        if suggested.guide:
            yield f"<p>{as_html(suggested.guide)}</p>\n"
        yield from _tracks(suggested.cues)


def _tracks(tracks: Sequence[Cue]) -> Iterator[str]:
    if not tracks:
        return
    yield "<ol>"
    for track in tracks:
        by = f" ({as_html(track.artist)})" if track.artist else ""
        yield f"<li><b>{as_html(track.title or track.track)}</b>{by} {track.score:.2f} {as_html(track.why)}</li>"
    yield "</ol>\n"


def _segment(view: TimelineView, marker: Marker) -> str:
    segment = view.state.by_id[marker.segment]
    picture = view.still(marker.segment)
    still = f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}">' if picture else '<div class="none"></div>'
    tags = "".join(map(_tag, marker.tags))
    return (
        f'<article id="segment-{marker.number}">{still}<div><h3>{marker.number} <small>{marker.start_timecode} to {marker.end_timecode}'
        f"</small></h3>\n{''.join(_words(segment))}<ul>{tags}</ul></div></article>\n"
    )


def _tag(score: TagScore) -> str:
    bar = f'<svg viewBox="0 0 100 8" aria-hidden="true"><rect width="{score.confidence * 100:.0f}" height="8"/></svg>'
    return f"<li>{as_html(score.tag)} {bar} {score.confidence:.2f}</li>"


def _words(segment: SegmentState) -> Iterator[str]:
    """Yield what is said about a segment and in it, as paragraphs."""
    if segment.caption:
        yield f"<p>{as_html(segment.caption)}</p>\n"
    if segment.text:
        yield f"<blockquote>{as_html(segment.text)}</blockquote>\n"
    if segment.reasoning:
        yield f'<p class="reason">{as_html(segment.reasoning)}</p>\n'
    if segment.correction is not None:
        yield f'<p class="reason">corrected by {as_html(segment.correction.by)}</p>\n'
    if segment.error is not None:
        yield f'<p class="reason">{as_html(segment.error.stage)} failed: {as_html(segment.error.message)}</p>\n'


HTML = Format(
    name="html",
    suffix=".html",
    media_type="text/html; charset=utf-8",
    description="Report with stills, tags and curves, to print or send",
    render=_render,
    options=TAG_OPTIONS | {"rate", "start_timecode"},
)
