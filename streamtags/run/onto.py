"""Exports of a timeline: onto the edit that it was made from, its markers and in OTIO its music, or as a new file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamtags.core.errors import NotInStore, SourceError, UsageError
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.export import ExportOptions, Format, Marker, TimelineView, export_timeline
from streamtags.export.colors import AVID, FINAL_CUT, OTIO, PREMIERE, MarkerColors
from streamtags.export.edl import MAX_LINE
from streamtags.export.marker_text import clipped, comment_lines, comment_text, merge_same_frame, xml_safe
from streamtags.export.music_clips import music_clips
from streamtags.export.otio_music import music_tracks
from streamtags.export.registry import vocabulary_of
from streamtags.export.subtitle_text import one_line
from streamtags.export.xmeml import PREMIERE_COLORS
from streamtags.run.library_files import music_files
from streamtags.sources.edit import model
from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.read import read_edit
from streamtags.sources.edit.write_markers import MARKABLE, mark_edit

__all__ = ["export_onto", "is_onto_source", "render_export", "render_new"]

_PALETTES = {"fcpxml": FINAL_CUT, "xmeml": PREMIERE, "otio": OTIO, "edl": AVID}
_LOCATOR = 40  # characters of a `* LOC:` line before the words
# Final Cut Pro shows the kind of a marker by its color.
_KINDS = {"Red": "to-do", "Green": "done", "Orange": "chapter"}


def is_onto_source(state: TimelineState, export: Format) -> bool:
    """Whether a timeline was made from an edit in the format that is exported, so that its markers go onto the edit."""
    return state.source is not None and export.name in MARKABLE and state.source.container == export.name


def render_export(store: Store, timeline: str, export: Format, options: ExportOptions | None = None) -> bytes:
    """Render a timeline: onto its edit if it was made from one in this format, else as a new file.

    Raises:
        NotInStore: there is no such timeline.
        UsageError: the options do not fit the format or the timeline, or the edit has changed since the analysis.
        SourceError: the edit cannot be read any more.
    """
    options = options or ExportOptions()
    state = store.state(timeline)
    if is_onto_source(state, export) and state.source is not None:
        return export_onto(store, timeline, export, options, Path(state.source.uri))
    return render_new(store, timeline, export, options)


def render_new(store: Store, timeline: str, export: Format, options: ExportOptions | None = None) -> bytes:
    """Render a timeline as a new file.

    Raises:
        NotInStore: there is no such timeline.
        UsageError: the options do not fit the format or the timeline.
    """
    return export_timeline(store, timeline, export, options, music_files(store))


def export_onto(store: Store, timeline: str, export: Format, options: ExportOptions, path: Path) -> bytes:
    """Return the file of an edit with the markers of a timeline, and in OTIO its music; nothing else in it changes.

    Args:
        store: where the timeline is.
        timeline: its id.
        export: the format of the edit.
        options: which tags and colors; the rate and start timecode are those of the edit.
        path: the edit that the timeline was made from.

    Raises:
        NotInStore: there is no such timeline.
        UsageError: the options do not fit, the edit is of another format, or its cuts are not those of the timeline.
        SourceError: the edit cannot be read.
    """
    export.check(options)
    given = sorted(options.given & {"rate", "start_timecode", "format_version"})
    where = f"export onto {path}"
    if given:
        what = f"has no use for {', '.join(given)}: the edit has its own"
        raise UsageError(what, where=where, hint="leave it out, or pass --new-timeline")
    state = store.state(timeline)
    if state.source is None:
        raise NotInStore("its source is not known yet", where=timeline)
    try:
        edit = read_edit(path, state.source.video.rate)
    except SourceError as error:
        error.hint = "pass --onto with the file, or --new-timeline"
        raise
    if edit.format != export.name:
        hint = f"pass --format {edit.format}, or --new-timeline"
        raise UsageError(f"this edit is {edit.format}, not {export.name}", where=where, hint=hint)
    _check_cuts(state, edit, where)
    vocabulary = vocabulary_of(store, state)
    view = replace(TimelineView.of(state, (), options, vocabulary), music_file=music_files(store))
    tracks = music_tracks(music_clips(view, options), edit.rate) if edit.format == "otio" else []
    colors = MarkerColors(_PALETTES[export.name], vocabulary, options.colors)
    markers = [_marker(marker, edit, colors.of(marker)) for marker in merge_same_frame(view.editing_markers)]
    return mark_edit(path, edit, markers, PREMIERE_COLORS, tracks)


def _check_cuts(state: TimelineState, edit: model.Edit, where: str) -> None:
    """Refuse an edit that is not the one that was analyzed: markers would stand on the wrong pictures."""
    start = edit.sequence.start_frame
    cuts = {clip.record_in - start for clip in flatten(edit.sequence)}
    shots = {segment.start.frame for segment in state.segments if segment.kind != "slice"} | _shot_starts(state)
    if state.source is None or edit.rate != state.source.video.rate or not shots <= cuts:
        hint = "analyze it again, or pass --new-timeline"
        raise UsageError("the cuts of this edit are not those of the timeline", where=where, hint=hint)


def _shot_starts(state: TimelineState) -> set[int]:
    """The first frame of each shot that is cut into slices."""
    first: dict[int, int] = {}
    for segment in state.segments:
        first.setdefault(segment.shot, segment.start.frame)
    return set(first.values())


def _marker(marker: Marker, edit: model.Edit, color: str) -> model.Marker:
    frame = edit.sequence.start_frame + marker.start_frame
    name = one_line(marker.name)
    if edit.format == "edl":
        name = clipped(name, MAX_LINE // 4)
        return model.Marker(frame, name, clipped(comment_text(marker), MAX_LINE - len(name) - _LOCATOR), color)
    kind = _KINDS.get(color, "standard") if edit.format == "fcpxml" else "standard"
    return model.Marker(frame, name, xml_safe("\n".join(comment_lines(marker))), color, marker.duration_frames, kind)
