"""A live source: received in a thread of its own, at its own speed, and connected again when it breaks off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from urllib.parse import urlsplit

import numpy as np

from streamtags.config.settings import IngestSettings
from streamtags.core.backoff import Backoff
from streamtags.core.errors import SourceError, SourceRefused
from streamtags.core.model import Frame, Lost, Picture, Recorded, Sound, SourceInfo, Subtitle
from streamtags.core.ports import FrameSource
from streamtags.sources.file.access import Access, locate
from streamtags.sources.file.diagnose import is_end_of_body
from streamtags.sources.file.sound_source import open_sound_file
from streamtags.sources.file.source import MediaItem, VideoSource, open_source
from streamtags.sources.live.numbering import FrameNumbering
from streamtags.sources.live.queue import FrameQueue, LiveItem
from streamtags.sources.live.transport import Transport

__all__ = ["LiveSource", "is_live", "open_any_source"]

_BACKOFF = Backoff(first_seconds=0.5, most_seconds=8.0, least_share=0.5)  # between attempts to reach a lost source
_LISTENING_WAIT = 0.1  # listening again costs the sender nothing
_MAX_CONNECT_SECONDS = 10.0  # of one attempt
_FILE_SPEED, _FILE_HEAD_SECONDS = 2.0, 15.0  # an HTTP body that arrives this much faster than it plays, after a head start, is a file


def is_live(uri: str, settings: IngestSettings) -> bool:
    """Return whether `uri` is certainly a live source. An HTTP source may turn out to be one when it is opened.

    Raises:
        SourceError: there is no such file.
    """
    place = locate(uri, Access())
    return place.live or (settings.live.follow and place.path is not None)


def open_any_source(
    uri: str, settings: IngestSettings, *, access: Access | None = None, recorded: Recorded | None = None, thumbnails: bool = False
) -> FrameSource:
    """Open a file, a URL, standard input (`-`) or a live source, and decode up to its first picture. A file may have sound alone.

    A source is live if it arrives by RTSP, RTMP, SRT, UDP or TCP, if it is a file that grows while it is read (`ingest.live.follow`), or
    if it arrives by HTTP with neither a length nor a duration: HLS without an end, a camera, a body of unknown length.

    Args:
        uri: the source.
        settings: how to read it.
        access: what may be opened; anything by default.
        recorded: continue from there; of a live source only.
        thumbnails: as of `open_source`; a live source keeps its frames in any case.

    Raises:
        SourceRefused: its scheme, its format or its frame size is not allowed.
        SourceError: it cannot be opened, has no picture and is no sound file, or nothing in it can be decoded.
    """
    access = access or Access()
    place = locate(uri, access)
    if place.live or (settings.live.follow and place.path is not None):
        transport = Transport.of(place, settings)
        return LiveSource(lambda timeout: transport.open(locate(uri, access), timeout), transport, recorded)
    try:
        source = open_source(uri, settings, access=access, thumbnails=thumbnails)
    except SourceError as error:
        if error.code != "source.no_picture":
            raise
        return open_sound_file(uri, settings, access)
    if place.kind != "url" or source.info.size is not None or source.info.video.duration is not None:
        return source
    fetched = Transport.of_http(settings)
    first: VideoSource | None = source
    if source.info.container == "mpjpeg":
        source.close()
        first, fetched = None, fetched.with_arrival_times()
    return LiveSource(lambda timeout: fetched.open(locate(uri, access), timeout), fetched, recorded, first)


class LiveSource:
    """A live source, read from its first picture until it ends for good; implements `streamtags.core.ports.FrameSource`.

    A thread receives and decodes. A `FrameQueue` connects it to the caller of `read`: when that is full the oldest frames are dropped,
    before anything is detected or measured in them. When the source breaks off, it is connected again, until it has shown no picture for
    `give_up_seconds`. Frames are numbered as they are decoded, across all connections, and their pts continue across each gap.

    Args:
        connect: opens the source, in at most so many seconds.
        transport: how it arrives.
        recorded: continue from there.
        first: the source, if it is open already.

    Attributes:
        info: description of the source as it was opened first.

    Raises:
        SourceError: it cannot be opened.
    """

    def __init__(
        self,
        connect: Callable[[float], VideoSource],
        transport: Transport,
        recorded: Recorded | None = None,
        first: VideoSource | None = None,
    ) -> None:
        self._connect = connect
        self._transport = transport
        live = transport.settings.live
        patience = max(live.give_up_seconds, transport.settings.timeout_seconds)  # a sender may begin at any time
        source = first or connect(patience if transport.listens else transport.settings.timeout_seconds)
        self._source = source
        self.info: SourceInfo = _endless(source.info) if recorded is None else recorded.info
        self._time_base = Fraction(self.info.video.time_base)
        self._queue = FrameQueue(transport.patience)
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        now = time.monotonic()
        self._numbering = FrameNumbering(self._time_base, is_hls=self.info.container == "hls", recorded=recorded, now=now)
        self._seen = now  # when the latest picture arrived
        self._reception = _Reception(now)
        self._warnings: list[str] = []

    @property
    def warnings(self) -> list[str]:
        """What could not be analyzed so far, one sentence each, for the log."""
        return list(dict.fromkeys(self._warnings))

    def read(self) -> Iterator[LiveItem]:
        """Yield frames in order of presentation, with sound and text, and changes of the source: `Dropped`, `Lost`, `Resumed`.

        Ends when the source does, when it is given up, or when `close` is called; what was received by then is still yielded.

        Raises:
            SourceRefused: frames became larger than `max_pixels`.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._receive, name="receive", daemon=True)
            self._thread.start()
        while (item := self._queue.take()) is not None:
            yield item

    def close(self) -> None:
        """End the reading; safe to call twice, from any thread. A thread that waits for the network ends when that answers or times out."""
        self._closing.set()
        self._queue.close()
        if self._thread is None:
            self._source.close()

    def _receive(self) -> None:
        failure: BaseException | None = None
        try:
            source: VideoSource | None = self._source
            while source is not None:
                loss = self._pass_on(source)
                source = None if loss is None or self._closing.is_set() else self._next_source(loss)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that reads
            failure = error
        finally:
            self._queue.end(failure)

    def _pass_on(self, source: VideoSource) -> SourceError | None:
        """Put everything `source` yields into the queue; return why it ended, None if it ended for good or was closed."""
        self._reception = _Reception(time.monotonic())
        try:
            if not self._queue_all(source):
                return None
        except SourceRefused:
            raise
        except SourceError as error:
            return None if self._transport.kind == "file" else error
        finally:
            source.close()
            self._warnings += source.warnings
        if self._transport.kind == "file":
            return None
        return SourceError("the sender has ended the transmission", where=self.info.uri, code="source.ended")

    def _queue_all(self, source: VideoSource) -> bool:
        """Put the items of `source` into the queue; return whether more are wanted.

        Raises:
            SourceError: it broke off, or sends no picture any more.
        """
        scale = Fraction(source.info.video.time_base) / self._time_base
        splices = source.splices
        for item in source.read():
            if self._closing.is_set():
                return False
            if isinstance(item, Frame):
                self._reception.see(item, float(source.info.video.time_base))
                if not self._queue_frame(item, scale, restarted=source.splices > splices):
                    return False
                splices = source.splices
            elif not self._numbering.is_away:
                self._queue.put(_moved(item, self._numbering.offset_seconds))
            if time.monotonic() - self._seen > 2 * self._transport.silence:  # there is data, but no picture
                raise SourceError("sends no picture any more", where=self.info.uri, code="source.silent")
        return True

    def _queue_frame(self, frame: Frame, scale: Fraction, *, restarted: bool) -> bool:
        """Put a frame into the queue, unless HLS sends it again; return whether more are wanted."""
        now = time.monotonic()
        own = frame.pts if scale == 1 else round(frame.pts * scale)
        duration = frame.duration if scale == 1 else max(1, round(frame.duration * scale))
        if self._numbering.repeats(own):
            return True
        self._reception.is_fresh = True
        placed = self._numbering.place(frame, own, duration, now, restarted=restarted)
        if placed.resumed is not None:
            self._queue.put(placed.resumed)
        limit = self._transport.settings.max_seconds
        if limit is not None and self._numbering.seconds_before(placed) >= limit:
            return False
        self._queue.put_frame(placed.frame, placed.late_at)
        # The frames that a decoder returns when the source has ended arrived long before.
        self._seen = now - placed.late if self._transport.kind == "pushed" else now
        return True

    def _next_source(self, loss: SourceError) -> VideoSource | None:
        """The source that continues this one; None if it has ended for good. `docs/topics/live.md` explains how that is decided."""
        if self._transport.kind != "fetched" or not (loss.code == "source.ended" or is_end_of_body(loss)):
            return self._reconnect(loss)
        container, reception = self.info.container, self._reception
        played = _FILE_HEAD_SECONDS + _FILE_SPEED * (time.monotonic() - reception.opened)
        if container == "mpjpeg" or (container == "hls" and loss.code != "source.ended"):
            return self._reconnect(loss)
        if container != "hls" and reception.seconds > played:
            return None
        if container == "hls" and not reception.is_fresh:  # a list that ends and brings nothing new has ended
            return None
        try:
            again = self._connect(_MAX_CONNECT_SECONDS)
        except SourceError:
            return self._reconnect(loss)
        # A list that is complete has a length; a file begins again with the same frame.
        is_over = again.info.video.duration is not None if container == "hls" else reception.begins_like(again.first_frame)
        if is_over:
            again.close()
            return None
        self._numbering.is_away = True
        self._queue.put(Lost(loss.code, f"{loss.where}: {loss.what}", 0, 0.0))
        self._seen = time.monotonic()
        return again

    def _reconnect(self, loss: SourceError) -> VideoSource | None:
        """Connect until it succeeds, reporting each attempt; None when time is up or the source is closed."""
        self._numbering.is_away = True
        deadline = self._seen + self._transport.settings.live.give_up_seconds
        attempt = 0
        while True:
            wait = _BACKOFF.seconds(attempt)
            wait = _LISTENING_WAIT if self._transport.listens else wait
            left = deadline - time.monotonic() - wait
            message = f"{loss.where}: {loss.what}"  # without the hint: the remedy is to connect again
            self._queue.put(Lost(loss.code, message, attempt, round(wait, 3) if left > 0 else None))
            if left <= 0 or self._closing.wait(wait):
                return None
            attempt += 1
            try:
                source = self._connect(max(0.1, round(min(_MAX_CONNECT_SECONDS, left), 1)))
            except SourceRefused:
                raise
            except SourceError as error:
                loss = error
                continue
            self._seen = time.monotonic()
            return source


