"""How a live source arrives: pushed to us, fetched by HTTP, or as a file that grows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from streamtags.config.settings import IngestSettings
from streamtags.sources.file.access import Place
from streamtags.sources.file.source import VideoSource
from streamtags.sources.file.streams import open_container

__all__ = ["Transport"]

_ANALYZED_MICROSECONDS = "5000000"  # of a stream that is analyzed before it is read; FFmpeg would take 90 s of some
_HLS_PIECES_AGAIN = "-10"  # pieces of HLS that are requested again after a loss, where FFmpeg would take the last three
_PATIENCE_SECONDS = {"pushed": 0.5, "fetched": 30.0, "file": 1e6}  # how late the oldest frame may be before it is dropped


@dataclass(frozen=True, slots=True)
class Transport:
    """How a live source arrives.

    Attributes:
        settings: how it is read. No single connection gets `max_seconds`, which counts across all of them; every frame is decoded.
        kind: "pushed" to us, "fetched" by us (HTTP), or a "file" that grows.
        silence: seconds without a picture after which it counts as lost.
        options: FFmpeg options.
        listens: we wait for the sender to connect.
    """

    settings: IngestSettings
    kind: str
    silence: float
    options: tuple[tuple[str, str], ...] = ()
    listens: bool = False

    @classmethod
    def of(cls, place: Place, settings: IngestSettings) -> Transport:
        """The transport of a source that is live by its scheme, or of a file that is being written."""
        live = settings.live
        if place.path is not None:
            # FFmpeg would read the length of a transport stream from its end, which is not there yet.
            return cls(settings, "file", live.give_up_seconds, (("follow", "1"), ("skip_estimate_duration_from_pts", "1")))
        scheme = urlsplit(place.target).scheme.lower()
        options = {"analyzeduration": _ANALYZED_MICROSECONDS}
        if scheme.startswith("rtsp"):
            options["rtsp_flags"] = "prefer_tcp"
        if live.listen and scheme in ("rtmp", "tcp"):
            options["listen"] = "1"
        listens = live.listen or scheme == "udp" or "listen" in urlsplit(place.target).query
        return cls(settings, "pushed", live.silence_seconds, tuple(options.items()), listens)

    @classmethod
    def of_http(cls, settings: IngestSettings) -> Transport:
        """The transport of an HTTP body or an HLS list without an end."""
        return cls(settings, "fetched", settings.timeout_seconds, (("live_start_index", _HLS_PIECES_AGAIN),))

    @property
    def patience(self) -> float:
        """Seconds by which the oldest frame in the queue may be late before it is dropped."""
        return _PATIENCE_SECONDS[self.kind]

    def with_arrival_times(self) -> Transport:
        """The same for a camera that sends pictures without timestamps: each gets the time at which it arrives."""
        return replace(self, silence=self.settings.live.silence_seconds, options=(*self.options, ("use_wallclock_as_timestamps", "1")))

    def open(self, place: Place, timeout: float) -> VideoSource:
        """Connect, or wait for a sender to connect, for at most `timeout` seconds.

        Raises:
            SourceError: there was no connection, or nothing in it can be decoded.
        """
        settings = self.settings.model_copy(update={"max_seconds": None, "frames": "all"})
        container = open_container(place, settings, extra=dict(self.options), timeouts=(timeout, self.silence))
        try:
            return VideoSource(container, place, settings)
        except BaseException:
            container.close()
            raise
