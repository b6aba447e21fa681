"""Error messages for sources that cannot be opened or that break off."""

from __future__ import annotations

import errno
from pathlib import Path
from urllib.parse import urlsplit

import av

from streamtags.core.errors import SourceError, SourceRefused
from streamtags.sources.file.access import Place
from streamtags.sources.file.fetching import FetchError, fetch
from streamtags.sources.file.hls_keys import explain_keys
from streamtags.sources.file.looks import HEAD_BYTES, look_of

__all__ = ["INDEX_HINT", "explain_open", "interrupted", "is_end_of_body", "not_streamable"]

_MAX_BOXES = 1000
_FIRST_BOXES = (b"ftyp", b"wide", b"mdat")  # of an ISO base media file
_HLS, _JPEG = b"#EXTM3U", b"\xff\xd8"
_PLAYLISTS = (_HLS, b"ffconcat", b"v=0\r", b"v=0\n", b"<MPD")
_XML_PLAYLISTS = (b"<MPD", b"<smil", b"<playlist", b"<SmoothStreamingMedia")
INDEX_HINT = "an MP4 whose index is at its end needs a server that gives byte ranges; write it with +faststart"
"""What to do about an MP4 that cannot be read from front to back."""

_NETWORK_ERRORS = (
    av.error.HTTPError,
    av.error.HTTPClientError,
    av.error.ConnectionRefusedError,
    av.error.ConnectionResetError,
    av.error.ConnectionAbortedError,
    av.error.TimeoutError,
    av.error.ExitError,
    av.error.OSError,
)


def explain_open(error: Exception, place: Place, timeout: float, wanted: str = "a video") -> SourceError:
    """Return the error to raise when FFmpeg cannot open `place`, which should be `wanted`."""
    if place.path is not None:
        return _explain_file(error, place, place.path, wanted)
    if place.kind == "stdin":
        return not_streamable()
    return _explain_url(error, place, timeout)


def not_streamable() -> SourceError:
    """Return the error to raise when standard input cannot be read from front to back."""
    what = "standard input is not a video that can be read as it comes"
    hint = "pipe MKV, MPEG-TS or MP4 written with +faststart; give other MP4 as a file, or with < rather than |"
    return SourceError(what, where="-", hint=hint, code="source.not_streamable")


def interrupted(error: Exception, place: Place, decoded: int) -> SourceError | None:
    """Return the error to raise when the network fails after `decoded` frames; None if it is damage in the data, to be skipped."""
    if isinstance(error, av.error.ExitError) and decoded:  # the read timed out; only sources that may fall silent have a timeout
        return SourceError("sends nothing any more", where=place.uri, hint="run it again to go on", code="source.silent")
    if place.kind == "url" and isinstance(error, _NETWORK_ERRORS):
        if not decoded:
            what = f"broke off before its first picture: {_reason(error)}"
            return SourceError(what, where=place.uri, hint=INDEX_HINT, code="source.interrupted")
        return SourceError(
            f"the connection broke off: {_reason(error)}", where=place.uri, hint="run it again to go on", code="source.interrupted"
        )
    return None


def is_end_of_body(error: SourceError) -> bool:
    """Return whether `error` is how FFmpeg reports the end of an HTTP body whose length the server did not state."""
    return getattr(error.__cause__, "errno", None) == errno.EIO


def _explain_url(error: Exception, place: Place, timeout: float) -> SourceError:
    def failed(what: str, hint: str, code: str) -> SourceError:
        return SourceError(what, where=place.uri, hint=hint, code=f"source.{code}")

    is_of_body = isinstance(error, av.error.InvalidDataError) or getattr(error, "errno", None) == errno.EIO
    if is_of_body and (explained := _explain_body(place, timeout, error)) is not None:
        return explained
    match error:
        case av.error.ExitError() | av.error.TimeoutError():
            return failed(f"no answer within {timeout:g} seconds", "check the address and the network", "timeout")
        case av.error.HTTPNotFoundError():
            return failed("the server has no such file (404)", "check the address", "missing")
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return failed("the server does not give it out (401 or 403)", "it may need a login or a signed address", "denied")
        case av.error.HTTPError() | av.error.HTTPClientError():
            return failed(f"the server refused: {_reason(error)}", "check the address, or try later", "unreachable")
        case av.error.ProtocolNotFoundError():
            what = f"the FFmpeg inside PyAV does not speak {urlsplit(place.uri).scheme}"
            return failed(what, "have it sent as MPEG-TS over udp or tcp, by RTSP or by RTMP", "no_protocol")
        case av.error.ArgumentError():
            what = "its format is not one that is read here, or a playlist that names other files"
            hint = "open the address in a browser to see what it is; give the address of the media file itself"
            return SourceRefused(what, where=place.uri, hint=hint, code="source.refused_format")
    return failed(f"cannot be reached: {_reason(error)}", "check the address and the network", "unreachable")


