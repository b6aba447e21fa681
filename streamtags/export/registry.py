"""The export formats by name: those of this package, then those that installed packages add."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from streamtags.core.errors import ConfigError, NotInStore, UsageError
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.core.vocabulary import Vocabulary, did_you_mean
from streamtags.export.ale import ALE
from streamtags.export.avid import AVID
from streamtags.export.base import Format, MusicFile, TimelineView
from streamtags.export.chapters import CHAPTERS
from streamtags.export.cue_tables import CUE_SHEET, SPOTTING_CSV
from streamtags.export.edl import EDL
from streamtags.export.fcpxml import FCPXML
from streamtags.export.iptc import IPTC
from streamtags.export.log_jsonl import JSONL
from streamtags.export.music_edl import MUSIC_EDL
from streamtags.export.options import ExportOptions
from streamtags.export.otio import OTIO
from streamtags.export.premiere_csv import PREMIERE_CSV
from streamtags.export.report_html import HTML
from streamtags.export.resolve_edl import RESOLVE_EDL
from streamtags.export.sound_prompts import SOUND_PROMPTS
from streamtags.export.srt import SRT
from streamtags.export.state_json import JSON
from streamtags.export.table_csv import CSV
from streamtags.export.vtt import VTT
from streamtags.export.xmeml import XMEML

__all__ = ["ENTRY_POINTS", "export_timeline", "find_format", "formats", "vocabulary_of"]

ENTRY_POINTS = "streamtags.exports"
_FORMATS = (
    JSON,
    JSONL,
    CSV,
    VTT,
    SRT,
    CHAPTERS,
    OTIO,
    FCPXML,
    XMEML,
    EDL,
    RESOLVE_EDL,
    AVID,
    ALE,
    PREMIERE_CSV,
    HTML,
    SPOTTING_CSV,
    CUE_SHEET,
    MUSIC_EDL,
    IPTC,
    SOUND_PROMPTS,
)
_BUILT_IN = {item.name: item for item in _FORMATS}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_log = logging.getLogger(__name__)


def formats() -> dict[str, Format]:
    """Return every installed format by name. A package whose format does not load is left out with a warning in the log."""
    known = dict(_BUILT_IN)
    for name, point in sorted(_plugins().items()):
        try:
            known[name] = _load(point)
        except ConfigError as error:
            _log.warning("%s", error)
    return known


def find_format(name: str) -> Format:
    """Return the format called `name`.

    Raises:
        UsageError: there is no such format; the hint lists the formats there are.
        ConfigError: an installed package provides it, but it does not load.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    plugins = _plugins()
    if name in plugins:
        return _load(plugins[name])
    names = [*_BUILT_IN, *sorted(plugins)]
    raise UsageError(
        f"no export format {name!r}", hint=f"choose one of {', '.join(names)}" if len(names) < 50 else did_you_mean(name, names)
    )


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS) if point.name not in _BUILT_IN}


def _load(point: EntryPoint) -> Format:
    package = point.dist.name if point.dist is not None else point.value
    where, hint = f"export format {point.name} of the package {package}", f"correct or uninstall {package}"
    try:
        item = point.load()
    except Exception as error:
        raise ConfigError(f"cannot be loaded: {type(error).__name__}: {error}", where=where, hint=hint) from error
    if not isinstance(item, Format):
        raise ConfigError(f"{point.value} is not a streamtags.export.Format", where=where, hint=hint)
    if item.name != point.name or not _NAME.fullmatch(item.name):
        raise ConfigError(f"the format calls itself {item.name!r}; it must have the name of its entry point", where=where, hint=hint)
    return item


def export_timeline(
    store: Store, timeline: str, export: Format, options: ExportOptions | None = None, music_file: MusicFile = lambda library, track: None
) -> bytes:
    """Render a timeline of `store`.

    Args:
        store: where the timeline is.
        timeline: its id.
        export: the format.
        options: those of the format.
        music_file: returns the file of a track; without it, music has no files.

    Raises:
        NotInStore: there is no such timeline.
        UsageError: the options do not fit the format or the timeline.
    """
    options = options or ExportOptions()
    export.check(options)
    state = store.state(timeline)
    view = TimelineView.of(state, store.read(timeline), options, vocabulary_of(store, state))
    view = replace(view, still=lambda segment: _still(store, timeline, segment), music_file=music_file)
    return export.render(view, options)


def _still(store: Store, timeline: str, segment: str) -> bytes | None:
    try:
        return store.thumbnail(timeline, segment)
    except NotInStore:
        return None


def vocabulary_of(store: Store, state: TimelineState) -> Vocabulary | None:
    """Return the vocabulary of the tags of a timeline; logs of early versions do not have theirs in the store."""
    try:
        return None if state.vocabulary is None else store.vocabulary(state.vocabulary)
    except NotInStore:
        return None
