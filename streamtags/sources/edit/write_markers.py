"""Write markers into the file of an edit and leave everything else in it as it is, byte by byte."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from streamtags.core.errors import UsageError
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.model import Edit, Marker
from streamtags.sources.edit.read import bytes_of, file_of

__all__ = ["MARKABLE", "mark_edit"]

MARKABLE = frozenset({"edl", "fcpxml", "xmeml", "otio"})
_ZIP = b"PK\x03\x04"
_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))


def mark_edit(
    path: str | os.PathLike[str],
    edit: Edit,
    markers: Sequence[Marker],
    colors: Mapping[str, int] | None = None,
    tracks: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """Return the file of an edit with `markers` added.

    Args:
        path: the file, or the folder of a `.fcpxmld` bundle; then the document inside is returned.
        edit: what `read_edit` read of it.
        markers: at record frames from timecode zero, in the colors of the format.
        colors: numbers of the colors of xmeml markers, by name.
        tracks: tracks to add to an OTIO timeline, as JSON; they begin with its first frame.

    Raises:
        SourceError: the file cannot be read, or is malformed.
        UsageError: the format has no place for markers.
    """
    place = file_of(path)
    data = bytes_of(place)
    if edit.format not in MARKABLE or data.startswith(_ZIP):
        kind = "a bundle" if data.startswith(_ZIP) else edit.format.upper()
        raise UsageError(f"markers cannot be written into {kind}", where=str(path), hint="pass --new-timeline, or export the edit as OTIO")
    if edit.format == "fcpxml":
        from streamtags.sources.edit.fcpxml_markers import mark_fcpxml

        return mark_fcpxml(data, place.name, markers, edit.rate)
    if edit.format == "xmeml":
        from streamtags.sources.edit.xmeml_markers import mark_xmeml

        return mark_xmeml(data, place.name, markers, edit.sequence.start_frame, colors or {})
    mark, text, encoding = _decoded(data)
    fitting = [_fitting(marker, encoding) for marker in markers]
    if edit.format == "otio":
        from streamtags.sources.edit.otio_markers import mark_otio

        text = mark_otio(text, place.name, fitting, edit.sequence.start_frame, edit.rate, tracks)
    else:
        from streamtags.sources.edit.edl_markers import mark_edl

        text = mark_edl(text, place.name, fitting, edit)
    return mark + text.encode(encoding, "surrogateescape" if not encoding.startswith("utf-16") else "surrogatepass")


def _decoded(data: bytes) -> tuple[bytes, str, str]:
    """Byte order mark, text and encoding; encoding the text again gives the same bytes, whatever they are."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            errors = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
            try:
                return mark, data[len(mark) :].decode(encoding, errors), encoding
            except UnicodeDecodeError as error:
                raise malformed("the text cannot be decoded", "", hint="save the edit as UTF-8") from error
    try:
        return b"", data.decode(), "utf-8"
    except UnicodeDecodeError:
        return b"", data.decode("cp1252", "surrogateescape"), "cp1252"


def _fitting(marker: Marker, encoding: str) -> Marker:
    """`marker` with words that the encoding of the file has."""
    name, note = (text.encode(encoding, "replace").decode(encoding) for text in (marker.name, marker.note))
    return replace(marker, name=name, note=note)
