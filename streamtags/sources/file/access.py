"""Which sources may be opened, and what FFmpeg may open on their behalf.

A playlist names other files: by default FFmpeg follows one from an upload to `/etc/passwd` or into the network behind the server.
Therefore every source is opened with two allow-lists, of protocols and of container formats, which also apply to what it refers to.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from streamtags.core.errors import SourceError, SourceRefused
from streamtags.sources.file.addresses import public_addresses

__all__ = ["SCHEMES", "Access", "Place", "Scheme", "is_url", "locate", "without_password"]

# Containers that have their media inside, by FFmpeg's demuxer names. Left out on purpose: those that name other files or devices
# (hls, dash, concat, sdp, image2, lavfi, imf, ...).
CONTAINERS = (
    "3gp apng asf av1 avi bink dv flic flv gif gxf h261 h263 h264 hevc ivf live_flv m4v matroska mjpeg mjpeg_2000 mov mp4 mpeg mpegts "
    "mpegtsraw mpegvideo mpjpeg mxf nsv nut nuv obu ogg rm roq smk swf vc1 vc1test vvc webm wtv y4m yuv4mpegpipe "
    "bmp_pipe jpeg_pipe jpegxl_anim png_pipe tiff_pipe webp webp_pipe "
    "aac ac3 aiff amr au caf dts dtshd eac3 flac loas mp2 mp3 tta truehd w64 wav wv"
)

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_PROTOCOL = re.compile(r"([a-z][a-z0-9+.-]+)[:,]\S")


@dataclass(frozen=True, slots=True)
class Scheme:
    """What FFmpeg may use for URLs of one scheme.

    Attributes:
        protocols: allowed protocols.
        formats: demuxers allowed in addition to the plain containers.
        live: sources of this scheme are live.
        is_indirect: FFmpeg listens on this machine, or connects where the other side points; refused if only public addresses are allowed.
    """

    protocols: str
    formats: str = ""
    live: bool = False
    is_indirect: bool = False


_WEB = Scheme(protocols="http,https,tcp,tls,crypto,httpproxy", formats="hls,webvtt")  # WebVTT: subtitles of HLS

_RTMP = Scheme(protocols="rtmp,rtmps,tcp,tls", live=True)
_RTSP = Scheme(protocols="rtsp,rtp,srtp,udp,tcp,tls", formats="rtsp", live=True, is_indirect=True)

# One row a scheme. The FFmpeg in PyAV's wheels lacks some of these protocols (srt); it reports that itself.
SCHEMES: dict[str, Scheme] = {
    "http": _WEB,
    "https": _WEB,
    "rtmp": _RTMP,
    "rtmps": _RTMP,
    "rtsp": _RTSP,
    "rtsps": _RTSP,
    "srt": Scheme(protocols="srt", live=True, is_indirect=True),
    "tcp": Scheme(protocols="tcp", live=True, is_indirect=True),
    "udp": Scheme(protocols="udp", live=True, is_indirect=True),
}


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may open.

    Attributes:
        schemes: URL schemes; a subset of `SCHEMES`, and "file" and "stdin".
        allow_private: URLs may lead to loopback, link-local and private addresses. If not, redirects and playlists are not followed either.
        roots: folders under which files must lie after links are resolved; empty allows every folder.
        proxy: URL of the proxy for `http` and `https`.
    """

    schemes: frozenset[str] = frozenset({"file", "stdin", *SCHEMES})
    allow_private: bool = True
    roots: tuple[Path, ...] = ()
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A source that may be opened.

    Attributes:
        kind: file, url or stdin.
        uri: as the user wrote it, without a password.
        target: what FFmpeg opens; for stdin "-".
        path: the file, absolute; None for the others.
        options: FFmpeg options that limit what it opens.
        live: it is a live source by its scheme.
    """

    kind: Literal["file", "url", "stdin"]
    uri: str
    target: str
    path: Path | None
    options: dict[str, str]
    live: bool = False


def is_url(uri: str) -> bool:
    """Return whether `uri` begins with a scheme and `://`; a path may contain `://` later."""
    return _URL.match(uri) is not None


def locate(uri: str, access: Access) -> Place:
    """Check that `uri` may be opened and, for a file, that it exists.

    Raises:
        SourceRefused: its scheme, address or folder is not allowed.
        SourceError: there is no such file, or it cannot be read.
    """
    if uri == "-":
        _allowed("stdin", uri, access)
        return Place("stdin", uri, uri, None, _fence("none", ""))
    match = _URL.match(uri)
    if match is None:
        return _file(Path(uri), uri, access)
    scheme = match[1].lower()
    if scheme == "file":
        return _file(Path(unquote(urlsplit(uri).path)), uri, access)
    _allowed(scheme, uri, access)
    rules = SCHEMES[scheme]
    options = _fence(rules.protocols, rules.formats if access.allow_private else "")
    if not access.allow_private:
        if rules.is_indirect:
            what = f"{scheme} may listen on this machine or lead into its network"
            raise SourceRefused(what, where=without_password(uri), hint="allow private addresses (server.allow_private)")
        _public(uri)
        options["max_redirects"] = "0"
    if access.proxy is not None and rules is _WEB:
        options["http_proxy"] = access.proxy
    return Place("url", without_password(uri), uri, None, options, rules.live)


def without_password(uri: str) -> str:
    """Return `uri` with the password of its user, if there is one, replaced by `***`."""
    if _URL.match(uri) is None:
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:  # not a URL: what precedes an @ may be a password
        return re.sub(r"//.*@", "//***@", uri)
    if parts.password is None:
        return uri
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}"))


def _fence(protocols: str, formats: str) -> dict[str, str]:
    names = ",".join(CONTAINERS.split())
    return {"protocol_whitelist": protocols, "format_whitelist": f"{names},{formats}" if formats else names}


def _allowed(scheme: str, uri: str, access: Access) -> None:
    if scheme not in access.schemes or (scheme not in SCHEMES and scheme not in ("file", "stdin")):
        known = ", ".join(sorted(access.schemes - {"stdin"}))
        raise SourceRefused(f"{scheme} is not accepted here", where=without_password(uri), hint=f"accepted: {known}")


def _public(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError as error:
        raise SourceError("its host has no address", where=without_password(uri), hint="check the host name") from error
    try:
        public_addresses(host, port)
    except SourceError as error:
        raise type(error)(error.what, where=without_password(uri), hint=error.hint) from error


def _file(path: Path, uri: str, access: Access) -> Place:
    _allowed("file", uri, access)
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError as error:
        protocol = _PROTOCOL.match(uri)
        if protocol is not None:
            raise SourceRefused(f"{protocol[1]} is not accepted here", where=uri, hint=f"for a file of that name write ./{uri}") from error
        raise SourceError("there is no such file", where=uri, hint="check the path", code="source.missing") from error
    except (OSError, RuntimeError, ValueError) as error:  # permission, a loop of links, a NUL in the name
        raise SourceError(f"its path cannot be followed: {error}", where=uri, hint="check the path") from error
    if access.roots and not any(real.is_relative_to(root.resolve()) for root in access.roots):
        raise SourceRefused("lies outside the folders that may be read", where=uri, hint="move it there, or allow its folder")
    _readable(real, uri)
    return Place("file", uri, f"file:{real}", real, _fence("file", ""))


def _readable(path: Path, uri: str) -> None:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError("is a folder", where=uri, hint="name one video file in it", code="source.folder")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError("is not a regular file", where=uri, hint="pipe it in and name the source -", code="source.special")
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=uri, hint="check its permissions", code="source.denied") from error
    if status.st_size == 0:
        raise SourceError("is empty", where=uri, hint="the copy or the download did not finish", code="source.empty")
