"""Open the file of an edit, whatever its format."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

from streamtags.core.errors import SourceError
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.model import Edit

__all__ = ["EDIT_SUFFIXES", "bytes_of", "file_of", "is_bundle", "read_edit"]

EDIT_SUFFIXES = frozenset({".edl", ".fcpxml", ".fcpxmld", ".xmeml", ".xml", ".otio", ".otioz", ".aaf"})
MAX_BYTES = 64 << 20
# The readers are imported when they are used: most analyses read no edit, and no edit has two formats.
_AAF = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"


def read_edit(path: str | os.PathLike[str], rate: Fraction | None = None) -> Edit:
    """Read the edit in `path`: EDL, FCPXML, xmeml, OTIO or AAF. The format is recognized by content, not by name.

    Args:
        path: the file, or the folder of a `.fcpxmld` bundle.
        rate: frames a second, for formats that do not state it (EDL).

    Raises:
        SourceError: the file cannot be read, is none of these formats, or is malformed; a malformed file is named with its line or element.
    """
    place = file_of(path)
    data = bytes_of(place)
    if data.startswith(_AAF):
        from streamtags.sources.edit.aaf import read_aaf

        return read_aaf(place)
    if data.startswith(_ZIP):
        from streamtags.sources.edit.otio import read_otioz

        return read_otioz(place)
    text = text_of(data)
    start = text.lstrip()[:1]
    if start == "<":
        return _read_xml(data, place.name)
    if start == "{":
        from streamtags.sources.edit.otio import read_otio

        return read_otio(text, place.name)
    if b"\0" in data[:512].rstrip(b"\0") and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise malformed("this is not an edit", place.name, hint="pass an EDL, FCPXML, xmeml, OTIO or AAF file")
    from streamtags.sources.edit.edl import read_edl

    return read_edl(text, place.name, rate)


def _read_xml(data: bytes, name: str) -> Edit:
    from streamtags.sources.edit.xmltree import parse_xml

    root = parse_xml(data, name)
    if root.tag == "fcpxml":
        from streamtags.sources.edit.fcpxml import read_fcpxml

        return read_fcpxml(root)
    if root.tag == "xmeml":
        from streamtags.sources.edit.xmeml import read_xmeml

        return read_xmeml(root)
    raise root.fail(f"<{root.tag[:40]}> is not an edit", "pass FCPXML or xmeml")


def file_of(path: str | os.PathLike[str]) -> Path:
    """Return the file of an edit: of a `.fcpxmld` bundle, the document inside."""
    place = Path(path)
    inside = place / "Info.fcpxml"
    return inside if is_bundle(place) or inside.is_file() else place


def is_bundle(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder that is one edit: a `.fcpxmld` bundle."""
    return Path(path).suffix.casefold() == ".fcpxmld" and Path(path).is_dir()


def bytes_of(path: Path) -> bytes:
    """Read the file of an edit.

    Raises:
        SourceError: it cannot be read, or is larger than an edit can be.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(f"the file is larger than {MAX_BYTES >> 20} MiB", where=str(path), hint="check that this is an edit")
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(path), hint="check the path and its permissions") from error


def text_of(data: bytes) -> str:
    """`data` as text: a byte order mark decides, else UTF-8, else Windows-1252, which old lists are written in."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
