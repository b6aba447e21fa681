"""The text of a source as subtitles on the picture's clock: from a file beside it, or from a track inside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import av
from av.packet import Packet
from av.subtitles.subtitle import AssSubtitle

from streamtags.core.model import Subtitle
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.subtitles import from_ass

__all__ = ["TextReader"]

_DEFAULT_SECONDS = 5.0  # length of a text that does not say how long it is shown


class TextReader:
    """Gives subtitles at the right time.

    Args:
        sidecar: the subtitles of a file beside the source, in order.
        begin: seconds on the source's clock at which those begin to count.
        repair: the picture's clock.

    Attributes:
        skipped: packets that could not be decoded.
    """

    def __init__(self, sidecar: Sequence[Subtitle], begin: float, repair: TimeRepair) -> None:
        self.skipped = 0
        self._sidecar = deque(sidecar)
        self._begin = begin
        self._repair = repair

    def due(self, seconds: float) -> Iterator[Subtitle]:
        """The subtitles beside the source that begin by `seconds`."""
        while self._sidecar and self._sidecar[0].start + self._begin <= seconds:
            subtitle = self._sidecar.popleft()
            yield Subtitle(subtitle.start + self._begin, subtitle.end + self._begin, subtitle.text)

    def decode(self, packet: Packet[Any]) -> Iterator[Subtitle]:
        """The subtitle in a packet of a text track, if there is one."""
        if packet.pts is None or packet.time_base is None:
            return
        try:
            parts: list[Any] = packet.decode()
        except (av.FFmpegError, ValueError):
            self.skipped += 1
            return
        texts = (from_ass(part.dialogue.decode("utf-8", errors="replace")) for part in parts if isinstance(part, AssSubtitle))
        text = "\n".join(texts).strip()
        start = float(self._repair.at(packet.pts * packet.time_base))
        length = float((packet.duration or 0) * packet.time_base) or _DEFAULT_SECONDS
        if text:
            yield Subtitle(start, start + length, text)
