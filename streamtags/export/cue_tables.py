"""`spotting-csv` and `cue-sheet`: tables of the cues, for composers and for collecting societies; RFC 4180, UTF-8, a header row.

A spotting sheet says where music may be and why; a cue sheet says which music is there. The columns of the cue sheet are those that
societies ask for: title, usage, composer, publisher, society, share, in, out, duration.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from streamtags.core.state import SpottedCue, TimelineState
from streamtags.core.timecode import format_timecode, parse_timecode
from streamtags.export.base import Format, TimelineView
from streamtags.export.markers import FrameCounter
from streamtags.export.options import ExportOptions
from streamtags.export.table_csv import safe_text

__all__ = ["CUE_SHEET", "SPOTTING_CSV"]

_SPOTTING = ("cue", "reel", "in", "out", "duration", "usage", "tempo_bpm", "description", "hit_points", "track", "artist", "status")
_RIGHTS = ("composer", "publisher", "society")
_SHEET = ("cue", "title", "usage", "artist", *_RIGHTS, "share_percent", "license", "in", "out", "duration", "track")
# Abbreviations of cue sheets: background instrumental, visual instrumental (its source is seen or heard in the film).
_USAGES = {"background": "BI", "featured": "BI", "source": "VI"}


def _spotting(view: TimelineView, options: ExportOptions) -> bytes:
    return _table(_SPOTTING, (_spotting_row(cue, times) for cue, times in _timed(view.state, options)))


def _spotting_row(cue: SpottedCue, times: _Times) -> Sequence[str]:
    first, last, duration = times.of(cue)
    tempo = f"{cue.bpm[0]:g}-{cue.bpm[1]:g}" if cue.bpm is not None else ""
    hits = "; ".join(f"{times.counter.timecode(hit.at)} {hit.reason}" for hit in cue.hits)
    track = (cue.chosen.title, cue.chosen.artist) if cue.chosen is not None else ("", "")
    return (cue.cue, cue.cue.partition("M")[0], first, last, duration, cue.usage, tempo, cue.reason, hits, *track, cue.decision or "")


def _cue_sheet(view: TimelineView, options: ExportOptions) -> bytes:
    """Render the accepted tracks, and the music that is heard in the film: it needs a license, too, and a person who names it."""
    cues = ((cue, times) for cue, times in _timed(view.state, options) if cue.decision != "rejected")
    return _table(_SHEET, (_sheet_row(cue, times) for cue, times in cues if cue.chosen is not None or cue.usage == "source"))


def _sheet_row(cue: SpottedCue, times: _Times) -> Sequence[str]:
    first, last, duration = times.of(cue)
    chosen, usage = cue.chosen, _USAGES[cue.usage]
    if chosen is None:
        return (cue.cue, "", usage, *[""] * 6, first, last, duration, "")
    rights = {name: chosen.rights.get(name, "") for name in (*_RIGHTS, "license")}
    composer = rights["composer"]
    share = "100" if composer and not any(sign in composer for sign in ",;/&") else ""
    parties = [rights[name] for name in _RIGHTS]
    return (cue.cue, chosen.title, usage, chosen.artist, *parties, share, rights["license"], first, last, duration, chosen.track)


class _Times:
    """Timecodes of one export."""

    def __init__(self, state: TimelineState, options: ExportOptions) -> None:
        assert state.source is not None  # noqa: S101 - a timeline with cues has a source
        video = state.source.video
        self.counter = FrameCounter(state.segments[0].start, video.rate, video.start_timecode, options)

    def of(self, cue: SpottedCue) -> tuple[str, str, str]:
        """Return where a cue begins and ends (exclusive), and how long it is, as timecodes."""
        first, last = self.counter.timecode(cue.start), self.counter.timecode(cue.end)
        frames = self.counter.frame(cue.end) - self.counter.frame(cue.start)
        _, drop = parse_timecode(first, self.counter.rate)
        return first, last, format_timecode(frames, self.counter.rate, drop=drop)


def _timed(state: TimelineState, options: ExportOptions) -> Iterable[tuple[SpottedCue, _Times]]:
    if not state.spotting or not state.segments:
        return []
    times = _Times(state, options)
    return [(cue, times) for cue in state.spotting]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([safe_text(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


SPOTTING_CSV = Format(
    name="spotting-csv",
    suffix=".csv",
    media_type="text/csv; charset=utf-8",
    description="Spotting sheet: where music may be (table)",
    render=_spotting,
    options=frozenset({"rate", "start_timecode"}),
)
CUE_SHEET = Format(
    name="cue-sheet",
    suffix=".csv",
    media_type="text/csv; charset=utf-8",
    description="Cue sheet: which music is used, with its rights (table)",
    render=_cue_sheet,
    options=frozenset({"rate", "start_timecode"}),
)
