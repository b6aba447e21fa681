"""Uploads: streamed to disk, named by their content, within limits."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
import unicodedata
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from streamtags.config.settings import ServerSettings
from streamtags.operations.services import Blocking
from streamtags_server.http.problems import BadRequestError
from streamtags_server.metrics import Metrics
from streamtags_server.quota import DiskQuota, disk_errors
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

    `server.upload_bytes` bounds a file; the quota bounds all of them together, uploads under way included. An upload that exceeds a
    limit is refused, and what was written is deleted.
    """

    def __init__(
        self, folder: Path, settings: ServerSettings, metrics: Metrics, quota: DiskQuota, blocking: Blocking = run_in_thread
    ) -> None:
        self.folder = folder
        self._settings, self._metrics, self._quota, self._blocking = settings, metrics, quota, blocking
        folder.mkdir(parents=True, exist_ok=True)
        for partial in folder.glob(".*.part"):
            if time.time() - partial.stat().st_mtime > settings.upload_idle_seconds * 2:
                partial.unlink(missing_ok=True)

    async def take(self, chunks: AsyncIterator[bytes], name: str, announced: int | None) -> tuple[Path, bool]:
        """Write `chunks` to disk; return the file, and False if the same content was stored already.

        Args:
            chunks: the bytes.
            name: what the client calls the file.
            announced: the length the client announced, None if unknown.

        Raises:
            BadRequestError: too large (413), empty (422), or too slow (408).
            NoSpaceError: the quota is used up, or the disk is full.
            BackendError: the file cannot be written.
        """
        self._check_size(announced or 0)
        key = await self._blocking(lambda: self._quota.open(announced or 0))
        partial = self.folder / f".{secrets.token_hex(8)}.part"
        stored_bytes = 0
        try:
            with disk_errors("the upload"):
                digest, size = await self._write(chunks, partial, key)
                if size == 0:
                    raise BadRequestError("the upload is empty", status=422, code="empty")
                path, is_new = await self._blocking(lambda: self._settle(partial, digest, safe_name(name)))
            stored_bytes = size if is_new else 0
            return path, is_new
        finally:
            partial.unlink(missing_ok=True)
            self._quota.close(key, stored_bytes=stored_bytes)

    def discard(self, uri: str) -> None:
        """Delete the uploaded file `uri`; do nothing if it is not one. Blocks.

        Raises:
            BackendError: it cannot be deleted.
        """
        path = Path(uri)
        if path.parent.parent != self.folder.resolve():
            return
        with disk_errors("the folder of uploads"):
            path.unlink(missing_ok=True)
            with suppress(OSError):  # another upload has put a file there again
                path.parent.rmdir()

    async def _write(self, chunks: AsyncIterator[bytes], partial: Path, key: int) -> tuple[str, int]:
        digest, size, began, buffered = hashlib.blake2b(digest_size=16), 0, time.monotonic(), bytearray()
        file = await self._blocking(lambda: partial.open("wb"))
        try:
            while (chunk := await self._next_chunk(chunks)) is not None:
                buffered += chunk
                size += len(chunk)
                self._check_size(size)
                self._quota.grow(key, size)
                self._check_speed(size, time.monotonic() - began)
                if len(buffered) >= _CHUNK:
                    await self._append(file, digest, bytes(buffered))
                    buffered.clear()
            await self._append(file, digest, bytes(buffered))
            return digest.hexdigest(), size
        finally:
            await self._blocking(file.close)

    async def _next_chunk(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        idle = self._settings.upload_idle_seconds
        try:
            async with asyncio.timeout(idle):
                return await anext(chunks, None)
        except TimeoutError:
            raise BadRequestError(f"nothing came for {idle:g} s", status=408, code="too_slow") from None

    async def _append(self, file: BinaryIO, digest: hashlib.blake2b, content: bytes) -> None:
        if content:
            await self._blocking(lambda: file.write(content))
            digest.update(content)
            self._metrics.add("streamtags_uploaded_bytes_total", len(content))

    def _check_size(self, size: int) -> None:
        if size > self._settings.upload_bytes:
            what = f"more than {self._settings.upload_bytes} bytes"
            raise BadRequestError(what, status=413, code="too_large", hint="cut it, or raise server.upload_bytes")

    def _check_speed(self, size: int, seconds: float) -> None:
        if seconds > self._settings.upload_idle_seconds and size < seconds * _MIN_BYTES_PER_SECOND:
            raise BadRequestError(f"slower than {_MIN_BYTES_PER_SECOND} bytes a second", status=408, code="too_slow")

    def _settle(self, partial: Path, digest: str, name: str) -> tuple[Path, bool]:
        """Move the complete file to its place; return it, and False if the same content is stored already."""
        folder = self.folder / digest
        folder.mkdir(exist_ok=True)
        existing = next((file for file in sorted(folder.iterdir()) if file.is_file()), None)
        if existing is not None:
            return existing, False
        partial.replace(folder / name)
        return folder / name, True
