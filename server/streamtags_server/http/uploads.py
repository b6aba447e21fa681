"""Uploads: streamed to disk, named by their content, within limits."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

from streamtags.config.settings import ServerSettings
from streamtags.operations.services import Blocking
from streamtags_server.http.problems import BadRequestError
from streamtags_server.metrics import Metrics
from streamtags_server.threads import run_in_thread

__all__ = ["Uploads", "safe_name"]

# An upload slower than this for longer than the idle time is ended.
_MIN_BYTES_PER_SECOND = 1024
_CHUNK = 1 << 20
# File systems limit a name to 255 bytes, which 100 characters can exceed.
_STEM_CHARACTERS, _STEM_BYTES = 100, 180
_SUFFIX_CHARACTERS, _SUFFIX_BYTES = 16, 48


def safe_name(name: str) -> str:
    """Return `name` as a file name: no folder, no control characters, not hidden, at most 229 bytes; "upload" if nothing is left."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(char for char in base if char.isprintable() and char not in '<>:"|?*').strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if not stem:
        return _cut(kept[:_STEM_CHARACTERS], _STEM_BYTES) or "upload"
    return f"{_cut(stem[:_STEM_CHARACTERS], _STEM_BYTES)}{dot}{_cut(suffix[:_SUFFIX_CHARACTERS], _SUFFIX_BYTES)}"


def _cut(text: str, most: int) -> str:
    """Cut `text` to `most` bytes of UTF-8, between characters."""
    return text.encode(errors="ignore")[:most].decode(errors="ignore")


class Uploads:
    """The folder of uploaded files, `DIGEST/NAME`: the same file sent twice is one file and one timeline.

    `server.upload_bytes` bounds a file and `server.quota_bytes` bounds all of them together, uploads under way included. An upload that
    exceeds a limit is refused, and what was written is deleted.
    """

    def __init__(self, folder: Path, settings: ServerSettings, metrics: Metrics, blocking: Blocking = run_in_thread) -> None:
        self.folder = folder
        self._settings, self._metrics, self._blocking = settings, metrics, blocking
        folder.mkdir(parents=True, exist_ok=True)
        for partial in folder.glob(".*.part"):
            if time.time() - partial.stat().st_mtime > settings.upload_idle_seconds * 2:
                partial.unlink(missing_ok=True)

    async def take(self, chunks: AsyncIterator[bytes], name: str, announced: int | None) -> Path:
        """Write `chunks` to disk and return the file.

        Args:
            chunks: the bytes.
            name: what the client calls the file.
            announced: the length the client announced, None if unknown.

        Raises:
            BadRequestError: too large (413), no space (507), empty (422), or too slow (408).
        """
        used = await self._blocking(self._used)
        self._check(announced or 0, used)
        partial = self.folder / f".{secrets.token_hex(8)}.part"
        try:
            digest, size = await self._write(chunks, partial, used)
            if size == 0:
                raise BadRequestError("the upload is empty", status=422, code="empty")
            return await self._blocking(lambda: self._settle(partial, digest, safe_name(name)))
        finally:
            partial.unlink(missing_ok=True)

    async def _write(self, chunks: AsyncIterator[bytes], partial: Path, used: int) -> tuple[str, int]:
        digest, size, began, buffered = hashlib.blake2b(digest_size=16), 0, time.monotonic(), bytearray()
        idle = self._settings.upload_idle_seconds
        file = await self._blocking(lambda: partial.open("wb"))
        try:
            while True:
                try:
                    async with asyncio.timeout(idle):
                        chunk = await anext(chunks, None)
                except TimeoutError:
                    raise BadRequestError(f"nothing came for {idle:g} s", status=408, code="too_slow") from None
                if chunk is not None:
                    buffered += chunk
                    size += len(chunk)
                    self._check(size, used)
                    passed = time.monotonic() - began
                    if passed > idle and size < passed * _MIN_BYTES_PER_SECOND:
                        raise BadRequestError(f"slower than {_MIN_BYTES_PER_SECOND} bytes a second", status=408, code="too_slow")
                if buffered and (chunk is None or len(buffered) >= _CHUNK):
                    content, buffered = bytes(buffered), bytearray()
                    await asyncio.to_thread(file.write, content)
                    digest.update(content)
                    self._metrics.add("streamtags_uploaded_bytes_total", len(content))
                if chunk is None:
                    return digest.hexdigest(), size
        finally:
            await asyncio.to_thread(file.close)

    def _check(self, size: int, used: int) -> None:
        if size > self._settings.upload_bytes:
            what = f"more than {self._settings.upload_bytes} bytes"
            raise BadRequestError(what, status=413, code="too_large", hint="cut it, or raise server.upload_bytes")
        if used + size > self._settings.quota_bytes:
            hint = "remove files, or raise server.quota_bytes"
            raise BadRequestError("no room left for uploads", status=507, code="no_room", hint=hint)

    def _used(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    def _settle(self, partial: Path, digest: str, name: str) -> Path:
        folder = self.folder / digest
        folder.mkdir(exist_ok=True)
        existing = next((file for file in sorted(folder.iterdir()) if file.is_file()), None)
        if existing is not None:
            return existing
        partial.replace(folder / name)
        return folder / name