class _Reception:
    """What one connection has delivered.

    Attributes:
        opened: when it was opened.
        seconds: seconds of picture received.
        is_fresh: whether it has delivered a picture that no connection delivered before.
    """

    def __init__(self, opened: float) -> None:
        self.opened = opened
        self.is_fresh = False
        self.seconds = 0.0
        self._first: tuple[int, Picture] | None = None  # pts and analysis picture of the first frame

    def see(self, frame: Frame, tick: float) -> None:
        """Count a frame whose pts has ticks of `tick` seconds."""
        if self._first is None:
            self._first = frame.pts, frame.bgr
        self.seconds = (frame.pts - self._first[0]) * tick

    def begins_like(self, frame: Frame | None) -> bool:
        """Whether another connection begins with the same frame: then the server sends a file from its start again."""
        first = self._first
        return first is not None and frame is not None and first[0] == frame.pts and np.array_equal(first[1], frame.bgr)


def _endless(info: SourceInfo) -> SourceInfo:
    """The description of a source without a known end; one without a name is named by its address."""
    name = info.name if urlsplit(info.uri).path.strip("/") else info.uri
    video = info.video.model_copy(update={"duration": None})
    return info.model_copy(update={"live": True, "name": name, "size": None, "video": video})


def _moved(item: MediaItem, seconds: float) -> MediaItem:
    """Sound or text, `seconds` later."""
    match item:
        case Sound():
            return replace(item, start=item.start + seconds)
        case Subtitle():
            return replace(item, start=item.start + seconds, end=item.end + seconds)
        case _:
            return item
