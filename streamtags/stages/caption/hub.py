"""Requests to a model hub with the interface of huggingface.co: what a model consists of, and its files.

Responses are checked before they are used; downloads resume where they stopped. `HF_ENDPOINT` names another hub.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from streamtags.core.errors import ModelError

__all__ = ["HubFile", "HubModel", "describe_model", "download", "hub_address"]

_SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".jinja", ".model"})
_MAX_LISTING = 20_000_000
_CHUNK = 1 << 20
_SHA1_DIGITS = 40
_TRIES = 4
_SECONDS = 30.0
_PAUSE_SECONDS = 0.5
_HEX = re.compile(r"[0-9a-f]{40,64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a model. `digest` is the SHA-256 of its bytes (64 digits), or Git's SHA-1 of it as a blob (40 digits).

    `name` is its name in the cache, `path` its place at the hub where that is another.
    """

    name: str
    size: int
    digest: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model at one commit: the files that are needed to run it, and the license that its card names."""

    id: str
    revision: str
    license: str
    files: tuple[HubFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def hub_address() -> str:
    """Return the address of the hub, without a slash at the end."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def describe_model(name: str, revision: str = "main", files: Mapping[str, str] | None = None) -> HubModel:
    """Return what a model consists of at a branch, tag or commit; blocks.

    Args:
        name: its id at the hub.
        revision: a branch, tag or commit.
        files: place at the hub and name in the cache of each file that is needed; None takes the weights and settings in the top folder.

    Raises:
        ModelError: the hub cannot be reached, does not have the model or does not give it to everybody, or answers something else.
    """
    address = f"{hub_address()}/api/models/{quote(name)}/revision/{quote(revision, safe='')}?blobs=true"
    with _opened(address, name) as answer:
        content = answer.read(_MAX_LISTING + 1)
    try:
        read = json.loads(content[:_MAX_LISTING])
        if read.get("gated"):
            hint = (
                f"accept its terms on {hub_address()}/{name}, run `hf download {name} --local-dir FOLDER`, and name the folder as `model`"
            )
            raise ModelError("its terms have to be accepted first", where=name, code="model.forbidden", hint=hint)
        chosen = tuple(_files(read["siblings"], files))
        revision, license_name = str(read["sha"]), str((read.get("cardData") or {}).get("license") or "not named")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _strange(name) from error
    if not _HEX.fullmatch(revision):
        raise _strange(name)
    if files is not None and (missing := files.keys() - {file.path for file in chosen}):
        hint = "name another --revision"
        raise ModelError(f"the hub has no {', '.join(sorted(missing))} of it", where=name, code="model.not_found", hint=hint)
    if files is None and not any(file.name.endswith(".safetensors") for file in chosen):
        raise _strange(name)
    return HubModel(name, revision, license_name if license_name.isprintable() else "not named", chosen)


def download(model: HubModel, file: HubFile, folder: Path, progress: Callable[[int], None] = lambda _: None) -> None:
    """Fetch a file into `folder`, going on after the bytes that an interrupted download left; blocks.

    The file has its name only when it is whole and its digest is right; until then it is `NAME.part`.

    Args:
        model: whose file it is.
        file: what to fetch.
        folder: where it goes; exists.
        progress: called with the number of bytes that came.

    Raises:
        ModelError: the hub cannot be reached or the digest is wrong (`model.digest`; nothing is kept), or the disk is full.
    """
    target, partial = folder / file.name, folder / f"{file.name}.part"
    if target.is_file() and target.stat().st_size == file.size:
        progress(file.size)
        return
    if _size(partial) > file.size:
        partial.unlink()
    progress(_size(partial))
    tries = _TRIES
    while _size(partial) < file.size or not partial.exists():
        before, failure = _size(partial), _no_more(file)
        try:
            _fetch(model, file, partial, progress)
        except ModelError as error:
            if not error.retryable:
                raise
            failure = error
        tries = _TRIES if _size(partial) > before else tries - 1
        if tries == 0:
            raise failure
        if tries < _TRIES:
            time.sleep(_PAUSE_SECONDS)
    if _digest(partial, file) != file.digest:
        partial.unlink()
        hint = "run the command again; if it happens again, the hub or a proxy changes the file"
        raise ModelError("its digest is wrong; it was deleted", where=file.name, code="model.digest", hint=hint)
    partial.replace(target)


