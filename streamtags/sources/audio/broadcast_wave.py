"""The chunks `bext` and `iXML` of Broadcast Wave files.

EBU Tech 3285 (bext) and the iXML specification (http://www.gallery.co.uk/ixml/). Production libraries write titles, composers and rights
into the ASWG and STEINBERG parts of iXML.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

from streamtags.core.errors import SourceError
from streamtags.sources.edit.xmltree import Element, parse_xml

__all__ = ["read_broadcast_wave"]

_MAX_CHUNK = 1 << 20  # bytes of a chunk that is read; picture data in a chunk is of no use here
_MAX_CHUNKS = 1000
_MAX_FILE = 1 << 50  # bytes; a larger size is damage
_DESCRIPTION, _ORIGINATOR = slice(0, 256), slice(256, 288)
_UNKNOWN_SIZE = 0xFFFFFFFF  # in the header of a chunk whose true size is in `ds64`
_DECLARATION = re.compile(rb"\A\s*<\?xml[^>]*>")
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


def read_broadcast_wave(path: Path) -> tuple[dict[str, str], str | None]:
    """Return what the chunks of a WAVE file say, by the headings of catalogs, and what cannot be read of them (None if all can).

    Empty for other files. Text is read as UTF-8, or as Windows-1252 where it is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            chunks = _read_chunks(file)
    except OSError:
        return {}, None  # decoding the file reports it
    texts: dict[str, str] = {}
    problem = None
    if (bext := chunks.get(b"bext")) is not None:
        for part, heading in ((_DESCRIPTION, "description"), (_ORIGINATOR, "library")):
            if value := _decoded(bext[part].split(b"\0")[0]).strip():
                texts[heading] = value
    if (data := chunks.get(b"iXML")) is not None:
        try:
            texts |= _read_ixml(data)
        except SourceError as error:
            problem = f"its iXML cannot be read: {error.what}"
    return texts, problem


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _read_chunks(file: BinaryIO) -> dict[bytes, bytes]:
    """Return the chunks that are used, by their ids."""
    head = file.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
        return {}
    chunks: dict[bytes, bytes] = {}
    data_size = 0
    for _ in range(_MAX_CHUNKS):
        name = file.read(8)
        if len(name) < 8:
            break
        size = struct.unpack("<I", name[4:])[0]
        if name[:4] == b"data" and size == _UNKNOWN_SIZE:
            size = data_size
        kept = file.read(size) if name[:4] in (b"bext", b"iXML", b"ds64") and size <= _MAX_CHUNK else b""
        if name[:4] == b"ds64" and len(kept) >= 16:
            data_size = min(struct.unpack("<Q", kept[8:16])[0], _MAX_FILE)
        elif kept:
            chunks.setdefault(name[:4], kept)
        file.seek(size - len(kept), 1)
        if size % 2 and file.read(1) not in (b"\0", b""):  # some programs leave out the byte that makes sizes even
            file.seek(-1, 1)
    return chunks


def _read_ixml(data: bytes) -> dict[str, str]:
    """Return the texts of iXML.

    Raises:
        SourceError: it is no XML, or declares entities.
    """
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 has zeros of its own
        data = data[: data.rfind(b">") + 1].lstrip(b"\0")
    try:
        root = parse_xml(data, "iXML")
    except SourceError:
        # Programs write Windows-1252 and declare UTF-8, or nothing.
        root = parse_xml(_decoded(_DECLARATION.sub(b"", data)).encode(), "iXML")
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
