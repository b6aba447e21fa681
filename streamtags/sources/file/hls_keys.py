"""Why an encrypted HLS list cannot be decrypted: its key is missing, or it is protected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from streamtags.core.errors import SourceError
from streamtags.sources.file.access import Place
from streamtags.sources.file.fetching import FetchError, fetch, public_name

__all__ = ["explain_keys"]

_MAX_LIST_BYTES = 1 << 20
_MAX_LISTS, _MAX_KEYS = 4, 8
_KEY_BYTES = 16  # of AES-128 (RFC 8216, 4.3.2.4)
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_HEAD = "#EXTM3U"


def explain_keys(place: Place, timeout: float) -> SourceError | None:
    """Return the error to raise where a list of `place`, which could not be read, names a key that cannot be had; else None.

    Args:
        place: a URL; requests are sent to it and to the keys it names.
        timeout: seconds for each request.
    """
    if "hls" not in place.options.get("format_whitelist", "").split(","):
        return None
    for address, attributes in _keys(place, timeout):
        method, key_format = attributes.get("METHOD", ""), attributes.get("KEYFORMAT", "identity")
        if method not in ("AES-128", "SAMPLE-AES") or key_format != "identity":
            what = f"is protected ({method or 'no method'}, {key_format})"
            return SourceError(what, where=place.uri, hint="give a copy that is not protected", code="source.protected")
        if (problem := _problem_of_key(address, place, timeout)) is not None:
            what = f"its key {public_name(address)} {problem}"
            return SourceError(what, where=place.uri, hint="it may need a login, or a signed address", code="source.no_key")
    return None


def _problem_of_key(address: str, place: Place, timeout: float) -> str | None:
    try:
        key = fetch(address, place, _KEY_BYTES + 1, timeout)
    except FetchError as error:
        return f"cannot be fetched ({error})"
    return None if len(key) == _KEY_BYTES else "is not one: a key has 16 bytes"


def _keys(place: Place, timeout: float) -> Iterator[tuple[str, dict[str, str]]]:
    """The keys that the list at `place`, or the lists it names, refer to: address and attributes."""
    waiting, fetched, seen = [place.target], 0, set[str]()
    while waiting and fetched < _MAX_LISTS:
        base, fetched = waiting.pop(0), fetched + 1
        try:
            text = fetch(base, place, _MAX_LIST_BYTES, timeout).decode("utf-8", errors="replace")
        except FetchError:
            continue
        rows = [row.strip() for row in text.splitlines()] if text.lstrip("\ufeff").startswith(_HEAD) else []
        for row, following in zip(rows, [*rows[1:], ""], strict=True):
            if row.startswith("#EXT-X-STREAM-INF:") and following:
                waiting.append(_joined(base, following))
            if row.startswith("#EXT-X-KEY:") and len(seen) < _MAX_KEYS:
                attributes = {name: value.strip('"') for name, value in _ATTRIBUTE.findall(row.partition(":")[2])}
                address = _joined(base, attributes.get("URI", ""))
                if attributes.get("METHOD") != "NONE" and address not in seen:
                    seen.add(address)
                    yield address, attributes


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return ""
