"""Tracks of files: from the tags in a file, and from a catalog that lies beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path, PurePosixPath

from streamtags.core.music import Track
from streamtags.music.catalog import Catalog, add_row
from streamtags.music.columns import field_of

__all__ = ["by_file_name", "completed", "track_of_file"]

_SEPARATORS = re.compile(r"[_\s]+|(?<=\w)-(?=\w)")


def track_of_file(name: str, texts: Mapping[str, str], catalog: Catalog) -> Track:
    """Return the track of a file; mistakes in its tags are reported to `catalog`.

    Args:
        name: its path in the library, with slashes; the track's id.
        texts: what its tags say, by the headings of catalogs.
        catalog: takes the mistakes; each names line 0.
    """
    row = {"title": _SEPARATORS.sub(" ", PurePosixPath(name).stem).strip() or name, **{k: v for k, v in texts.items() if v}}
    single = Catalog(Path(name), columns={heading: field_of(heading) for heading in (*row, "track", "path")})
    add_row(single, 0, {**row, "track": name, "path": name})
    for problem in single.problems:
        catalog.report(0, f"{name}: {problem.message}", is_skipped=problem.is_skipped)
    return next(iter(single.tracks.values()))


def by_file_name(tracks: Iterable[Track]) -> dict[str, Track]:
    """Return the tracks that name a file, by the last part of its path, compared without case."""
    named = ((re.split(r"[\\/]", track.texts.get("path") or track.track)[-1].casefold(), track) for track in tracks)
    return {name: track for name, track in reversed([*named]) if name}


def completed(track: Track, row: Track) -> Track:
    """Return `track` with what the row of a catalog says; where both say something, the catalog wins."""
    names = [field.name for field in fields(Track) if field.name not in ("track", "line", "texts", "sound")]
    given = {name: value for name in names if (value := getattr(row, name))}
    return replace(track, **given, texts={**track.texts, **{name: text for name, text in row.texts.items() if name != "path"}})
