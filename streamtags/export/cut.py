"""A timeline as clips: its shots as an editor would have cut them, for formats that make a new sequence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote, urlsplit

from streamtags.core.model import SourceInfo
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.timecode import frame_at, parse_timecode
from streamtags.export.base import TimelineView
from streamtags.export.markers import FrameCounter
from streamtags.export.options import ExportOptions

__all__ = ["Cut", "CutClip", "CutMedia", "file_name", "file_url", "make_cut"]

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True, slots=True)
class CutMedia:
    """A media file of the cut.

    Attributes:
        path: path or address as the timeline states it.
        name: its file name.
        rate: frames a second.
        start: its first frame, counted from timecode zero at `rate`.
        frames: its length in frames, at least as far as the cut uses it.
        drop: its timecode is drop-frame.
        has_audio: it has sound.
        audio_channels: channels of its sound, 0 without.
        audio_rate: samples a second of its sound, 0 without.
    """

    path: str
    name: str
    rate: Fraction
    start: int
    frames: int
    drop: bool = False
    has_audio: bool = False
    audio_channels: int = 0
    audio_rate: int = 0


@dataclass(frozen=True, slots=True)
class CutClip:
    """One shot.

    Attributes:
        name: what the clip is called.
        media: its media; None in a gap.
        start_frame: first frame from the start of the sequence, at the rate of the cut.
        end_frame: exclusive.
        source_in: first frame of the media, counted from timecode zero at the media's rate.
        source_out: exclusive.
    """

    name: str
    media: CutMedia | None
    start_frame: int
    end_frame: int
    source_in: int = 0
    source_out: int = 0

    @property
    def frames(self) -> int:
        """Length in frames at the rate of the cut."""
        return self.end_frame - self.start_frame


@dataclass(frozen=True, slots=True)
class Cut:
    """A sequence of clips without overlap.

    Attributes:
        title: name of the sequence.
        rate: frames a second.
        start_frame: the start timecode as a frame number.
        start_timecode: the same as a label.
        drop: the timecode is drop-frame.
        width: width of the picture.
        height: height of the picture.
        clips: in order; they touch.
    """

    title: str
    rate: Fraction
    start_frame: int
    start_timecode: str
    drop: bool
    width: int
    height: int
    clips: tuple[CutClip, ...]

    @property
    def frames(self) -> int:
        """Length in frames."""
        return self.clips[-1].end_frame if self.clips else 0

    @property
    def media(self) -> tuple[CutMedia, ...]:
        """Every media file once, in the order of use."""
        return tuple(dict.fromkeys(clip.media for clip in self.clips if clip.media is not None))


def make_cut(view: TimelineView, options: ExportOptions) -> Cut | None:
    """Return the shots of a timeline as clips; None if it has no segment yet.

    Slices of one shot are one clip. A shot that is shorter than half a frame of the target rate is left out.

    Raises:
        UsageError: the start timecode does not exist at the rate.
    """
    state, source = view.state, view.state.source
    if source is None or not state.segments:
        return None
    counter = FrameCounter(state.segments[0].start, source.video.rate, source.video.start_timecode, options)
    label = counter.timecode(state.segments[0].start)
    start_frame, drop = parse_timecode(label, counter.rate)
    clips = (
        _edit_clips(state, source.uri, counter) if any(segment.clip for segment in state.segments) else _file_clips(state, source, counter)
    )
    title = source.title or PurePosixPath(source.name).stem or source.name
    return Cut(title, counter.rate, start_frame, label, drop, source.video.width, source.video.height, tuple(clips))


def _shots(state: TimelineState, counter: FrameCounter) -> Iterable[tuple[list[SegmentState], int, int]]:
    """Yield the segments of each shot, with the first frame and the frame after the last at the target rate."""
    for _, group in groupby(state.segments, key=lambda segment: (segment.shot, segment.kind == "gap")):
        segments = list(group)
        start, end = counter.frame(segments[0].start), counter.frame(segments[-1].end)
        if start < end:
            yield segments, start, end


def _file_clips(state: TimelineState, source: SourceInfo, counter: FrameCounter) -> list[CutClip]:
    """The shots of a video: clips of one file."""
    media = _media_of(state, source, counter)
    clips = []
    for segments, start, end in _shots(state, counter):
        if segments[0].kind == "gap":
            clips.append(CutClip("", None, start, end))
            continue
        # Ends are rounded like starts, so that what touches in the sequence touches in the media.
        source_in, source_out = (
            media.start + frame_at(counter.seconds(time), media.rate) for time in (segments[0].start, segments[-1].end)
        )
        clips.append(CutClip(f"{media.name} {len(clips) + 1:03d}", media, start, end, source_in, max(source_in + 1, source_out)))
    return clips


def _media_of(state: TimelineState, source: SourceInfo, counter: FrameCounter) -> CutMedia:
    video, audio = source.video, source.audio
    start, drop = parse_timecode(video.start_timecode, video.rate)
    used = frame_at(counter.seconds(state.segments[-1].end), video.rate)
    return CutMedia(
        path=source.uri,
        name=file_name(source.uri) or source.name,
        rate=video.rate,
        start=start,
        frames=max(1, used, frame_at(Fraction(video.duration or 0), video.rate)),
        drop=drop,
        has_audio=audio is not None,
        audio_channels=audio.channels if audio is not None else 0,
        audio_rate=audio.rate if audio is not None else 0,
    )


def _edit_clips(state: TimelineState, edit: str, counter: FrameCounter) -> list[CutClip]:
    """The shots of an edit: clips of the media that the edit names."""
    shots = list(_shots(state, counter))
    media = _edit_media(edit, [segment for segments, _, _ in shots for segment in segments])
    clips = []
    for segments, start, end in shots:
        first, last = segments[0].clip, segments[-1].clip
        if first is None or last is None or first.media is None or first.source_start is None or last.source_end is None:
            clips.append(CutClip(first.name if first is not None else "", None, start, end))
            continue
        source_in = min(segment.clip.source_start.frame for segment in segments if segment.clip and segment.clip.source_start)
        source_out = max(segment.clip.source_end.frame for segment in segments if segment.clip and segment.clip.source_end)
        clips.append(CutClip(first.name, media[first.media], start, end, source_in, max(source_in + 1, source_out)))
    return clips


def _edit_media(edit: str, segments: Sequence[SegmentState]) -> dict[str, CutMedia]:
    """The media that clips of an edit name, as far as the edit uses them.

    The timeline does not know where the timecode of a file starts: most start at zero; what is used after the first hour has another start.
    """
    spans: dict[str, tuple[Fraction, int, int]] = {}
    for segment in segments:
        clip = segment.clip
        if clip is None or clip.media is None or clip.source_start is None or clip.source_end is None:
            continue
        rate, low, high = spans.get(clip.media, (1 / clip.source_start.time_base, clip.source_start.frame, clip.source_end.frame))
        spans[clip.media] = rate, min(low, clip.source_start.frame), max(high, clip.source_end.frame)
    media = {}
    for path, (rate, low, high) in spans.items():
        start = low if low >= 3600 * rate else 0
        media[path] = CutMedia(_beside(edit, path), file_name(path) or path, rate, start, max(1, high - start))
    return media


def _beside(edit: str, path: str) -> str:
    """A relative path of an edit, from the folder of the edit."""
    if "://" in path or "://" in edit or _WINDOWS.match(path):
        return path
    return str(PurePosixPath(edit).parent / path)


def file_name(path: str) -> str:
    """Return the file name of a path or address."""
    parts = urlsplit(path) if "://" in path else None
    return PurePosixPath(unquote(parts.path) if parts is not None else path.replace("\\", "/")).name


def file_url(path: str) -> str:
    """Return the address of a path; an address stays as it is."""
    if "://" in path:
        return path
    if _WINDOWS.match(path):
        return f"file:///{quote(PureWindowsPath(path).as_posix(), safe='/:')}"
    return Path(path).absolute().as_uri()
