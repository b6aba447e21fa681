"""Short requests that find out why FFmpeg could not read what a server sends. They obey the limits of the source they are about."""

from __future__ import annotations

import base64
import http.client
import time
import urllib.error
import urllib.request
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

from streamtags.sources.file.access import Place

__all__ = ["FetchError", "fetch", "public_name"]

_MAX_SECONDS = 5.0
_HANDLERS = (
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)


class FetchError(Exception):
    """There was no answer; the text says why, in a few words."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to the web only."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, place: Place, most_bytes: int, timeout: float) -> bytes:
    """Return the first `most_bytes` that a server sends for `url`.

    Args:
        url: an `http` or `https` address.
        place: the source it belongs to; its proxy is used, and redirects are followed only if it may follow them.
        most_bytes: the rest is not read.
        timeout: seconds for a piece of the answer, and for its body; at most five.

    Raises:
        FetchError: there was no answer, it took too long, or it was an error.
    """
    seconds = min(timeout, _MAX_SECONDS)
    opener = urllib.request.OpenerDirector()
    proxy = place.options.get("http_proxy")
    opener.add_handler(urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None))
    for handler in _HANDLERS:
        opener.add_handler(handler())
    if place.options.get("max_redirects") != "0":
        opener.add_handler(_Redirects())
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise FetchError(f"{parts.scheme} is not accepted here")
        request = urllib.request.Request(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])))  # noqa: S310 - checked
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
        with opener.open(request, timeout=seconds) as answer:
            return _read(answer, most_bytes, seconds)
    except urllib.error.HTTPError as error:
        error.close()
        raise FetchError(str(error.code)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(str(getattr(error, "reason", error)) or type(error).__name__) from error


def _read(answer: http.client.HTTPResponse, most_bytes: int, seconds: float) -> bytes:
    """Read the beginning of a body; the timeout of a socket alone lets a server send a byte now and then for ever."""
    end, data = time.monotonic() + seconds, b""
    while len(data) < most_bytes and (piece := answer.read1(most_bytes - len(data))):
        data += piece
        if time.monotonic() > end:
            raise FetchError("it sends too slowly")
    return data


def public_name(url: str) -> str:
    """Return `url` without user, password, query and fragment, which may be secret."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return "an address that is none"
