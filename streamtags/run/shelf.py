"""Segments of a run in little memory: those used last as values, the others as packed text."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterator

from streamtags.core.compaction import compact
from streamtags.core.state import SegmentState

__all__ = ["SegmentShelf"]

# Segments kept as values: more than a run has in work, except those that wait for their sound.
_KEPT_SEGMENTS = 256
# The most that deflate looks back.
_EXAMPLE_BYTES = 32_768


class SegmentShelf(Collection[SegmentState]):
    """Segments by id, in the order in which they were first put.

    A packed segment is its JSON, deflated with that of the first one as the dictionary, because most of the text is the same in all.
    """

    def __init__(self, kept: int = _KEPT_SEGMENTS) -> None:
        self._kept = kept
        self._values: OrderedDict[str, SegmentState] = OrderedDict()  # the one used last at the end
        self._packed: dict[str, bytes] = {}  # of every segment; b"" while it is in `_values`
        self._example = b""

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[SegmentState]:
        """Iterate over the segments; those that are packed become values one at a time."""
        for name in self._packed:
            yield self._value(name)

    def __contains__(self, segment: object) -> bool:
        return isinstance(segment, SegmentState) and self.get(segment.segment) == segment

    @property
    def names(self) -> Collection[str]:
        """The ids of all segments."""
        return self._packed.keys()

    def get(self, name: str) -> SegmentState | None:
        """Return a segment; None if there is none with that id."""
        return self._value(name) if name in self._packed else None

    def put(self, segment: SegmentState) -> None:
        """Add a segment, or replace the one with its id."""
        name = segment.segment
        self._packed[name] = b""
        self._values[name] = segment
        self._values.move_to_end(name)
        if len(self._values) > self._kept:
            oldest, value = self._values.popitem(last=False)
            self._packed[oldest] = self._pack(value)

    def _value(self, name: str) -> SegmentState:
        return self._values[name] if name in self._values else self._unpack(self._packed[name])

    def _pack(self, segment: SegmentState) -> bytes:
        text = segment.model_dump_json().encode()
        if not self._example:
            self._example = text[:_EXAMPLE_BYTES]
        deflate = zlib.compressobj(level=1, wbits=-zlib.MAX_WBITS, zdict=self._example)
        return deflate.compress(text) + deflate.flush()

    def _unpack(self, packed: bytes) -> SegmentState:
        inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=self._example)
        return compact(SegmentState.model_validate_json(inflate.decompress(packed)))
