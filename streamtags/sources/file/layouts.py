"""Channel layouts that PyAV can release safely, and those it cannot.

PyAV copies the C structure of a layout without copying the channel map that a *custom* layout points to, and releases that map with every
copy. The process then aborts with heap corruption. `docs/topics/ingest.md` describes the fault. The functions here read a layout once, keep
the copy alive for the rest of the process, and report whether it is custom, so that callers never decode into such a layout.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import NamedTuple

from av import AudioCodecContext, AudioFrame, AudioLayout

__all__ = ["ChannelLayout", "has_custom_layout", "is_custom_layout", "layout_of", "replace_custom_layout"]

_ORDER_CUSTOM = 2  # AVChannelOrder in libavutil/channel_layout.h
_EXAMPLES = {"mono": (1, 1, 4), "stereo": (1, 2, 3), "7.1": (1, 8, 0x63F)}  # order, channels, mask

# The native layout for a number of channels; swresample assumes the same ones.
_DEFAULT_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1", 16: "hexadecagonal"}


class ChannelLayout(NamedTuple):
    """A layout as the container describes it. `name` is empty where it has none."""

    channels: int
    name: str
    custom: bool


class _Header(ctypes.Structure):
    """The beginning of AVChannelLayout."""

    _fields_ = (("order", ctypes.c_int), ("channels", ctypes.c_int), ("mask", ctypes.c_uint64))


def layout_of(codec: AudioCodecContext) -> ChannelLayout:
    """Read the layout of a decoder without releasing a channel map that the decoder owns."""
    layout = codec.layout
    custom = is_custom_layout(layout)
    return ChannelLayout(layout.nb_channels, layout.name, custom)


def is_custom_layout(layout: AudioLayout) -> bool:
    """Whether `layout` refers to a channel map; if so, it is kept alive for ever, because releasing it would corrupt the heap."""
    offset = _header_offset()
    # In another PyAV, whose objects look different, only mono and stereo are certain.
    custom = layout.nb_channels > 2 if offset is None else _Header.from_address(id(layout) + offset).order == _ORDER_CUSTOM
    if custom:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return custom


def replace_custom_layout(codec: AudioCodecContext) -> bool:
    """Give a decoder that is not open yet a native layout instead of its custom one.

    Only decoders of PCM take the layout they are given; others derive it from the stream.

    Returns:
        Whether the decoder can be used now.
    """
    layout = layout_of(codec)
    if not layout.custom:
        return True
    native = _native_name(layout)
    if native is None or not codec.name.startswith("pcm_"):
        return False
    codec.layout = native
    return True


def has_custom_layout(frames: list[AudioFrame]) -> bool:
    """Whether one of the decoded `frames` has a custom layout; every such layout is kept alive."""
    return any([is_custom_layout(frame.layout) for frame in frames])  # noqa: C419 - every frame must be visited


def _native_name(layout: ChannelLayout) -> str | None:
    """A native layout of as many channels, with the same order where one is named so."""
    default = _DEFAULT_LAYOUTS.get(layout.channels)
    try:
        named = AudioLayout(layout.name)
    except ValueError:
        return default
    return layout.name if not is_custom_layout(named) and named.nb_channels == layout.channels else default


@cache
def _header_offset() -> int | None:
    """Bytes from the beginning of a PyAV layout object to its AVChannelLayout; None if it is not where known layouts say."""
    layouts = {name: AudioLayout(name) for name in _EXAMPLES}
    last = AudioLayout.__basicsize__ - ctypes.sizeof(_Header)
    for offset in range(object.__basicsize__, last + 1, 8):
        headers = {name: _Header.from_address(id(layout) + offset) for name, layout in layouts.items()}
        if {name: (header.order, header.channels, header.mask) for name, header in headers.items()} == _EXAMPLES:
            return offset
    return None
