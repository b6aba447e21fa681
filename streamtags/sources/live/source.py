"""A live source: received in a thread of its own, at its own speed, and received again when it breaks off."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from urllib.parse import urlsplit

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, SourceRefused
from streamtags.core.model import Frame, Lost, Recorded, Resumed, Sound, SourceInfo, Subtitle
from streamtags.core.ports import FrameSource
from streamtags.sources.file.access import Access, Place, locate
from streamtags.sources.file.source import Item, VideoSource, open_source
from streamtags.sources.file.streams import open_container
from streamtags.sources.live.clock import LiveEdge, continued
from streamtags.sources.live.queue import FrameQueue, LiveItem

__all__ = ["LiveSource", "is_live", "open_any_source"]

# Waits between attempts to reach a lost source, in seconds, before jitter: doubling from the first to the longest.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_LISTENING_WAIT = 0.1  # nobody is bothered by it, and a sender that is back is not missed
_OPENING_SECONDS = 10.0  # the most one attempt takes
_ANALYZED = "5000000"  # microseconds of a stream that are looked at before it is read; FFmpeg would take 90 s of some
_PATIENCE = {"pushed": 0.5, "fetched": 30.0, "file": 1e6}  # how late the oldest frame may be for the sake of those that follow, in seconds
_PAUSE_SECONDS = 1.0  # by which a clock that jumped must also have lagged behind ours for a gap
_KEPT_SECONDS = 60  # of HLS may be given again after a loss
_PIECES_AGAIN = "-10"  # and that many pieces of it are asked for, where FFmpeg would take the last three
_FILE_SPEED, _FILE_HEAD = 2.0, 15.0  # an HTTP body that comes so many times faster than it plays, after so many seconds, is a file


def is_live(uri: str, settings: IngestSettings) -> bool:
    """Whether `uri` is sure to be a live source. What comes by HTTP may turn out to be one when it is opened.

    Raises:
        SourceError: there is no such file.
    """
    place = locate(uri, Access())
    return place.live or (settings.live.follow and place.path is not None)


def open_any_source(
    uri: str, settings: IngestSettings, *, access: Access | None = None, recorded: Recorded | None = None, thumbnails: bool = False
) -> FrameSource:
    """Open a file, a URL, standard input (`-`) or a live source, and decode up to its first picture.

    A live source is one that comes by RTSP, RTMP, SRT, UDP or TCP, a file that grows while it is read (`ingest.live.follow`), and what
    comes by HTTP with neither a length nor a duration: HLS without an end, an endless body.

    Args:
        uri: what.
        settings: how.
        access: what may be opened; anything unless given.
        recorded: go on from there; of a live source only.
        thumbnails: as of `open_source`; a live source keeps its frames all the same.

    Raises:
        SourceRefused: its scheme, its format or its frame size is not allowed.
        SourceError: it cannot be opened, has no picture, or nothing in it can be decoded.
    """
    access = access or Access()
    place = locate(uri, access)
    if place.live or (settings.live.follow and place.path is not None):
        transport = _Transport.of(place, settings)
        return LiveSource(lambda timeout: transport.open(locate(uri, access), timeout), transport, recorded)
    source = open_source(uri, settings, access=access, thumbnails=thumbnails)
    if place.kind != "url" or source.info.size is not None or source.info.video.duration is not None:
        return source
    fetched = _Transport(settings, "fetched", settings.timeout_seconds, (("live_start_index", _PIECES_AGAIN),))
    return LiveSource(lambda timeout: fetched.open(locate(uri, access), timeout), fetched, recorded, source)


@dataclass(frozen=True, slots=True)
class _Transport:
    """How a live source comes.

    Attributes:
        settings: how it is read. `max_seconds` is counted across all connections, so no single one is given it; every frame is decoded.
        kind: "pushed" at us, "fetched" by us (HTTP), or a "file" that grows.
        silence: seconds without a picture after which it counts as lost.
        options: FFmpeg options.
        listens: we wait for it.
    """

    settings: IngestSettings
    kind: str
    silence: float
    options: tuple[tuple[str, str], ...] = ()
    listens: bool = False

    @classmethod
    def of(cls, place: Place, settings: IngestSettings) -> _Transport:
        live = settings.live
        if place.path is not None:
            # The length of a transport stream would be read from its end, which is not there yet.
            return cls(settings, "file", live.give_up_seconds, (("follow", "1"), ("skip_estimate_duration_from_pts", "1")))
        scheme = urlsplit(place.target).scheme.lower()
        options = {"analyzeduration": _ANALYZED}
        if scheme.startswith("rtsp"):
            options["rtsp_flags"] = "prefer_tcp"
        if live.listen and scheme in ("rtmp", "tcp"):
            options["listen"] = "1"
        listens = live.listen or scheme == "udp" or "listen" in urlsplit(place.target).query
        return cls(settings, "pushed", live.silence_seconds, tuple(options.items()), listens)

    def open(self, place: Place, timeout: float) -> VideoSource:
        """Connect, or wait to be connected to, for at most `timeout` seconds.

        Raises:
            SourceError: nothing came of it.
        """
        settings = self.settings.model_copy(update={"max_seconds": None, "frames": "all"})
        container = open_container(place, settings, extra=dict(self.options), timeouts=(timeout, self.silence))
        try:
            return VideoSource(container, place, settings)
        except BaseException:
            container.close()
            raise


class LiveSource:
    """A live source, read from its first picture until it ends for good; implements `streamtags.core.ports.FrameSource`.

    A thread receives and decodes. Between it and whoever calls `read` is a `FrameQueue`: when that is full the oldest frames are dropped,
    before anything is looked for or measured in them. When the source breaks off it is tried again, until it has shown no picture for
    `give_up_seconds`. Frames are numbered as they are decoded, across all connections, and their pts go on across each gap.

    Args:
        connect: opens the source, in at most so many seconds.
        transport: how it comes.
        recorded: go on from there.
        first: the source, where it is open already.

    Attributes:
        info: what the source said of itself when it was opened first.

    Raises:
        SourceError: it cannot be opened.
    """

    def __init__(
        self,
        connect: Callable[[float], VideoSource],
        transport: _Transport,
        recorded: Recorded | None = None,
        first: VideoSource | None = None,
    ) -> None:
        self._connect = connect
        self._transport = transport
        live = transport.settings.live
        patience = max(live.give_up_seconds, transport.settings.timeout_seconds)  # nobody knows yet when a sender begins
        source = first or connect(patience if transport.listens else transport.settings.timeout_seconds)
        self._source = source
        self.info: SourceInfo = _endless(source.info) if recorded is None else recorded.info
        self._time_base = Fraction(self.info.video.time_base)
        self._queue = FrameQueue(_PATIENCE[transport.kind])
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._count = 0 if recorded is None else recorded.frames
        self._end = None if recorded is None else recorded.end_pts
        self._begun = None if recorded is None else recorded.start_pts
        self._away = recorded is not None  # what is received now comes after a gap
        self._offset = 0
        now = time.monotonic()
        self._edge = LiveEdge() if recorded is None else LiveEdge(float(recorded.end_pts * self._time_base) + recorded.ago - now)
        self._seen = now  # when the last picture came
        self._opened = now
        self._received = 0.0  # seconds, by this connection

    def read(self) -> Iterator[LiveItem]:
        """Frames in order of presentation, with sound and text, and what befell the source: `Dropped`, `Lost`, `Resumed`.

        Ends when the source does, when it is given up, or when `close` is called; what was received by then is still given.

        Raises:
            SourceRefused: frames grew larger than `max_pixels`.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._receive, name="receive", daemon=True)
            self._thread.start()
        while (item := self._queue.take()) is not None:
            yield item

    def close(self) -> None:
        """End the reading; safe to call twice, from any thread. What waits for the network goes when that has answered or timed out."""
        self._closing.set()
        self._queue.close()
        if self._thread is None:
            self._source.close()

    def _receive(self) -> None:
        error: BaseException | None = None
        try:
            source: VideoSource | None = self._source
            while source is not None:
                failure = self._pass_on(source)
                source = None if failure is None or self._closing.is_set() else self._reach(failure)
        except BaseException as found:  # noqa: BLE001 - raised in the thread that reads
            error = found
        finally:
            self._queue.end(error)

    def _pass_on(self, source: VideoSource) -> SourceError | None:
        """Hand on all that `source` gives; why it broke off, None where it ended as it should or we did."""
        scale = Fraction(source.info.video.time_base) / self._time_base
        self._opened, self._received = time.monotonic(), 0.0
        began: int | None = None
        splices = source.splices
        try:
            for item in source.read():
                if self._closing.is_set():
                    return None
                if isinstance(item, Frame):
                    began = item.pts if began is None else began
                    self._received = float((item.pts - began) * scale * self._time_base)
                    if not self._picture(item, scale, restarted=source.splices > splices):
                        return None
                    splices = source.splices
                elif not self._away:
                    self._queue.put(_moved(item, float(self._offset * self._time_base)))
                if time.monotonic() - self._seen > 2 * self._transport.silence:  # something comes, but no picture
                    return SourceError("sends no picture any more", where=self.info.uri, code="source.silent")
        except SourceRefused:
            raise
        except SourceError as error:
            return None if self._transport.kind == "file" else error
        finally:
            source.close()
        return None if self._is_over() else SourceError("the sender has ended the transmission", where=self.info.uri, code="source.ended")

    def _picture(self, frame: Frame, scale: Fraction, *, restarted: bool) -> bool:
        """Hand on a frame, with its number and its time in the whole; whether more are wanted.

        `restarted`: its clock has jumped since the last one. If time has passed meanwhile, another sender came, or the same one again,
        before the source counted as lost. What an HLS server gives once more is passed over.
        """
        now = time.monotonic()
        own = frame.pts if scale == 1 else round(frame.pts * scale)
        duration = frame.duration if scale == 1 else max(1, round(frame.duration * scale))
        if self._end is not None:
            expected = int(Fraction(self._edge.at(now)) / self._time_base)
            if self._away:
                again = (self._end - own - self._offset) * self._time_base
                if self.info.container == "hls" and 0 < again <= _KEPT_SECONDS:
                    return True
                wraps, keeps = self._time_base == Fraction(1, 90_000), self.info.container == "hls"
                pts = continued(self._end, expected, own + self._offset, self._time_base, wraps=wraps, keeps=keeps)
                self._edge = LiveEdge()
                self._go_on(own, pts)
            elif restarted and (expected - own - self._offset) * self._time_base > _PAUSE_SECONDS:
                self._go_on(own, expected)
        self._away = False
        pts = own + self._offset if self._end is None else max(own + self._offset, self._end)
        self._begun = pts if self._begun is None else self._begun
        limit = self._transport.settings.max_seconds
        if limit is not None and (pts - self._begun) * self._time_base >= limit:
            return False
        if pts != frame.pts:
            frame.still.pts = pts
        seconds = float(pts * self._time_base)
        late = self._edge.see(seconds, now)
        edge = self._edge
        self._queue.put_frame(Frame(self._count, pts, duration, frame.bgr, frame.still, frame.between), lambda at: edge.late(seconds, at))
        self._count += 1
        self._end = pts + duration
        # What the decoder gives back when all is over came long before.
        self._seen = now - late if self._transport.kind == "pushed" else now
        return True

    def _go_on(self, own: int, pts: int) -> None:
        """What the source calls `own` is `pts` from now on, after a gap."""
        self._offset = pts - own
        self._queue.put(Resumed(pts))

    def _is_over(self) -> bool:
        """Whether a source that ended without an error has ended for good, rather than been cut off."""
        now = time.monotonic()
        if self._transport.kind == "file":
            return True
        if self._transport.kind == "pushed":
            return False
        if self.info.container == "hls":
            return self._list_has_ended()
        return self._received > _FILE_HEAD + _FILE_SPEED * (now - self._opened)

    def _list_has_ended(self) -> bool:
        """Whether an HLS list says that it is complete, which gives it a length; FFmpeg ends as well where it cannot be read."""
        try:
            again = self._connect(_OPENING_SECONDS)
        except SourceError:
            return False
        again.close()
        return again.info.video.duration is not None

    def _reach(self, failure: SourceError) -> VideoSource | None:
        """Try to connect until it succeeds, telling of each attempt; None when time is up or it is closed."""
        self._away = True
        deadline = self._seen + self._transport.settings.live.give_up_seconds
        attempt = 0
        while True:
            wait = random.uniform(0.5, 1.0) * min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(attempt, 10))  # noqa: S311 - jitter, not a secret
            wait = _LISTENING_WAIT if self._transport.listens else wait
            left = deadline - time.monotonic() - wait
            message = f"{failure.where}: {failure.what}"  # what to do about it we do ourselves
            told = Lost(failure.code, message, attempt, round(wait, 3) if left > 0 else None)
            self._queue.put(told)
            if left <= 0 or self._closing.wait(wait):
                return None
            attempt += 1
            try:
                source = self._connect(max(0.1, round(min(_OPENING_SECONDS, left), 1)))
            except SourceRefused:
                raise
            except SourceError as error:
                failure = error
                continue
            self._seen = time.monotonic()
            return source


def _endless(info: SourceInfo) -> SourceInfo:
    """What is said of a source whose end nobody knows; one without a name of its own is called by its address."""
    name = info.name if urlsplit(info.uri).path.strip("/") else info.uri
    video = info.video.model_copy(update={"duration": None})
    return info.model_copy(update={"live": True, "name": name, "size": None, "video": video})


def _moved(item: Item, seconds: float) -> Item:
    """Sound or text, so much later."""
    match item:
        case Sound():
            return replace(item, start=item.start + seconds)
        case Subtitle():
            return replace(item, start=item.start + seconds, end=item.end + seconds)
        case _:
            return item
