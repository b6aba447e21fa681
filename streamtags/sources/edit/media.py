"""Find the media files of an edit: by a map, by path, by name under media folders, by reel and timecode."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

from streamtags.core.errors import UsageError
from streamtags.sources.edit.model import Clip, Media

__all__ = ["VIDEO_SUFFIXES", "MediaFinder", "load_media_map"]

MAX_FILES = 200_000
VIDEO_SUFFIXES = frozenset(
    {".3gp", ".avi", ".dv", ".flv", ".gxf", ".m2t", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf"}
    | {".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)

# Returns the source frames that a file has, as (first, one past the last) from timecode zero, or None if it does not state a timecode.
TimecodeProbe = Callable[[Path], tuple[int, int] | None]


def load_media_map(path: Path) -> dict[str, str]:
    """Read a media map: a JSON object or a TOML table of `path, name or reel in the edit` to `file or folder`.

    Relative files are relative to the map.

    Raises:
        UsageError: the map cannot be read, or a value is not text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint="check the path of the media map") from error
    except (ValueError, RecursionError) as error:
        hint = 'write a JSON object such as {"A001C003": "/media/A001C003.mov"}'
        raise UsageError(f"the media map is neither JSON nor TOML: {error}", where=str(path), hint=hint) from error
    wrong = [key for key, value in table.items() if not isinstance(value, str)]
    if wrong:
        raise UsageError(f"the value of {wrong[0]!r} is not text", where=str(path), hint="map each name to one file or folder")
    return {key: str(path.parent / value) for key, value in table.items()}


@dataclass
class MediaFinder:
    """Finds files for the media of an edit; every answer is remembered.

    Args:
        folder: the folder of the edit; relative paths count from there.
        roots: folders that are searched by name, their subfolders included.
        media_map: `load_media_map`'s result.
        allow_outside: paths outside `folder` and `roots` may be used. Set it to False for edits that come from a client.
        probe: reads the timecode of a file, to choose between several files of one reel; without it they are ambiguous.
    """

    folder: Path
    roots: tuple[Path, ...] = ()
    media_map: Mapping[str, str] = field(default_factory=dict)
    allow_outside: bool = True
    probe: TimecodeProbe | None = None
    _answers: dict[Media, Path | None] = field(default_factory=dict, init=False)
    _by_reel: dict[str, list[Path]] = field(default_factory=dict, init=False)
    _spans: dict[Path, tuple[int, int] | None] = field(default_factory=dict, init=False)
    _by_name: dict[str, list[Path]] | None = field(default=None, init=False)

    def find(self, clip: Clip) -> Path | None:
        """The media file of `clip`, or None if it is missing or the clip has no media."""
        if clip.kind != "clip":
            return None
        media = clip.media
        if media not in self._answers:
            self._answers[media] = self._mapped(media) or self._stated(media) or self._named(media)
        return self._answers[media] or self._on_reel(clip)

    def missing(self, clips: Iterable[Clip]) -> list[str]:
        """The names of media without a file, each once, in the order of the edit."""
        labels = {
            clip.media.label or clip.name or "unnamed media": None for clip in clips if clip.kind == "clip" and self.find(clip) is None
        }
        return list(labels)

    def _mapped(self, media: Media) -> Path | None:
        """The file that the map gives: for the whole path, the file name, the clip name, the reel, or a folder of the path."""
        path = _plain_path(media.path) if media.path else None
        keys = [media.path, path, _file_name(path), media.name, media.reel]
        table = {key.casefold(): value for key, value in self.media_map.items()}
        for key in keys:
            if key and (value := table.get(key.casefold())) is not None:
                return self._existing(Path(value))
        for key, value in self.media_map.items():
            prefix = key.replace("\\", "/").rstrip("/") + "/"
            if path and path.replace("\\", "/").startswith(prefix):
                return self._existing(Path(value) / path[len(prefix) :])
        return None

    def _stated(self, media: Media) -> Path | None:
        """The file at the path that the edit states."""
        if not media.path:
            return None
        path = _plain_path(media.path)
        return self._existing(self.folder / path) if path else None

    def _named(self, media: Media) -> Path | None:
        """The file under the roots with the name of the media, with or without its ending."""
        for name in (_file_name(_plain_path(media.path)) if media.path else None, media.name):
            files = self._files().get(name.casefold(), []) if name else []
            if len(files) == 1:
                return files[0]
        return None

    def _on_reel(self, clip: Clip) -> Path | None:
        """The file of the clip's reel: the only one, or the one whose timecode contains the clip."""
        files = self._files_of_reel((clip.media.reel or "").casefold())
        if len(files) == 1:
            return files[0]
        if self.probe is None or clip.timing is None:
            return None
        low, high = clip.used_frames()
        matching = []
        for file in files:
            if file not in self._spans:
                self._spans[file] = self.probe(file)
            span = self._spans[file]
            if span is not None and span[0] <= low and high <= span[1]:
                matching.append(file)
        return matching[0] if len(matching) == 1 else None

    def _files_of_reel(self, reel: str) -> list[Path]:
        """Files whose name is `reel`, or else starts with it; a reel of less than three characters names no file."""
        if len(reel) < 3:
            return []
        if reel not in self._by_reel:
            by_name = self._files()
            files = by_name.get(reel) or [file for name, files in by_name.items() if name.startswith(reel) for file in files]
            self._by_reel[reel] = list(dict.fromkeys(files))
        return self._by_reel[reel]

    def _existing(self, path: Path) -> Path | None:
        try:
            real = path.resolve()
            exists = real.is_file()
        except (OSError, ValueError):  # a path that this system cannot have
            return None
        inside = any(real.is_relative_to(root.resolve()) for root in (self.folder, *self.roots))
        return real if exists and (self.allow_outside or inside) else None

    def _files(self) -> dict[str, list[Path]]:
        """Video files under the roots by name and by name without ending, in lower case."""
        if self._by_name is None:
            self._by_name = {}
            count = 0
            for root in self.roots:
                for folder, _, names in os.walk(root):
                    for name in names:
                        count += 1
                        if count > MAX_FILES:
                            raise UsageError(f"more than {MAX_FILES} files", where=str(root), hint="choose a smaller media folder")
                        file = Path(folder, name)
                        if file.suffix.casefold() in VIDEO_SUFFIXES:
                            for key in {name.casefold(), file.stem.casefold()}:
                                self._by_name.setdefault(key, []).append(file)
        return self._by_name


def _plain_path(stated: str) -> str | None:
    """A path as a file URL or a plain path states it; None for a URL of another kind."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", stated):
        parts = urlsplit(stated)
        if parts.scheme.casefold() != "file":
            return None
        stated = unquote(parts.path)
        if re.match(r"/[A-Za-z]:", stated):
            stated = stated[1:]
    return stated if "\0" not in stated else None


def _file_name(path: str | None) -> str | None:
    if not path:
        return None
    pure = PureWindowsPath(path) if "\\" in path or re.match(r"[A-Za-z]:", path) else PurePosixPath(path)
    return pure.name or None
