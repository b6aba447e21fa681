"""What a file that is no film looks like, and what to do with it."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["HEAD_BYTES", "Look", "look_of"]

HEAD_BYTES = 4096
"""Bytes from the beginning of a file that show what it is."""


class Look(NamedTuple):
    """What a file seems to be. `name` follows "is"; `hint` says what to do."""

    name: str
    hint: str


_UNPACK = "unpack it, and give the media file inside"
_EXPORT = "export a video or sound file from its program, and give that"
_EDIT = "save it with the ending {}, and it is read as an edit"
_CHECK = "check what the file is"
_PHOTOGRAPH = Look("a photograph", "give a video")
_PROGRAM = Look("a program", _CHECK)

_MAGIC: tuple[tuple[int, bytes, Look], ...] = (
    (0, b"%PDF-", Look("a PDF document", _CHECK)),
    (0, b"PK\x03\x04", Look("a ZIP archive or an Office document", _UNPACK)),
    (0, b"PK\x05\x06", Look("an empty ZIP archive", _CHECK)),
    (0, b"\x1f\x8b\x08", Look("a gzip archive or a project of an editing program", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Look("a 7-Zip archive", _UNPACK)),
    (0, b"Rar!\x1a\x07", Look("a RAR archive", _UNPACK)),
    (0, b"BZh", Look("a bzip2 archive", _UNPACK)),
    (0, b"\xfd7zXZ\x00", Look("an XZ archive", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Look("a Zstandard archive", _UNPACK)),
    (257, b"ustar", Look("a tar archive", _UNPACK)),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Look("an Office document", _CHECK)),
    (0, b"{\\rtf", Look("a rich text document", _CHECK)),
    (0, b"MThd", Look("MIDI, which contains notes and no sound", "render it to WAV, and give that")),
    (0, b"\x00\x05\x16\x07", Look("a companion file of macOS (AppleDouble)", "give the file whose name lacks the ._ at the beginning")),
    (0, b"bplist00", Look("a property list of macOS", _CHECK)),
    (0, b"SQLite format 3\x00", Look("an SQLite database", _CHECK)),
    (0, b"\x7fELF", _PROGRAM),
    (0, b"MZ", _PROGRAM),
    (0, b"RIFX", Look("a project of After Effects", _EXPORT)),
    (0, b"d8:announce", Look("a torrent, which contains no media", "download what it names, and give that")),
    (0, b"8BPS", Look("a picture of Photoshop", "give a video")),
    (0, b"\xff\xd8\xff", _PHOTOGRAPH),
    (0, b"\x89PNG", _PHOTOGRAPH),
    (0, b"II*\x00", _PHOTOGRAPH),
    (0, b"MM\x00*", _PHOTOGRAPH),
    (4, b"ftyphei", _PHOTOGRAPH),
    (4, b"ftypmif1", _PHOTOGRAPH),
)
# Texts, by a pattern at their beginning; the first that matches.
_TEXTS: tuple[tuple[re.Pattern[bytes], Look], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), look)
    for pattern, look in (
        (rb"version https://git-lfs", Look("a pointer of Git LFS, not the file itself", "fetch the file with `git lfs pull`")),
        (rb"\[InternetShortcut\]", Look("a shortcut to an address", "give the address itself")),
        (rb"(<\?xml[^>]*>|<!--.*?-->|\s)*<!doctype html|(\s)*<html", Look("a web page", "download the file itself; it may need a login")),
        (rb"(<[?!][^>]*>|\s)*<fcpxml\b", Look("a Final Cut Pro XML", _EDIT.format(".fcpxml"))),
        (rb"(<[?!][^>]*>|\s)*<xmeml\b", Look("a Final Cut Pro 7 XML", _EDIT.format(".xml"))),
        (rb"(<[?!][^>]*>|\s)*<[a-z]", Look("text in XML", _CHECK)),
        (rb"\s*\{[^{]*\"OTIO_SCHEMA\"", Look("an OpenTimelineIO edit", _EDIT.format(".otio"))),
        (rb"(TITLE:|FCM:|\d{3,6}\s+\S+\s+[VAB]\S*\s+[CDWK])", Look("an edit decision list", _EDIT.format(".edl"))),
        (rb"WEBVTT|\[script info\]|\s*\d+\s*\n\s*\d+:\d+:\d+[,.]\d+\s*-->", Look("subtitles", "give the film; subtitles lie beside it")),
        (rb"\s*[\[{]\s*([\"\[{\]}\d-]|true|false|null)", Look("text in JSON", _CHECK)),
    )
)
_MARK = b"\xef\xbb\xbf"
_TEXT_CONTROLS = b"\t\r\n\f"


def look_of(head: bytes) -> Look | None:
    """Return what the first `HEAD_BYTES` of a file look like; None if they are nothing known, and may be media."""
    for at, magic, look in _MAGIC:
        if head.startswith(magic, at):
            return look
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return _PHOTOGRAPH
    if head and not any(head):
        return Look("a file that begins with nothing but zeros", "its download or copy did not finish; fetch it again")
    if not _is_text(head):
        return None
    text = head.removeprefix(_MARK)
    return next((look for pattern, look in _TEXTS if pattern.match(text)), Look("text", _CHECK))


def _is_text(head: bytes) -> bool:
    """Whether there are no control characters, or it is UTF-16 with a mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and head[2:].count(0) * 3 > len(head):
        return True
    return bool(head) and all(byte >= 32 or byte in _TEXT_CONTROLS for byte in head)