def _first_bytes(place: Place, timeout: float) -> bytes:
    """What an HTTP address sends first; nothing if it does not answer."""
    try:
        return fetch(place.target, place, HEAD_BYTES, timeout)
    except FetchError:
        return b""


def _explain_body(place: Place, timeout: float, error: Exception) -> SourceError | None:
    """Why what a server sends cannot be read: its beginning is fetched again. None if it cannot be."""
    head = _first_bytes(place, timeout)
    broke_off = getattr(error, "errno", None) == errno.EIO
    if broke_off and not head:
        return None
    if head.startswith(_HLS) and (protected := explain_keys(place, timeout)) is not None:
        return protected
    if head[4:8] in _FIRST_BOXES:
        return SourceError("its index was not received", where=place.uri, hint=INDEX_HINT, code="source.not_streamable")
    look = None if head.startswith(_HLS) else look_of(head)
    if broke_off and (look is None or head.startswith(_JPEG)):  # a series of JPEG pictures may have no container
        what = "broke off while it was opened: less came than the server promised"
        return SourceError(what, where=place.uri, hint="try again later", code="source.interrupted")
    what = "what the server sends is not a video" if look is None else f"what the server sends is {look.name}, not a video"
    hint = "open the address in a browser to see what it is"
    return SourceError(what, where=place.uri, hint=hint, code="source.not_video")


def _explain_file(error: Exception, place: Place, path: Path, wanted: str) -> SourceError:
    head = _head(path)
    if _is_playlist(head.lstrip(b"\xef\xbb\xbf \r\n")):
        what = "is a playlist or another format that names other files"
        return SourceRefused(what, where=place.uri, hint="give the media file itself", code="source.refused_format")
    if _boxes_without_index(path):
        what = "its index (the moov atom) is missing: the recording or the copy was cut short"
        return SourceError(what, where=place.uri, hint="copy it again, or repair it with a tool such as untrunc", code="source.truncated")
    if (look := look_of(head)) is not None:
        return SourceError(f"is {look.name}, not {wanted}", where=place.uri, hint=look.hint, code="source.not_video")
    if isinstance(error, av.error.ArgumentError):
        what, hint = "its format is not one that is read here", "convert it, to MP4 or Matroska for example"
        return SourceRefused(what, where=place.uri, hint=hint, code="source.refused_format")
    what = f"is not {wanted} that can be read ({_reason(error)})"
    return SourceError(what, where=place.uri, hint="play it to see whether it is damaged", code="source.not_video")


def _is_playlist(head: bytes) -> bool:
    return head.startswith(_PLAYLISTS) or (head.startswith(b"<?xml") and any(element in head for element in _XML_PLAYLISTS))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _boxes_without_index(path: Path) -> bool:
    """Whether this is an ISO base media file (ISO/IEC 14496-12, 4.2) without a `moov` box among its outermost ones."""
    names: list[bytes] = []
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            at = 0
            while at + 8 <= size and len(names) < _MAX_BOXES:
                file.seek(at)
                header = file.read(16)
                names.append(header[4:8])
                length = int.from_bytes(header[:4], "big")
                if length == 1:
                    length = int.from_bytes(header[8:16], "big")
                if length < 8:
                    break
                at += length
    except OSError:
        return False
    return bool(names) and names[0] in _FIRST_BOXES and b"moov" not in names