def _fetch(model: HubModel, file: HubFile, partial: Path, progress: Callable[[int], None]) -> None:
    """Append to `partial` what the hub sends, at most the size of the file."""
    have = _size(partial)
    address = f"{hub_address()}/{quote(model.id)}/resolve/{model.revision}/{quote(file.path or file.name)}"
    with _opened(address, file.name, {"Range": f"bytes={have}-"} if have else {}) as answer:
        if have and not str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
            progress(-have)
            have = 0
        with _disk(partial):
            out = partial.open("ab" if have else "wb", buffering=0)
        with out:
            while have <= file.size and (chunk := answer.read(_CHUNK)):
                with _disk(partial):
                    out.write(chunk)
                have += len(chunk)
                progress(len(chunk))
    if have > file.size:
        partial.unlink()
        hint = "name another hub in HF_ENDPOINT"
        raise ModelError("the hub sends more than it announced", where=file.name, code="model.digest", hint=hint)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _no_more(file: HubFile) -> ModelError:
    hint = "run the command again to go on"
    return ModelError("the hub sends no more", where=file.name, code="model.unreachable", hint=hint)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn an error of the disk into one that says what to do."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full" if is_full else f"cannot be written: {error.strerror}"
        hint = "free some space and run the command again; what came is kept" if is_full else "check the folder and its permissions"
        raise ModelError(what, where=str(path.parent), code="model.disk", hint=hint) from error


@contextmanager
def _opened(address: str, where: str, headers: Mapping[str, str] | None = None) -> Iterator[Any]:
    request = Request(address, headers={"User-Agent": "streamtags", "Accept-Encoding": "identity", **(headers or {})})  # noqa: S310
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - the address of the hub is the person's own
            yield answer
    except HTTPError as error:
        raise _refused(error.code, where) from error
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(
            f"{hub_address()} cannot be reached: {reason}",
            where=where,
            code="model.unreachable",
            retryable=not isinstance(error, ValueError),
            hint="check the network, name a mirror in HF_ENDPOINT, or copy the cache of a machine that has the model",
        ) from error


def _refused(status: int, where: str) -> ModelError:
    if status in (401, 403, 404):
        hint = "check the name; a model that is private or whose terms have to be accepted has to be downloaded by `hf download`"
        return ModelError(f"the hub does not give it out (HTTP {status})", where=where, code="model.not_found", hint=hint)
    busy = status in (408, 429, 500, 502, 503, 504)
    return ModelError(f"the hub answers HTTP {status}", where=where, code="model.unreachable", retryable=busy, hint="try again later")


def _strange(name: str) -> ModelError:
    hint = "check HF_ENDPOINT and the proxy"
    return ModelError(f"{hub_address()} does not answer like a model hub", where=name, code="model.invalid_answer", hint=hint)


def _files(siblings: Iterable[Mapping[str, Any]], wanted: Mapping[str, str] | None) -> Iterator[HubFile]:
    """The files to fetch, from the hub's answer.

    Raises:
        ValueError: a name, size or digest cannot be one.
    """
    for sibling in siblings:
        path = str(sibling["rfilename"])
        if wanted is not None and path in wanted:
            yield _file(sibling, wanted[path], path)
        elif wanted is None and "/" not in path and Path(path).suffix in _SUFFIXES:
            yield _file(sibling, path, "")


def _file(sibling: Mapping[str, Any], name: str, path: str) -> HubFile:
    size, lfs = sibling["size"], sibling.get("lfs")
    digest = str(lfs["sha256"] if isinstance(lfs, Mapping) else sibling["blobId"])
    if not _FILE_NAME.fullmatch(name) or type(size) is not int or size < 0 or not _HEX.fullmatch(digest):
        raise ValueError(f"no file of a model: {name!r}")
    return HubFile(name, size, digest, path)


def _digest(path: Path, file: HubFile) -> str:
    is_of_git = len(file.digest) == _SHA1_DIGITS
    hashed = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False) if is_of_git else hashlib.sha256()
    with path.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()
