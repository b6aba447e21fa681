"""The selected segments of a timeline as files of their own, with a manifest: the export `clips`."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamtags.config.settings import Settings
from streamtags.core.errors import NotInStore, SourceError, UsageError
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.export import ExportOptions, Marker, TimelineView
from streamtags.sources.file.access import Access
from streamtags.sources.file.clips import ClipCutter

__all__ = ["MANIFEST", "clip_name", "export_clips"]

MANIFEST = "clips.json"
CLIP_OPTIONS = frozenset({"axes", "tags", "min_confidence", "rate", "start_timecode"})
_MAX_TEXT = 60


def export_clips(
    store: Store,
    timeline: str,
    folder: Path,
    options: ExportOptions,
    settings: Settings,
    *,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Write each selected segment of a timeline to `folder`, and return the manifest that is written beside them.

    A clip appears under its name when it is complete. One that cannot be written is in the manifest with its error; the others are written.

    Args:
        store: has the timeline.
        timeline: its id.
        folder: a new or empty folder, or one of an earlier export, whose clips are replaced.
        options: which segments.
        settings: limits of what is decoded.
        report: gets a line for each clip.

    Raises:
        NotInStore: there is no such timeline.
        UsageError: the options do not fit, or the folder contains other files.
        SourceError: the film cannot be read, or is not the file that was analyzed.
    """
    unused = sorted(options.given - CLIP_OPTIONS)
    if unused:
        raise UsageError(f"has no use for {', '.join(unused)}", where="export format clips")
    state = store.state(timeline)
    vocabulary = None
    if state.vocabulary is not None:
        with suppress(NotInStore):  # logs of early versions do not have theirs in the store; options that need it then say so
            vocabulary = store.vocabulary(state.vocabulary)
    markers = TimelineView.of(state, (), options, vocabulary).markers
    _check_source(state)
    _prepare(folder)
    assert state.source is not None  # noqa: S101 - `_check_source`
    clips = []
    with ClipCutter(state.source.uri, Access(), settings.ingest, rotation=state.source.video.rotation) as cutter:
        for marker in markers:
            entry = _cut(cutter, state, marker, folder)
            report(f"{entry.get('file') or marker.segment}: {entry.get('method') or entry['error']}")
            clips.append(entry)
    manifest = {"timeline": state.id, "source": state.source.uri, "clips": clips}
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return manifest


def _check_source(state: TimelineState) -> None:
    if state.source is None:
        raise SourceError("the timeline has no source yet", where=state.id, hint="wait until its analysis has begun")
    if any(segment.clip is not None for segment in state.segments):
        hint = "export clips of the films that the edit uses, or of a rendered film"
        raise SourceError("clips are cut from films; this timeline was made from an edit", where=state.source.name, hint=hint)
    path, size = Path(state.source.uri), state.source.size
    if size is not None and path.is_file() and path.stat().st_size != size:
        raise SourceError("the file has changed since it was analyzed", where=state.source.uri, hint="analyze it again")


def _prepare(folder: Path) -> None:
    """Make the folder, or remove the clips that the manifest in it lists.

    Raises:
        UsageError: it contains files that are not of an export.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = _listed(folder / MANIFEST)
    others = sorted(path.name for path in folder.iterdir() if path.name not in listed | {MANIFEST})
    if others:
        raise UsageError(f"contains other files, such as {others[0]}", where=str(folder), hint="name a new or empty folder")
    for name in listed:
        (folder / name).unlink(missing_ok=True)


def _listed(manifest: Path) -> set[str]:
    """Return the names of the clips in a manifest; only plain names of files beside it."""
    try:
        clips = json.loads(manifest.read_text("utf-8"))["clips"]
        return {str(clip["file"]) for clip in clips if clip.get("file") == Path(str(clip.get("file"))).name}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return set()


def _cut(cutter: ClipCutter, state: TimelineState, marker: Marker, folder: Path) -> dict[str, Any]:
    segment = state.by_id[marker.segment]
    entry: dict[str, Any] = {
        "segment": marker.segment,
        "start": marker.start_timecode,
        "end": marker.end_timecode,
        "caption": segment.caption,
        "tags": [score.model_dump(mode="json") for score in marker.tags],
    }
    name = clip_name(marker, cutter.suffix)
    partial = folder / f".{marker.number}{cutter.suffix}"
    start, end = segment.start, segment.end
    try:
        cut = cutter.cut(start.pts * start.time_base, end.pts * end.time_base, partial)
    except SourceError as error:
        return entry | {"error": str(error)}
    else:
        partial.replace(folder / name)
        return {"file": name} | entry | {"method": cut.method, "frames": cut.frames, "reason": cut.reason}
    finally:
        partial.unlink(missing_ok=True)


def clip_name(marker: Marker, suffix: str) -> str:
    """Return a name that every file system takes: number, start timecode and tags, in ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", marker.name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_MAX_TEXT].rstrip("-")
    start = re.sub(r"[^0-9]", "-", marker.start_timecode)
    return "_".join(filter(None, (f"{marker.number:04d}", start, words))) + suffix
