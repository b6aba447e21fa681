"""A video as frames, sound and text: one demultiplexing, one decoding, one pass, any length."""

from __future__ import annotations

import hashlib
import inspect
import os
import uuid
from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.subtitles.subtitle import AssSubtitle

from streamtags.config.settings import IngestSettings
from streamtags.core.batch import Batch
from streamtags.core.errors import SourceError
from streamtags.core.model import Frame, Sound, Subtitle
from streamtags.core.timebase import seconds_of
from streamtags.sources.file.access import Access, Place, locate
from streamtags.sources.file.diagnose import interrupted, not_streamable
from streamtags.sources.file.frames import FrameReader
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.sounds import SoundReader
from streamtags.sources.file.streams import (
    check_pixels,
    choose_picture,
    choose_sound,
    choose_text,
    describe,
    frame_rate,
    is_spliced,
    lacks_pts,
    open_container,
    prepare_decoder,
    wraps,
)
from streamtags.sources.file.subtitles import from_ass, sidecar

__all__ = ["Item", "VideoSource", "open_source", "source_identity"]

Item = Frame | Sound | Subtitle

_WRAP_BITS = 33
_SPLICE_SECONDS = 10  # the ffmpeg tool's -dts_delta_threshold
_TURN = 8  # items of a file that are decoded at a time
_PRIMED_SECONDS = 30.0  # of sound kept while waiting for the first picture
_STUCK = 32  # read errors in a row after which a source is taken to have ended
_CUE_SECONDS = 5.0  # how long a text stays that does not say
_SAMPLE, _SAMPLES = 65_536, 16  # bytes and places of a file that identify it


def open_source(uri: str, settings: IngestSettings, *, access: Access | None = None, thumbnails: bool = False) -> VideoSource:
    """Open a file, a URL or standard input (`-`) and decode up to its first picture.

    Args:
        uri: what.
        settings: how.
        access: what may be opened; anything unless given.
        thumbnails: nobody will look at a still but to make a thumbnail of it, so that it need not keep the decoded frame.

    Raises:
        SourceRefused: its scheme, its format or its frame size is not allowed.
        SourceError: it cannot be opened, has no picture, or nothing in it can be decoded.
    """
    place = locate(uri, access or Access())
    container = open_container(place, settings)
    try:
        return VideoSource(container, place, settings, thumbnails=thumbnails)
    except BaseException:
        container.close()
        raise


