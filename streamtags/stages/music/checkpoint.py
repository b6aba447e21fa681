"""Reads the float arrays of a TensorFlow checkpoint without TensorFlow.

A checkpoint ("tensor bundle") is an index and a data file. The index is a LevelDB table (https://github.com/google/leveldb,
doc/table_format.md) of protocol buffers (tensorflow/core/protobuf/tensor_bundle.proto): for each name dtype, shape, offset and size.
Both files come from outside: every length is checked before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamtags.core.errors import ConfigError

__all__ = ["read_checkpoint"]

_FOOTER_BYTES = 48
_MAX_FILE_BYTES = 256_000_000
_FLOAT = 1  # DT_FLOAT


def read_checkpoint(folder: Path, stem: str = "") -> dict[str, NDArray[np.float32]]:
    """The float32 arrays of `STEM.index` and `STEM.data-00000-of-00001` by name, without those of the optimizer.

    Raises:
        ConfigError: a file is missing, too large or not a checkpoint.
    """
    try:
        index, data = (_bytes(folder / f"{stem}{ending}") for ending in (".index", ".data-00000-of-00001"))
        entries = list(_entries(index))
        return {name: _array(data, *entry) for name, entry in entries if "/Adam" not in name and entry[0] == _FLOAT}
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not a checkpoint of TensorFlow: {error}", where=str(folder), hint="fetch the files again") from error


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ConfigError("is too large for a checkpoint of this model", where=str(path))
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint="fetch the files again") from error


def _array(data: bytes, dtype: int, shape: tuple[int, ...], offset: int, size: int) -> NDArray[np.float32]:
    count = int(np.prod(shape, dtype=np.int64))
    if size != 4 * count or not 0 <= offset <= len(data) - size:
        raise ValueError("an array reaches beyond the data")
    return np.frombuffer(data, "<f4", count, offset).reshape(shape)


def _entries(index: bytes) -> Iterator[tuple[str, tuple[int, tuple[int, ...], int, int]]]:
    """(name, (dtype, shape, offset, size)) of each array."""
    if len(index) < _FOOTER_BYTES:
        raise ValueError("the index is cut off")
    footer, place = index[-_FOOTER_BYTES:], 0
    for _ in range(2):  # handle of the meta index
        _, place = _varint(footer, place)
    for _, handle in _block(index, *_pair(footer, place)):
        for name, value in _block(index, *_pair(handle, 0)):
            if name:  # the entry without a name is the header
                yield name.decode("utf-8"), _entry(value)


def _entry(message: bytes) -> tuple[int, tuple[int, ...], int, int]:
    numbers, shape = {1: 0, 4: 0, 5: 0}, []
    for field, value in _fields(message):
        if isinstance(value, int):
            numbers[field] = value
        elif field == 2:
            dimensions = [each for number, each in _fields(value) if number == 2 and isinstance(each, bytes)]
            shape = [next((size for number, size in _fields(each) if number == 1 and isinstance(size, int)), 0) for each in dimensions]
    return numbers[1], tuple(shape), numbers[4], numbers[5]


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of an uncompressed block; a key repeats the beginning of the one before."""
    if offset + size >= len(table) or size < 4 or table[offset + size] != 0:
        raise ValueError("a block is cut off or compressed")
    block = table[offset : offset + size]
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        length, place = _varint(block, place)
        if place + own + length > end:
            raise ValueError("an entry reaches beyond its block")
        key = key[:shared] + block[place : place + own]
        yield key, block[place + own : place + own + length]
        place += own + length


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of the fields of a protocol buffer; fixed-size fields as bytes."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        if tag & 7 == 0:
            value, place = _varint(message, place)
            yield tag >> 3, value
            continue
        length, place = _varint(message, place) if tag & 7 == 2 else ({1: 8, 5: 4}.get(tag & 7, len(message) + 1), place)
        if place + length > len(message):
            raise ValueError("a field reaches beyond its message")
        yield tag >> 3, message[place : place + length]
        place += length


def _pair(data: bytes, place: int) -> tuple[int, int]:
    first, place = _varint(data, place)
    return first, _varint(data, place)[0]


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number is too long")
