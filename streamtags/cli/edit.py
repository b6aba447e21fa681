"""`streamtags edit`: the clips and markers of an edit as they will be analyzed, and which media is missing."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamtags.sources.edit.media import MediaFinder
    from streamtags.sources.edit.model import Clip, Edit, Marker

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="an EDL, FCPXML, xmeml, OTIO or AAF file")
    parser.add_argument("--rate", metavar="R", help="frames a second, for an EDL, which does not state it: 25, 23.976 or 30000/1001")
    parser.add_argument("--media-root", metavar="DIR", type=Path, action="append", default=[], help="search media by name in this folder")
    parser.add_argument("--media-map", metavar="MAP", type=Path, help="JSON or TOML file that maps names, reels or paths to files")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--debug", action="store_true", help="print a traceback with an error")


def run(args: argparse.Namespace) -> int:
    """Print it. No media is opened."""
    from streamtags.core.timecode import parse_rate
    from streamtags.sources.edit.flatten import flatten
    from streamtags.sources.edit.media import MediaFinder, load_media_map
    from streamtags.sources.edit.read import read_edit

    edit = read_edit(args.file, parse_rate(args.rate) if args.rate else None)
    clips = flatten(edit.sequence)
    media_map = load_media_map(args.media_map) if args.media_map else {}
    finder = MediaFinder(args.file.parent, tuple(args.media_root), media_map)
    if args.json:
        print(json.dumps(_as_json(edit, clips, finder), ensure_ascii=False))
    else:
        _print_table(edit, clips, finder)
    return 0


def _as_json(edit: Edit, clips: tuple[Clip, ...], finder: MediaFinder) -> dict[str, Any]:
    from streamtags.core.timebase import rational_text
    from streamtags.core.timecode import format_timecode

    shown = [clip for clip in clips if clip.kind != "gap"]
    return {
        "format": edit.format,
        "name": edit.sequence.name,
        "rate": rational_text(edit.rate),
        "drop_frame": edit.drop,
        "start_timecode": format_timecode(edit.sequence.start_frame, edit.rate, drop=edit.drop),
        "start_frame": edit.sequence.start_frame,
        "end_frame": edit.sequence.end_frame,
        "clips": [{"index": index, **_clip_json(clip), **_file_json(clip, finder)} for index, clip in enumerate(shown)],
        "gaps": [[clip.record_in, clip.record_out] for clip in clips if clip.kind == "gap"],
        "markers": [_marker_json(marker) for marker in edit.markers],
        "captions": [_marker_json(caption) for caption in edit.captions],
        "tracks": [
            {"name": track.name, "enabled": track.enabled, "clips": [_clip_json(clip) for clip in track.clips]}
            for track in edit.sequence.tracks
        ],
        "missing": finder.missing(shown),
        "warnings": list(edit.warnings),
    }


def _clip_json(clip: Clip) -> dict[str, Any]:
    from streamtags.core.timebase import rational_text

    transition = clip.transition
    shown = clip.used_frames() if clip.timing is not None else (None, None)
    return {
        "name": clip.name,
        "kind": clip.kind,
        "media": clip.media.label if clip.kind == "clip" else None,
        "reel": clip.media.reel,
        "record_in": clip.record_in,
        "record_out": clip.record_out,
        "source_in": clip.source_in,
        "source_out": clip.source_out,
        "source_rate": rational_text(clip.source_rate) if clip.source_rate is not None else None,
        "shown_in": shown[0],
        "shown_out": shown[1],
        "speed": round(float(clip.speed), 6) if clip.speed is not None else None,
        "transition": None
        if transition is None
        else {"kind": transition.kind, "frames": transition.frames, "record_in": transition.record_in, "alignment": transition.alignment},
        "enabled": clip.enabled,
        "inside": list(clip.inside),
        "notes": list(clip.notes),
    }


def _file_json(clip: Clip, finder: MediaFinder) -> dict[str, Any]:
    file = finder.find(clip)
    return {"file": str(file) if file else None, "missing": clip.kind == "clip" and file is None}


def _marker_json(marker: Marker) -> dict[str, Any]:
    return {
        "frame": marker.frame,
        "frames": marker.frames,
        "name": marker.name,
        "note": marker.note,
        "color": marker.color,
        "kind": marker.kind,
        "on": marker.on,
        "visible": marker.visible,
    }


def _print_table(edit: Edit, clips: tuple[Clip, ...], finder: MediaFinder) -> None:
    from streamtags.cli.views import printable
    from streamtags.core.timecode import format_timecode, nominal

    def label(frame: int) -> str:
        return format_timecode(frame, edit.rate, drop=edit.drop)

    # A terminal would wrap a long line; a file or a pipe gets all of it.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    length = edit.sequence.end_frame - edit.sequence.start_frame
    rate = f"{float(edit.rate):.3f}".rstrip("0").rstrip(".")
    mode = " drop-frame" if edit.drop else ""
    title = printable(edit.sequence.name) or "untitled"
    print(
        f"{title}  {edit.format}  {rate} fps{mode}  {label(edit.sequence.start_frame)} to {label(edit.sequence.end_frame)}  {length} frames"
    )
    print(f"{'#':>5}  {'record in':11}  {'record out':11}  {'frames':>6}  {'source in':11}  {'speed':>6}  {'transition':14}  clip")
    number = 0
    for clip in clips:
        number += clip.kind != "gap"
        source = "" if clip.source_in is None else format_timecode(clip.source_in, clip.source_rate or edit.rate)
        if clip.source_rate is not None and nominal(clip.source_rate) != nominal(edit.rate):
            source += f"@{nominal(clip.source_rate)}"
        cells = [
            str(number - 1) if clip.kind != "gap" else "",
            label(clip.record_in),
            label(clip.record_out),
            str(clip.frames),
            source,
            _speed_text(clip),
            _transition_text(clip),
            printable(_name_text(clip, finder)),
        ]
        line = "{:>5}  {:11}  {:11}  {:>6}  {:11}  {:>6}  {:14}  {}".format(*cells)
        print(line[:width].rstrip())
    for marker in edit.markers:
        note = " ".join(filter(None, [marker.name, marker.note]))
        print(f"marker {label(marker.frame)}  {printable(marker.color or '')}  {printable(note)}"[:width].rstrip())
    _print_summary(edit, clips, finder)


def _print_summary(edit: Edit, clips: tuple[Clip, ...], finder: MediaFinder) -> None:
    from streamtags.cli.views import printable

    for warning in edit.warnings[:20]:
        print(f"warning: {printable(warning)}")
    if len(edit.warnings) > 20:
        print(f"warning: {len(edit.warnings) - 20} more; --json prints all")
    shown = [clip for clip in clips if clip.kind != "gap"]
    gaps = len(clips) - len(shown)
    print(", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in _counts(len(shown), gaps, len(edit.markers))))
    for name in finder.missing(shown):
        print(f"missing: {printable(name)}")


def _counts(clips: int, gaps: int, markers: int) -> tuple[tuple[int, str], ...]:
    return (clips, "clip"), (gaps, "gap"), (markers, "marker")


def _speed_text(clip: Clip) -> str:
    if clip.kind == "gap" or clip.speed == 1:
        return ""
    if clip.speed is None:
        return "curve"
    return "freeze" if clip.speed == 0 else f"{float(clip.speed):.4g}x"


def _transition_text(clip: Clip) -> str:
    if clip.transition is None:
        return ""
    frames = "" if clip.transition.frames is None else f" {clip.transition.frames}"
    return f"{clip.transition.kind[: 14 - len(frames)]}{frames}"


def _name_text(clip: Clip, finder: MediaFinder) -> str:
    if clip.kind == "gap":
        return "(gap)"
    name = clip.name or clip.media.label or clip.kind
    if clip.kind != "clip":
        return f"{name} ({clip.kind})"
    return name if finder.find(clip) is not None else f"{name} (missing)"
