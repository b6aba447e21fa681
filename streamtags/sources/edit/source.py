"""An edit as a source: its visible clips in record order, decoded from their media, with its cuts as shots."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from math import floor
from pathlib import Path

import cv2
import numpy as np

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, UsageError
from streamtags.core.marker_words import written_by_streamtags
from streamtags.core.model import Boundary, ClipInfo, Frame, Gap, Picture, SourceInfo, Subtitle, VideoInfo
from streamtags.core.timebase import Time, seconds_of
from streamtags.core.timecode import format_timecode, nominal, parse_rate, parse_timecode
from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.media import MediaFinder, load_media_map
from streamtags.sources.edit.model import Clip, Edit, Marker
from streamtags.sources.edit.pictures import EditStill, MediaReader
from streamtags.sources.edit.read import EDIT_SUFFIXES, file_of, read_edit
from streamtags.sources.file.access import Access, is_url, locate
from streamtags.sources.file.identity import source_identity

__all__ = ["EditSource", "edit_identity", "is_edit", "open_edit"]

Item = Frame | Subtitle | Gap

# Record frames that are decoded at a time: bounds the memory of reversed clips.
_CHUNK = 24
_MAX_OPEN_FILES = 16
_MAX_HOURS = 48
# The last picture of media that ends too early is repeated for so long; then there is a gap.
_REPEAT_SECONDS = 1
# Bytes of pictures of one file that are kept for clips that show them again.
_KEPT_BYTES = 64 << 20


def is_edit(uri: str) -> bool:
    """Whether `uri` names an edit, by its ending."""
    return not is_url(uri) and Path(uri).suffix.casefold() in EDIT_SUFFIXES


def edit_identity(uri: str, settings: IngestSettings, access: Access | None = None) -> str:
    """A name that stays the same as long as the edit and the media that it finds do.

    Raises:
        SourceError: the edit or a file of its media cannot be read.
    """
    edit, finder = _read(uri, settings, access or Access())
    digest = hashlib.blake2b(digest_size=16)
    files = {clip.record_in: finder.find(clip) for clip in flatten(edit.sequence)}
    digest.update(repr(sorted(files.items())).encode())
    for file in sorted({file for file in files.values() if file is not None}):
        digest.update(_media_identity(file).encode())
    digest.update(str(edit.rate).encode())
    return f"edit:{source_identity(str(file_of(uri)))}:{digest.hexdigest()}"


def _media_identity(file: Path) -> str:
    try:
        return source_identity(str(file))
    except SourceError:  # it counts as missing when the edit is read
        return "unreadable"


def open_edit(uri: str, settings: IngestSettings, *, access: Access | None = None, thumbnails: bool = False) -> EditSource:
    """Open an edit and locate its media.

    Args:
        uri: the file of the edit.
        settings: how its media is located and decoded.
        access: which files may be opened; anything unless given.
        thumbnails: keep stills at thumbnail size: no stage uses full frames.

    Raises:
        SourceRefused: the edit lies outside the folders that may be read.
        SourceError: the edit is malformed, or none of its media is there.
        UsageError: the rate or the media map of the settings is wrong.
    """
    access = access or Access()
    locate(str(file_of(uri)), access)
    edit, finder = _read(uri, settings, access)
    return EditSource(uri, edit, finder, settings, access, thumbnails=thumbnails)


def _read(uri: str, settings: IngestSettings, access: Access) -> tuple[Edit, MediaFinder]:
    options = settings.edit
    edit = read_edit(uri, parse_rate(options.rate) if options.rate else None)
    media_map = load_media_map(options.media_map) if options.media_map is not None else {}
    roots = (*options.media_roots, *access.roots)

    def probe(file: Path) -> tuple[int, int] | None:
        return _timecode_range(file, settings, access)

    return edit, MediaFinder(Path(uri).resolve().parent, roots, media_map, allow_outside=not access.roots, probe=probe)


def _timecode_range(file: Path, settings: IngestSettings, access: Access) -> tuple[int, int] | None:
    """The source frames of a media file, as (first, one past the last) from timecode zero; None if it cannot be read."""
    try:
        with closing(MediaReader(locate(str(file), access), settings, thumbnails=True)) as reader:
            video = reader.info.video
        start = parse_timecode(video.start_timecode, video.rate)[0]
    except (SourceError, UsageError):
        return None
    return start, start + round(Fraction(video.duration or 0) * video.rate)


class EditSource:
    """An edit, read once in record order; implements `streamtags.core.ports.FrameSource`.

    Frame `index` and `pts` count record frames from the start of the edit; the time base is one frame. Sound is not read.

    Attributes:
        info: the edit as a source.
        missing: the names of media without a file, or with one that cannot be opened.
    """

    def __init__(self, uri: str, edit: Edit, finder: MediaFinder, settings: IngestSettings, access: Access, *, thumbnails: bool) -> None:
        if edit.sequence.end_frame - edit.sequence.start_frame > _MAX_HOURS * 3600 * edit.rate:
            raise SourceError(f"it is longer than {_MAX_HOURS} hours", where=uri, hint="check its record times and --rate")
        self._edit = edit
        self._settings = settings
        self._access = access
        self._thumbnails = thumbnails
        self._closed = False
        self._start = edit.sequence.start_frame
        self._clips = flatten(edit.sequence)
        self._starts = [clip.record_in - self._start for clip in self._clips]
        self._finder = finder
        self._uses = Counter(file for clip in self._clips if (file := finder.find(clip)) is not None)
        self._readers: dict[Path, MediaReader | None] = {}
        self.missing = finder.missing(self._clips)
        self._lines = _lines(edit)
        self._size: tuple[int, int] | None = None  # (width, height) of the analysis pictures
        try:
            first = self._first_media()
        except BaseException:
            self.close()
            raise
        path = file_of(uri)
        self.info = SourceInfo(
            uri=uri,
            name=Path(uri).name,
            size=path.stat().st_size,
            container=edit.format,
            title=edit.sequence.name or None,
            video=VideoInfo(
                codec=first.video.codec,
                width=first.video.width,
                height=first.video.height,
                rate=edit.rate,
                time_base=1 / edit.rate,
                start_timecode=format_timecode(self._start, edit.rate, drop=edit.drop),
                duration=float((edit.sequence.end_frame - self._start) / edit.rate),
            ),
        )

    def boundaries(self) -> Sequence[Boundary]:
        """The first frame of every clip."""
        return [Boundary(start, "edit") for start in self._starts]

    def clip(self, start_index: int, end_index: int) -> ClipInfo | None:
        """What the frames from `start_index` to `end_index` show; None in a gap without clip."""
        clip = self._clips[max(0, bisect_right(self._starts, start_index) - 1)]
        if clip.kind == "gap":
            return None
        part = clip.piece(start_index + self._start, max(start_index + 1, end_index) + self._start)
        shown = part.used_frames() if part.timing is not None else None
        rate = part.source_rate or self._edit.rate
        return ClipInfo(
            name=clip.name or clip.media.label or clip.kind,
            media=clip.media.label if clip.kind == "clip" else None,
            source_start=_time(shown[0], rate) if shown is not None else None,
            source_end=_time(shown[1], rate) if shown is not None else None,
            speed=float(clip.speed) if clip.speed is not None else None,
        )

    def read(self) -> Iterator[Item]:
        """Frames of the clips in record order, the words of markers, captions and titles, and gaps.

        Raises:
            SourceError: no clip can be decoded.
        """
        limit = self._settings.max_seconds
        last = self._edit.sequence.end_frame if limit is None else self._start + max(1, floor(Fraction(limit) * self._edit.rate))
        frames = 0
        for item in self._items(last):
            if self._closed:
                return
            frames += isinstance(item, Frame)
            yield item
        if not frames:
            raise SourceError("none of its media can be decoded", where=self.info.uri, hint="play the media to see whether it is damaged")

    def _items(self, last: int) -> Iterator[Item]:
        for clip in self._clips:
            if clip.record_in < last:
                yield from self._clip_items(clip.piece(clip.record_in, min(clip.record_out, last)))

    def close(self) -> None:
        """Release the media; safe to call twice."""
        self._closed = True
        for reader in self._readers.values():
            if reader is not None:
                reader.close()
        self._readers.clear()

    def _first_media(self) -> SourceInfo:
        """The first media file that can be opened.

        Raises:
            SourceError: there is none.
        """
        for clip in self._clips:
            reader = self._reader(clip)
            if reader is not None:
                return reader.info
        names = ", ".join(self.missing[:5]) + (" and others" if len(self.missing) > 5 else "")
        what = f"none of its media is there: {names}" if names else "it has no clip with media"
        raise SourceError(what, where=str(self._finder.folder), hint="pass --media-root or --media-map", code="source.missing")

    def _reader(self, clip: Clip) -> MediaReader | None:
        """The open media of a clip; None if there is none, or it cannot be opened."""
        file = self._finder.find(clip)
        if file is None or clip.timing is None:
            return None
        if file not in self._readers:
            self._limit_open_files()
            kept = _KEPT_BYTES if self._uses[file] > 1 else 0
            try:
                place = locate(str(file), self._access)
                self._readers[file] = MediaReader(place, self._settings, thumbnails=self._thumbnails, kept_bytes=kept)
            except SourceError:
                self._readers[file] = None
                self.missing = list(dict.fromkeys([*self.missing, clip.media.label or str(file)]))
        return self._readers[file]

    def _limit_open_files(self) -> None:
        opened = [file for file, reader in self._readers.items() if reader is not None]
        if len(opened) >= _MAX_OPEN_FILES:
            reader = self._readers.pop(opened[0])
            if reader is not None:
                reader.close()

    def _clip_items(self, clip: Clip) -> Iterator[Item]:
        reader = self._reader(clip)
        position = clip.record_in
        if reader is not None:
            origin = _origin(clip, reader.info)
            yield from self._words(clip)
            while position < clip.record_out:
                end = min(clip.record_out, position + _CHUNK)
                try:
                    frames = self._frames(clip, reader, origin, position, end)
                except SourceError:
                    break
                yield from frames
                position = end
        if position < clip.record_out:
            start, end = position - self._start, clip.record_out - self._start
            yield Gap(start, start, end, end)

    def _frames(self, clip: Clip, reader: MediaReader, origin: int, start: int, end: int) -> list[Frame]:
        """The frames from `start` to `end`, decoded in the order of the media."""
        timing, rate = clip.timing, clip.source_rate
        assert timing is not None  # noqa: S101  # a reader is opened for timed clips only
        assert rate is not None  # noqa: S101
        # The middle of a source frame, so that rounding of timestamps does not matter.
        ends = reader.info.video.duration
        times = {record: (floor(timing.at(record)) - origin + Fraction(1, 2)) / rate for record in range(start, end)}
        # Pictures, which last a frame or state no length, are shown as long as the edit says.
        if ends is not None and ends * rate > 2 and min(times.values()) > ends + _REPEAT_SECONDS:
            raise SourceError("its media ends before the clip", where=self.info.uri, code="source.undecodable")
        order = sorted(times, key=lambda record: times[record])
        shown = dict(zip(order, reader.pictures([times[record] for record in order]), strict=True))
        stills: dict[int, EditStill] = {}
        frames = []
        for record in range(start, end):
            picture = shown[record]
            index = record - self._start
            still = stills.setdefault(id(picture), EditStill(index, picture.still))
            frames.append(Frame(index, index, 1, self._fit(picture.bgr), still))
        return frames

    def _fit(self, picture: Picture) -> Picture:
        """`picture` at the size of the first one, with black bars if its shape differs."""
        height, width = picture.shape[:2]
        if self._size is None:
            self._size = (width, height)
        target_width, target_height = self._size
        if (width, height) == self._size:
            return picture
        scale = min(target_width / width, target_height / height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        fitted = np.zeros((target_height, target_width, 3), np.uint8)
        left, top = (target_width - size[0]) // 2, (target_height - size[1]) // 2
        fitted[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return fitted

    def _words(self, clip: Clip) -> Iterator[Subtitle]:
        """The markers, captions and titles over a clip, cut to it."""
        for first, last, text in self._lines:
            start, end = max(first, clip.record_in) - self._start, min(last, clip.record_out) - self._start
            if start < end:
                yield Subtitle(seconds_of(start, 1 / self._edit.rate), seconds_of(end, 1 / self._edit.rate), text)


def _lines(edit: Edit) -> list[tuple[int, int, str]]:
    """(first frame, frame after the last, words) of everything that is written in the edit, by first frame."""

    def line(marker: Marker) -> tuple[int, int, str]:
        return marker.frame, marker.frame + marker.frames, ": ".join(filter(None, [marker.name, marker.note]))

    # Our own tags, read back, would confirm themselves.
    theirs = [marker for marker in edit.markers if not written_by_streamtags(marker.name, marker.note)]
    lines = [line(marker) for marker in (*theirs, *edit.captions) if marker.visible]
    for track in edit.sequence.tracks:
        lines += [(clip.record_in, clip.record_out, clip.text) for clip in track.clips if track.enabled and clip.enabled and clip.text]
    return sorted(entry for entry in lines if entry[2].strip())


def _origin(clip: Clip, media: SourceInfo) -> int:
    """The source frame that the first picture of the media is: as the edit states it, else as the file does, else 0.

    A statement that the clip's frames do not fit is passed over, if another fits.
    """
    rate = clip.source_rate or media.video.rate
    try:
        file_start = parse_timecode(media.video.start_timecode, media.video.rate)[0]
        if nominal(media.video.rate) != nominal(rate):
            file_start = round(file_start * rate / media.video.rate)
    except UsageError:
        file_start = 0
    candidates = [start for start in (clip.media.start, file_start, 0) if start is not None]
    low, high = clip.used_frames()
    length = media.video.duration
    for start in candidates:
        if start <= low and (length is None or high - start <= Fraction(length) * rate + 1):
            return start
    return candidates[0]


def _time(frame: int, rate: Fraction) -> Time:
    base = 1 / rate
    return Time(pts=frame, time_base=base, seconds=seconds_of(frame, base), frame=frame, timecode=format_timecode(frame, rate))
