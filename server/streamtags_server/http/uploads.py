"""Uploads: streamed to disk, named by what they hold, within limits."""

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
from streamtags_server.http.problems import BadRequestError
from streamtags_server.metrics import Metrics

__all__ = ["Uploads", "safe_name"]

# An upload slower than this for longer than the idle time is one that means to hold the connection, not to send a film.
_SLOWEST = 1024
_CHUNK = 1 << 20


def safe_name(name: str) -> str:
    """`name` as a file name: no folder, no control characters, not hidden, at most 120 characters; "upload" if nothing is left."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(char for char in base if char.isprintable() and char not in '<>:"|?*').strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    return (f"{stem[:100]}{dot}{suffix[:16]}" if stem else kept[:100]) or "upload"


class Uploads:
    """The folder of uploaded files: `HASH/NAME`, so the same film sent twice is one file and one timeline.

    Bounded by `server.upload_bytes` a file and `server.quota_bytes` in all; what is over is refused and what was written is deleted.
    """

    def __init__(self, folder: Path, settings: ServerSettings, metrics: Metrics) -> None:
        self.folder = folder
        self._settings = settings
        self._metrics = metrics
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".*.part"):
            if time.time() - left.stat().st_mtime > settings.upload_idle_seconds * 2:
                left.unlink(missing_ok=True)

    async def take(self, chunks: AsyncIterator[bytes], name: str, announced: int | None) -> Path:
        """Write `chunks` to disk and return the file.

        Args:
            chunks: the bytes.
            name: what the client calls the file.
            announced: how many it says there are.

        Raises:
            BadRequestError: too many (413), no room left (507), none (422), or too slow (408).
        """
        used = await asyncio.to_thread(self._used)
        self._check(announced or 0, used)
        partial = self.folder / f".{secrets.token_hex(8)}.part"
        try:
            digest, size = await self._write(chunks, partial, used)
            if size == 0:
                raise BadRequestError("the upload is empty", status=422, code="empty")
            return await asyncio.to_thread(self._settle, partial, digest, safe_name(name))
        finally:
            partial.unlink(missing_ok=True)

    async def _write(self, chunks: AsyncIterator[bytes], partial: Path, used: int) -> tuple[str, int]:
        digest, size, began, buffered = hashlib.blake2b(digest_size=16), 0, time.monotonic(), bytearray()
        idle = self._settings.upload_idle_seconds
        file = await asyncio.to_thread(partial.open, "wb")
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
                    if passed > idle and size < passed * _SLOWEST:
                        raise BadRequestError(f"slower than {_SLOWEST} bytes a second", status=408, code="too_slow")
                if buffered and (chunk is None or len(buffered) >= _CHUNK):
                    written, buffered = bytes(buffered), bytearray()
                    await asyncio.to_thread(file.write, written)
                    digest.update(written)
                    self._metrics.add("streamtags_uploaded_bytes_total", len(written))
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
        held = next((file for file in sorted(folder.iterdir()) if file.is_file()), None)
        if held is not None:
            return held
        partial.replace(folder / name)
        return folder / name