def source_identity(uri: str) -> str:
    """A name that stays the same as long as the source does.

    A file: its absolute path, its size and a hash of 16 blocks spread over it (not its times, which copying changes). A URL: itself,
    without a password. Standard input: unique.

    Raises:
        SourceError: there is no such file, or it cannot be read.
    """
    place = locate(uri, Access())
    if place.path is None:
        return f"stdin:{uuid.uuid4()}" if place.kind == "stdin" else place.uri
    digest = hashlib.blake2b(digest_size=16)
    try:
        with place.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for i in range(_SAMPLES):
                file.seek(max(0, size - _SAMPLE) * i // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=uri, hint="check its permissions", code="source.denied") from error
    return f"file:{place.path}:{size}:{digest.hexdigest()}"


class VideoSource:
    """An opened source, read once from start to end; implements `streamtags.core.ports.FrameSource`.

    One thread reads and closes. If another calls `close` meanwhile, reading ends with the next packet.

    Attributes:
        info: what the source says of itself; width and height as coded, rotation in degrees clockwise to display it.
    """

    def __init__(self, container: InputContainer, place: Place, settings: IngestSettings, *, thumbnails: bool = False) -> None:
        self._container = container
        self._place = place
        self._settings = settings
        self._closed = False
        self._misread = 0
        video = choose_picture(container, place)
        check_pixels(video.codec_context.width, video.codec_context.height, settings, place)
        prepare_decoder(video, settings, in_order=lacks_pts(container))
        self._codec = video.codec_context.name
        audio = choose_sound(container)
        self._beside = deque(sidecar(place.path) if place.path is not None else [])
        self._text = None if self._beside else choose_text(container)  # what lies beside a film was put there by a person
        for stream in container.streams:
            stream.discard = Discard.all
        self._streams = [stream for stream in (video, audio, self._text) if stream is not None]
        for stream in self._streams:
            stream.discard = Discard.default

        spliced = is_spliced(container)
        self._time_base = Fraction(video.time_base or 1)
        self._begin = (container.start_time or 0) / av.time_base if spliced else 0.0
        step = max(1, round(1 / frame_rate(video) / self._time_base))
        self._repair = TimeRepair(
            self._time_base,
            step,
            wrap_bits=_WRAP_BITS if wraps(container) else None,
            longest_gap=_SPLICE_SECONDS if spliced else None,
        )
        by_dts = lacks_pts(container)
        self._pictures = FrameReader(video, self._repair, step, settings, place, numbered_by_dts=by_dts, thumbnails=thumbnails)
        self._sounds = SoundReader(audio, self._repair) if audio is not None else None
        self._items = self._decode()
        self._primed: deque[Item] = deque()
        self._prime()
        self.info = describe(container, place, video, audio, self._pictures.shape, 90 * self._pictures.orientation.turns)

    @property
    def skipped_packets(self) -> int:
        """Packets of picture and text that could not be decoded, and read errors that were passed over."""
        return self._misread + self._pictures.skipped

    @property
    def splices(self) -> int:
        """How often the source's clock was found to have jumped so far."""
        return self._repair.splices

    @property
    def skipped_sound(self) -> int:
        """Packets of sound that could not be decoded."""
        return self._sounds.skipped if self._sounds is not None else 0

    def read(self) -> Iterator[Item]:
        """Frames in order of presentation, with sound and text as they come interleaved; a second call goes on where the first stopped.

        Raises:
            SourceError: nothing can be decoded, or the network broke off.
            SourceRefused: frames grew larger than `max_pixels`.
        """
        while self._primed:
            yield self._primed.popleft()
        yield from self._items

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._closed = True
        if inspect.getgeneratorstate(self._items) != inspect.GEN_RUNNING:
            self._items.close()
            self._container.close()
            self._primed.clear()

    def _prime(self) -> None:
        """Decode up to the first picture, so that what cannot be decoded is known before anything is promised."""
        heard = 0.0
        while heard < _PRIMED_SECONDS:
            item = next(self._items, None)
            if item is None:
                return
            self._primed.append(item)
            if isinstance(item, Frame):
                return
            if isinstance(item, Sound):
                heard += item.samples.shape[1] / item.rate

    def _decode(self) -> Generator[Item, None, None]:
        try:
            for item in self._in_turns():
                yield item
                if self._closed:
                    return
            if not self._pictures.decoded and self._place.kind == "stdin":
                raise not_streamable()
            if not self._pictures.decoded:
                what = f"nothing in it could be decoded ({self._streams[0].codec_context.name}, {self.skipped_packets} damaged packets)"
                raise SourceError(
                    what, where=self._place.uri, hint="play it to see whether it is damaged or encrypted", code="source.undecodable"
                )
        finally:
            if self._closed:
                self._container.close()

    def _in_turns(self) -> Iterator[Item]:
        """What `_all` gives, some at a time where that makes nobody wait.

        Decoding pushes the code and data of whoever looks at frames out of the processor's cache; it need not after every frame.
        """
        path = self._place.path
        batch: Batch[Item] = Batch(_TURN if path is not None and path.is_file() and not self._settings.live.follow else 1)
        try:
            for item in self._all():
                yield from batch.add(item)
        except SourceError:
            yield from batch.take()
            raise
        yield from batch.take()

    def _all(self) -> Iterator[Item]:
        picture, sound = self._streams[0].index, -1 if self._sounds is None else self._streams[1].index
        limit = self._settings.max_seconds
        begun: int | None = None
        for packet in self._packets():
            if packet is None or packet.stream_index == picture:
                frames = self._pictures.push(packet)
                if packet is None:
                    frames += self._pictures.finish()
                for frame in frames:
                    begun = frame.pts if begun is None else begun
                    if limit is not None and (frame.pts - begun) * self._time_base >= limit:
                        return
                    yield from self._due(seconds_of(frame.pts, self._time_base))
                    yield frame
            elif packet.stream_index != sound:
                yield from self._words(packet)
            if self._sounds is not None and (packet is None or packet.stream_index == sound):
                yield from self._sounds.push(packet)
        if self._sounds is not None:
            yield from self._sounds.finish()

    def _packets(self) -> Iterator[Packet[Any] | None]:
        """Packets in order, and None at the end; read errors are passed over as long as something follows."""
        stuck, failure = 0, None
        while stuck < _STUCK and failure is None:
            try:
                for packet in self._container.demux(self._streams):
                    if self._closed:
                        return
                    if packet.size:  # an empty one would end the decoder
                        stuck = 0
                        yield packet
                break
            except (av.FFmpegError, ValueError) as error:
                failure, cause = interrupted(error, self._place, self._pictures.decoded), error
                self._misread += failure is None
                stuck += 1
        yield None
        if failure is not None:
            raise failure from cause  # what the decoder held was decoded all the same

    def _due(self, seconds: float) -> Iterator[Subtitle]:
        """The cues of the file beside the source that begin by `seconds`."""
        while self._beside and self._beside[0].start + self._begin <= seconds:
            cue = self._beside.popleft()
            yield Subtitle(cue.start + self._begin, cue.end + self._begin, cue.text)

    def _words(self, packet: Packet[Any]) -> Iterator[Subtitle]:
        if packet.pts is None or packet.time_base is None:
            return
        try:
            found: list[Any] = packet.decode()
        except (av.FFmpegError, ValueError):
            self._misread += 1
            return
        text = "\n".join(
            from_ass(rect.dialogue.decode("utf-8", errors="replace")) for rect in found if isinstance(rect, AssSubtitle)
        ).strip()
        start = self._repair.at(packet.pts * packet.time_base)
        length = float((packet.duration or 0) * packet.time_base) or _CUE_SECONDS
        if text:
            yield Subtitle(float(start), float(start) + length, text)
