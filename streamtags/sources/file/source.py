"""A video as frames, sound and text: demultiplexed and decoded once, in one pass, at any length."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer

from streamtags.config.settings import IngestSettings
from streamtags.core.batch import Batch
from streamtags.core.errors import SourceError
from streamtags.core.model import Frame, Sound, Subtitle
from streamtags.core.timebase import seconds_of
from streamtags.sources.file.access import Access, Place, locate
from streamtags.sources.file.continuing import open_rest
from streamtags.sources.file.diagnose import INDEX_HINT, not_streamable
from streamtags.sources.file.frames import MAX_DELAY_PACKETS, FrameReader
from streamtags.sources.file.packets import PacketReader
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.selection import choose_picture, choose_sound, choose_text
from streamtags.sources.file.sidecar import read_sidecar
from streamtags.sources.file.sounds import SoundReader
from streamtags.sources.file.streams import (
    check_pixels,
    describe,
    frame_rate,
    is_spliced,
    known_duration,
    lacks_pts,
    open_container,
    prepare_decoder,
    wraps,
)
from streamtags.sources.file.switching import PictureSwitch, alternatives
from streamtags.sources.file.text import TextReader

__all__ = ["MediaItem", "VideoSource", "open_source"]

MediaItem = Frame | Sound | Subtitle
"""What a source consists of."""

_WRAP_BITS = 33
_SPLICE_SECONDS = 10  # the ffmpeg tool's -dts_delta_threshold
_BATCH = 8  # items of a file that are decoded at a time
_MAX_PRIMED_SECONDS = 30.0  # of sound kept while waiting for the first picture
_END_TOLERANCE_SECONDS = 1.0  # by which a body of unknown length may end before the container's duration and still be complete
_MAX_OPENINGS = 3  # of a source whose beginning was lost
_SILENT_PACKETS = 50  # without a picture, after which a transport stream is searched for another codec
_MAX_SILENT_PACKETS = 1000  # after which it is not searched any more: the search costs time
_MAX_SHOWN_SECONDS = 1.0  # for which a frame is shown; a longer one precedes a gap
_Rest = tuple[InputContainer, av.VideoStream]


def open_source(uri: str, settings: IngestSettings, *, access: Access | None = None, thumbnails: bool = False) -> VideoSource:
    """Open a file, a URL or standard input (`-`) and decode up to its first picture.

    Args:
        uri: the source.
        settings: how to read it.
        access: what may be opened; anything by default.
        thumbnails: keep stills at thumbnail size: no stage uses full frames.

    Raises:
        SourceRefused: its scheme, its format or its frame size is not allowed.
        SourceError: it cannot be opened, has no picture, or nothing in it can be decoded.
    """
    place = locate(uri, access or Access())
    for last in (*(False,) * (_MAX_OPENINGS - 1), True):
        try:
            source = _open_once(place, settings, {}, thumbnails=thumbnails)
        except SourceError as error:
            if not place.target.startswith("http") or error.code != "source.undecodable":
                raise
            return _open_in_order(place, settings, error, thumbnails=thumbnails)
        if last or not source.lost_beginning:
            break
        source.close()
    return source


def _open_once(place: Place, settings: IngestSettings, extra: dict[str, str], *, thumbnails: bool) -> VideoSource:
    container = open_container(place, settings, extra=extra)
    try:
        return VideoSource(container, place, settings, thumbnails=thumbnails)
    except BaseException:
        container.close()
        raise


def _open_in_order(place: Place, settings: IngestSettings, failure: SourceError, *, thumbnails: bool) -> VideoSource:
    """Read a URL from front to back, because its server may promise byte ranges that it does not give."""
    try:
        return _open_once(place, settings, {"seekable": "0"}, thumbnails=thumbnails)
    except SourceError as error:
        raise failure from error


@dataclass(slots=True)
class _Progress:
    """How much of the picture was read, in seconds."""

    reached: float = 0.0  # from the first frame to the end of the latest
    shown: float = 0.0  # for which frames are shown, without gaps


class VideoSource:
    """An opened source, read once from start to end; implements `streamtags.core.ports.FrameSource`.

    One thread reads and closes. If another calls `close` in between, reading ends with the next packet.

    Attributes:
        info: description of the source; width and height as coded, rotation in degrees clockwise to display it.
    """

    def __init__(self, container: InputContainer, place: Place, settings: IngestSettings, *, thumbnails: bool = False) -> None:
        self._place = place
        self._settings = settings
        picture = choose_picture(container, place)
        check_pixels(picture.codec_context.width, picture.codec_context.height, settings, place)
        by_dts = lacks_pts(container)
        prepare_decoder(picture, settings, in_order=by_dts)
        self._picture = picture
        sound = choose_sound(container, picture)
        # A person put a file beside the film: it wins over a track inside.
        sidecar = read_sidecar(place.path, settings.subtitle_encoding) if place.path is not None else []
        text = None if sidecar else choose_text(container, picture)
        self._switch = PictureSwitch(picture, alternatives(container, picture))
        streams = [stream for stream in (picture, sound, text, *self._switch.streams) if stream is not None]
        self._packets = PacketReader(container, place, streams)
        self._duration = known_duration(container, picture, place)
        self._progress = _Progress()

        spliced = is_spliced(container)
        self._time_base = Fraction(picture.time_base or 1)
        step = max(1, round(1 / frame_rate(picture) / self._time_base))
        self._repair = TimeRepair(
            self._time_base,
            step,
            wrap_bits=_WRAP_BITS if wraps(container) else None,
            longest_gap=_SPLICE_SECONDS if spliced else None,
        )
        self._frames = FrameReader(picture, self._repair, step, settings, place, numbered_by_dts=by_dts, thumbnails=thumbnails)
        self._sounds = None if sound is None else (sound.index, SoundReader(sound, self._repair))
        self._text = TextReader(sidecar, (container.start_time or 0) / av.time_base if spliced else 0.0, self._repair)
        self._items = self._decode()
        self._primed: deque[MediaItem] = deque()
        self._prime()
        self.info = describe(container, place, picture, sound, self._frames.shape, 90 * self._frames.orientation.turns)

    @property
    def skipped_packets(self) -> int:
        """Packets of picture and text that could not be decoded, and read errors that were passed over."""
        return self._packets.skipped + self._text.skipped + self._frames.skipped

    @property
    def splices(self) -> int:
        """How often the source's clock has jumped so far."""
        return self._repair.splices

    @property
    def skipped_sound(self) -> int:
        """Packets and runs of sound that could not be decoded."""
        return 0 if self._sounds is None else self._sounds[1].skipped

    @property
    def lost_beginning(self) -> bool:
        """Whether the first packets of the picture were lost while the source was opened."""
        return self._packets.lost_beginning

    @property
    def first_frame(self) -> Frame | None:
        """The first frame, until it has been read."""
        return next((item for item in self._primed if isinstance(item, Frame)), None)

    @property
    def warnings(self) -> list[str]:
        """What could not be analyzed so far, one sentence each, for the log."""
        warnings = []
        if self._sounds is not None and self._sounds[1].left_out is not None:
            warnings.append(self._sounds[1].left_out)
        if self.skipped_sound:
            warnings.append(f"{self.skipped_sound} packets of sound could not be decoded or mixed down")
        if self.skipped_packets:
            warnings.append(f"{self.skipped_packets} packets of picture or text could not be read or decoded")
        if self._switch.lost:
            warnings.append(f"{self._switch.lost} pictures were lost where the picture moved to another stream")
        missing = self._packets.missing_seconds(self._duration, self._progress.shown)
        if missing:
            warnings.append(f"{missing:.1f} of {self._duration:.1f} seconds of the list of pieces were not received")
        return [*warnings, *self._packets.warnings]

    def read(self) -> Iterator[MediaItem]:
        """Yield frames in order of presentation, with sound and text as they are interleaved; a second call continues the first.

        Raises:
            SourceError: nothing can be decoded, or the connection broke off.
            SourceRefused: frames became larger than `max_pixels`.
        """
        while self._primed:
            yield self._primed.popleft()
        yield from self._items

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._packets.closed = True
        if inspect.getgeneratorstate(self._items) != inspect.GEN_RUNNING:
            self._items.close()
            self._packets.close()
            self._primed.clear()

    def _prime(self) -> None:
        """Decode up to the first picture, so that a source which cannot be decoded fails when it is opened."""
        seconds = 0.0
        while seconds < _MAX_PRIMED_SECONDS:
            item = next(self._items, None)
            if item is None:
                return
            self._primed.append(item)
            if isinstance(item, Frame):
                return
            if isinstance(item, Sound):
                seconds += item.samples.shape[1] / item.rate

    def _decode(self) -> Generator[MediaItem, None, None]:
        try:
            for item in self._in_batches():
                yield item
                if self._packets.closed:
                    return
            if not self._frames.decoded:
                raise self._undecodable()
        finally:
            if self._packets.closed:
                self._packets.close()

    def _undecodable(self) -> SourceError:
        if self._place.kind == "stdin":
            return not_streamable()
        codec = self._picture.codec_context.name
        what = f"nothing in it could be decoded ({codec}, {self.skipped_packets} damaged packets)"
        is_indexed_url = self._place.kind == "url" and self._packets.is_indexed
        hint = INDEX_HINT if is_indexed_url else "play it to see whether it is damaged or encrypted"
        return SourceError(what, where=self._place.uri, hint=hint, code="source.undecodable")

    def _in_batches(self) -> Iterator[MediaItem]:
        """All items; those of a file that is complete are decoded some at a time, as `Batch` explains."""
        path = self._place.path
        batch: Batch[MediaItem] = Batch(_BATCH if path is not None and path.is_file() and not self._settings.live.follow else 1)
        try:
            for item in self._all():
                yield from batch.add(item)
        except SourceError:
            yield from batch.take()
            raise
        yield from batch.take()

    def _all(self) -> Iterator[MediaItem]:
        """All items up to `max_seconds`, with the subtitles beside the source."""
        begin: int | None = None
        limit = self._settings.max_seconds
        for item in self._interleaved():
            if isinstance(item, Frame):
                begin = item.pts if begin is None else begin
                if limit is not None and (item.pts - begin) * self._time_base >= limit:
                    return
                self._progress.shown += min(_MAX_SHOWN_SECONDS, seconds_of(item.duration, self._time_base))
                self._progress.reached = seconds_of(item.pts - begin + item.duration, self._time_base)
                yield from self._text.due(seconds_of(item.pts, self._time_base))
            yield item

    def _interleaved(self) -> Iterator[MediaItem]:
        """Everything the packets decode to, to the last frame even if the connection breaks off."""
        while (rest := (yield from self._one_container())) is not None:
            self._continue_in(*rest)
        if self._packets.failure is not None and not self._is_complete():
            raise self._packets.failure

    def _one_container(self) -> Generator[MediaItem, None, _Rest | None]:
        """Everything until the container ends; returns what continues it."""
        rest: _Rest | None = None
        for packet in self._packets.read():
            if packet.stream_index == self._picture.index:
                self._switch.see_picture(packet)
                yield from self._frames.push(packet)
                if self._frames.silent % _SILENT_PACKETS == 0 and (rest := self._other_codec()) is not None:
                    break
            elif self._sounds is not None and packet.stream_index == self._sounds[0]:
                yield from self._sounds[1].push(packet)
            elif packet.stream.type == "video":
                yield from self._switch_to(self._switch.add(packet))
            else:
                yield from self._text.decode(packet)
        else:
            rest = self._other_codec()
        yield from self._switch_to(self._switch.at_end())
        yield from self._frames.push(None)
        yield from self._frames.finish()
        if self._sounds is not None:
            yield from self._sounds[1].push(None)
            yield from self._sounds[1].finish()
        return rest or self._unread()

    def _other_codec(self) -> _Rest | None:
        """The rest of a transport stream that goes on in another codec, if nothing has been decoded for long."""
        if not MAX_DELAY_PACKETS < self._frames.silent <= _MAX_SILENT_PACKETS or not self._packets.can_continue:
            return None
        rest = open_rest(self._place, self._settings, self._frames.silent_from, not_codec=self._picture.codec_context.name)
        if rest is not None:
            self._frames.forget_silent()
        return rest

    def _unread(self) -> _Rest | None:
        """The rest of a transport stream whose streams were not known when it was opened."""
        position = self._packets.unread_from
        return None if position is None or not self._packets.can_continue else open_rest(self._place, self._settings, position)

    def _continue_in(self, container: InputContainer, picture: av.VideoStream) -> None:
        """Read on from another container, with its own picture and sound on the same clock."""
        sound = choose_sound(container, picture)
        prepare_decoder(picture, self._settings, in_order=False)
        switch = PictureSwitch(picture, alternatives(container, picture), lost=self._switch.lost)
        self._packets.go_on(container, [stream for stream in (picture, sound, *switch.streams) if stream is not None])
        self._picture, self._switch = picture, switch
        self._frames = self._frames.follow(picture)
        before = 0 if self._sounds is None else self._sounds[1].skipped
        self._sounds = None if sound is None else (sound.index, SoundReader(sound, self._repair))
        if self._sounds is not None:
            self._sounds[1].skipped = before

    def _switch_to(self, stream: av.VideoStream | None) -> Iterator[Frame]:
        """Continue with another video stream; None: with the same."""
        if stream is None:
            return
        yield from self._frames.push(None)
        yield from self._frames.finish()
        prepare_decoder(stream, self._settings, in_order=False)
        sound = choose_sound(self._packets.container, stream)
        if self._sounds is not None and sound is not None and sound.index != self._sounds[0]:
            self._sounds[1].left_out = "the sound is left out after the picture moved to another stream"
        self._picture = stream
        self._frames = self._frames.follow(stream)
        for packet in self._switch.take(stream):
            yield from self._frames.push(packet)

    def _is_complete(self) -> bool:
        """Whether a body of unknown length ended where its container ends, so that the end is no loss."""
        complete = self._packets.is_complete
        if complete is not None:
            return complete
        return self._duration is not None and self._progress.reached >= self._duration - _END_TOLERANCE_SECONDS
