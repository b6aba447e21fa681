"""The packets of a container, in order, in spite of damage, lost ends and beginnings, and streams that appear while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from streamtags.core.errors import SourceError
from streamtags.sources.file.access import Place
from streamtags.sources.file.diagnose import interrupted

__all__ = ["PacketReader"]

_MAX_ERRORS = 32  # read errors in a row after which a source has ended
_UNTAILED = frozenset({"avi", "flv", "mpegts", "nut", "ogg"})  # containers whose media goes on to their last bytes
_FRAGMENT_BRANDS = frozenset({"cmfc", "dash", "iso5", "iso6", "msdh"})  # of MP4 in fragments
_MAX_TAIL_SHARE = 0.05  # of such a container that may follow its last packet: an index, padding
_MAX_LACK_SECONDS, _MAX_LACK_SHARE = 1.0, 0.05  # of HLS that may be missing: lists round the lengths of their pieces
_MAX_MISSING_SHARE = 0.02  # of the pictures in an index that may be missing from a file: edits count some twice


class PacketReader:
    """Reads the packets of some streams of a container.

    Args:
        container: an opened container; closed by `close`.
        place: the source, for error messages.
        streams: the streams to read, the picture first; all others are discarded.

    Attributes:
        container: the container that is read now.
        skipped: read errors that were passed over.
        failure: why reading ended early; None if it did not.
        lost_beginning: whether packets of the picture were lost before the first one.
        closed: set it to end the reading with the next packet.
        pictures: packets of the picture so far.
        picture_end: position after the latest of them, in bytes; other packets may lie between its parts.
        is_fragmented: whether the index grew while the container was read.
    """

    def __init__(self, container: InputContainer, place: Place, streams: Sequence[Stream]) -> None:
        self.skipped = 0
        self.failure: SourceError | None = None
        self.lost_beginning = False
        self.closed = False
        self.pictures = 0
        self.picture_end = 0
        self.is_fragmented = False
        self.container = container
        self._place = place
        self._streams = list(streams)
        self._size = max(0, place.path.stat().st_size if place.path is not None else container.size)  # bytes; 0 if they are unknown
        self._indexed = self._count_indexed()  # pictures in the container's index; 0 if it has none that is complete from the start
        self._end = 0  # position after the latest packet of any stream, in bytes
        self._appeared = self._ended = False
        self._select()

    @property
    def is_complete(self) -> bool | None:
        """Whether everything was read that the size promises, or that the container lists; None if neither says so."""
        if self._is_untailed and self._size:
            return self._size - self._end <= _MAX_TAIL_SHARE * self._size
        return True if 0 < self._indexed <= self.pictures else None

    @property
    def is_indexed(self) -> bool:
        """Whether the container lists its pictures."""
        return self._indexed > 0

    @property
    def can_continue(self) -> bool:
        """Whether the source can be opened again at any byte: a transport stream in a file."""
        return self.container.format.name == "mpegts" and self._place.path is not None

    @property
    def warnings(self) -> list[str]:
        """What was not read, one sentence each."""
        if not self._ended:
            return []
        warnings = []
        missing = self._indexed - self.pictures
        if missing > (0 if self._place.kind == "url" else _MAX_MISSING_SHARE * self._indexed):
            what = "were not received" if self._place.kind == "url" else "could not be read"
            warnings.append(f"{missing} of {self._indexed} pictures {what}")
        of_size = f" of {self._size}" if self._size else ""
        if self._appeared:
            warnings.append(f"streams that appeared later were not analyzed; the picture ends at byte {self.picture_end}{of_size}")
        elif self._is_untailed and self._size - self._end > _MAX_TAIL_SHARE * self._size:
            warnings.append(f"nothing could be read from the last {self._size - self._end}{of_size} bytes")
        return warnings

    def missing_seconds(self, duration: float | None, shown: float) -> float:
        """Seconds of HLS that its list promises and that were not received, `shown` being those that were; 0 elsewhere."""
        if not self._ended or duration is None or self.container.format.name != "hls":
            return 0.0
        return duration - shown if duration - shown > max(_MAX_LACK_SECONDS, _MAX_LACK_SHARE * duration) else 0.0

    @property
    def unread_from(self) -> int | None:
        """The byte after the picture, if much follows it that this container does not know; None otherwise."""
        if not self._appeared or self._size - self.picture_end <= _MAX_TAIL_SHARE * self._size:
            return None
        return self.picture_end

    def read(self) -> Iterator[Packet[Any]]:
        """Yield packets in order; read errors are passed over as long as packets follow. See `failure` afterwards."""
        errors = 0
        while errors < _MAX_ERRORS and not self._ended:
            try:
                for packet in self.container.demux(self._streams):
                    if self.closed:
                        return
                    if packet.size:  # an empty one would end the decoder
                        errors = 0
                        self._see(packet)
                        yield packet
                self._ended = True
                self._see_index()
            except IndexError:
                # At the end PyAV flushes every stream of the container, also those that appeared later and that it does not know.
                self._appeared = self._ended = True
                self._see_index()
            except (av.FFmpegError, ValueError) as error:
                self.failure = interrupted(error, self._place, self.pictures)
                if self.failure is not None:
                    self.failure.__cause__ = error
                    self._see_index()
                    return
                self.skipped += 1
                errors += 1

    def go_on(self, container: InputContainer, streams: Sequence[Stream]) -> None:
        """Read on from another container, which was opened where this one ends; this one is closed."""
        self.container.close()
        self.container, self._streams = container, list(streams)
        self._appeared = self._ended = False
        self._select()

    def close(self) -> None:
        """Release the container."""
        self.closed = True
        self.container.close()

    def _select(self) -> None:
        for stream in self.container.streams:
            stream.discard = Discard.default if stream in self._streams else Discard.all

    @property
    def _is_untailed(self) -> bool:
        """Whether the media of the container goes on to its last bytes."""
        name = self.container.format.name.split(",")[0]
        brands = "".join(self.container.metadata.get(key, "") for key in ("major_brand", "compatible_brands"))
        return name in _UNTAILED or self.is_fragmented or any(brand in brands for brand in _FRAGMENT_BRANDS)

    def _count_indexed(self) -> int:
        """Pictures that the container's index lists by now."""
        return len(self._streams[0].index_entries) if self.container.format.name.startswith("mov") else 0

    def _see_index(self) -> None:
        indexed = self._count_indexed()
        self.is_fragmented |= indexed > self._indexed
        self._indexed = indexed

    def _see(self, packet: Packet[Any]) -> None:
        if packet.pos is not None:
            self._end = max(self._end, packet.pos + packet.size)
        if packet.stream_index != self._streams[0].index:
            return
        # FFmpeg 8.1 reuses an HTTP connection after a seek. If the server has closed it without saying so, packets are lost silently.
        if not self.pictures and self._place.kind == "url" and self._indexed and packet.dts is not None:
            self.lost_beginning = packet.dts > self._streams[0].index_entries[0].timestamp
        self.pictures += 1
        if packet.pos is not None:
            self.picture_end = packet.pos + packet.size
