"""The packets of a container, in order, in spite of damage, lost beginnings and streams that appear while it is read."""

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


class PacketReader:
    """Reads the packets of some streams of a container.

    Args:
        container: an opened container; closed by `close`.
        place: the source, for error messages.
        streams: the streams to read, the picture first; all others are discarded.

    Attributes:
        skipped: read errors that were passed over.
        failure: why reading ended early; None if it did not.
        lost_beginning: whether packets of the picture were lost before the first one.
        closed: set it to end the reading with the next packet.
    """

    def __init__(self, container: InputContainer, place: Place, streams: Sequence[Stream]) -> None:
        self.skipped = 0
        self.failure: SourceError | None = None
        self.lost_beginning = False
        self.closed = False
        self._container = container
        self._place = place
        self._streams = list(streams)
        self._pictures = 0  # packets of the picture
        self._position = 0  # of the latest of them, in bytes
        self._appeared = self._ended = False
        for stream in container.streams:
            stream.discard = Discard.default if stream in self._streams else Discard.all

    @property
    def is_complete(self) -> bool:
        """Whether every picture that the container's index lists was read; False without an index."""
        return 0 < self._indexed <= self._pictures

    @property
    def warnings(self) -> list[str]:
        """What was not read, one sentence each."""
        warnings = []
        if self._ended and self._place.kind == "url" and self._pictures < self._indexed:
            warnings.append(f"{self._indexed - self._pictures} of {self._indexed} pictures were not received")
        if self._appeared:
            size = "" if self._place.path is None else f" of {self._place.path.stat().st_size}"
            warnings.append(f"streams that appeared later were not analyzed; the picture ends at byte {self._position}{size}")
        return warnings

    def read(self) -> Iterator[Packet[Any]]:
        """Yield packets in order; read errors are passed over as long as packets follow. See `failure` afterwards."""
        errors = 0
        while errors < _MAX_ERRORS and not self._ended:
            try:
                for packet in self._container.demux(self._streams):
                    if self.closed:
                        return
                    if packet.size:  # an empty one would end the decoder
                        errors = 0
                        self._see(packet)
                        yield packet
                self._ended = True
            except IndexError:
                # At the end PyAV flushes every stream of the container, also those that appeared later and that it does not know.
                self._appeared = self._ended = True
            except (av.FFmpegError, ValueError) as error:
                self.failure = interrupted(error, self._place, self._pictures)
                if self.failure is not None:
                    self.failure.__cause__ = error
                    return
                self.skipped += 1
                errors += 1

    def close(self) -> None:
        """Release the container."""
        self.closed = True
        self._container.close()

    @property
    def _indexed(self) -> int:
        """Pictures in the container's index; 0 if it has none that is complete from the start."""
        is_indexed = self._container.format.name.startswith("mov") and not self.closed
        return len(self._streams[0].index_entries) if is_indexed else 0

    def _see(self, packet: Packet[Any]) -> None:
        if packet.stream_index != self._streams[0].index:
            return
        # FFmpeg 8.1 reuses an HTTP connection after a seek. If the server has closed it without saying so, packets are lost silently.
        if not self._pictures and self._place.kind == "url" and self._indexed and packet.dts is not None:
            self.lost_beginning = packet.dts > self._streams[0].index_entries[0].timestamp
        self._pictures += 1
        self._position = packet.pos or self._position
