"""The chunks `bext` and `iXML` of Broadcast Wave files.

EBU Tech 3285 (bext) and the iXML specification (http://www.gallery.co.uk/ixml/). Production libraries write titles, composers and rights
into the ASWG and STEINBERG parts of iXML.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from streamtags.core.errors import SourceError
from streamtags.sources.edit.xmltree import Element, parse_xml

__all__ = ["read_broadcast_wave"]

_MAX_CHUNK = 1 << 20  # bytes of a chunk that is read; picture data in a chunk is of no use here
_MAX_CHUNKS = 1000
_DESCRIPTION, _ORIGINATOR = slice(0, 256), slice(256, 288)
# Elements of iXML, in any part of it, by the headings of catalogs.
_ELEMENTS = {
    "ASWG/songTitle": "title",
    "ASWG/composer": "composer",
    "ASWG/musicPublisher": "publisher",
    "ASWG/rightsOwner": "license",
    "ASWG/genre": "genre",
    "ASWG/musicGenre": "genre",
    "ASWG/mood": "mood",
    "ASWG/intensity": "energy",
    "ASWG/instrument": "instruments",
    "ASWG/tempo": "bpm",
    "ASWG/inKey": "key",
    "ASWG/isrcId": "isrc",
    "ASWG/artist": "artist",
    "USER/TITLE": "title",
    "USER/COMPOSER": "composer",
    "USER/PUBLISHER": "publisher",
    "USER/DESCRIPTION": "description",
    "USER/KEYWORDS": "tags",
    "USER/LIBRARY": "library",
    "NOTE": "description",
}


def read_broadcast_wave(path: Path) -> dict[str, str]:
    """Return what the chunks of a WAVE file say, by the headings of catalogs; empty for other files and for damaged chunks."""
    try:
        with path.open("rb") as file:
            chunks = _read_chunks(file)
    except OSError:
        return {}  # decoding the file reports it
    texts: dict[str, str] = {}
    if (bext := chunks.get(b"bext")) is not None:
        for part, heading in ((_DESCRIPTION, "description"), (_ORIGINATOR, "library")):
            if value := bext[part].split(b"\0")[0].decode("utf-8", "replace").strip():
                texts[heading] = value
    if (data := chunks.get(b"iXML")) is not None:
        texts |= _read_ixml(data.rstrip(b"\0"))
    return texts


def _read_chunks(file: BinaryIO) -> dict[bytes, bytes]:
    """Return the chunks that are used, by their ids."""
    head = file.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
        return {}
    chunks: dict[bytes, bytes] = {}
    for _ in range(_MAX_CHUNKS):
        name = file.read(8)
        if len(name) < 8:
            break
        size = struct.unpack("<I", name[4:])[0]
        kept = file.read(size) if name[:4] in (b"bext", b"iXML") and size <= _MAX_CHUNK else b""
        if kept:
            chunks.setdefault(name[:4], kept)
        file.seek(size - len(kept) + size % 2, 1)
    return chunks


def _read_ixml(data: bytes) -> dict[str, str]:
    try:
        root = parse_xml(data, "iXML")
    except SourceError:
        return {}
    texts: dict[str, str] = {}
    for place, heading in _ELEMENTS.items():
        if value := _value(root, place.split("/")):
            texts.setdefault(heading, value)
    return texts


def _value(root: Element, place: list[str]) -> str:
    """Return the text at a path of elements, compared without case."""
    element: Element | None = root
    for name in place:
        element = next((child for child in element.children if child.tag.casefold() == name.casefold()), None) if element else None
    return element.text.strip() if element is not None else ""
