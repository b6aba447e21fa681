from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamtags.core.errors import ConfigError
from streamtags.stages.music.checkpoint import read_checkpoint


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def block(entries: Mapping[bytes, bytes]) -> bytes:
    """A block whose keys share the beginning of the key before, with one restart point."""
    out, last = b"", b""
    for key, value in sorted(entries.items()):
        shared = next((place for place, (a, b) in enumerate(zip(key, last, strict=False)) if a != b), min(len(key), len(last)))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    return out + (0).to_bytes(4, "little") + (1).to_bytes(4, "little")


def write_checkpoint(folder: Path, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    data, entries = b"", {b"": field(1, 1)}
    for name, array in arrays.items():
        shape = b"".join(field(2, field(1, size)) for size in array.shape)
        entries[name.encode()] = field(1, 1) + field(2, shape) + field(4, len(data)) + field(5, array.nbytes) + varint(6 << 3 | 5) + b"crc."
        data += array.astype("<f4").tobytes()
    table = block(entries)
    handle = varint(0) + varint(len(table))
    index = block({b"z": handle})
    footer = varint(0) + varint(0) + varint(len(table) + 5) + varint(len(index))
    (folder / ".index").write_bytes(table + b"\0crc." + index + b"\0crc." + footer.ljust(40, b"\0") + b"magic..!")
    (folder / ".data-00000-of-00001").write_bytes(data)


ARRAYS = {
    "conv2d/kernel": np.arange(12, dtype=np.float32).reshape(2, 3, 2),
    "conv2d/kernel/Adam": np.ones(12, np.float32),
    "conv2d_1/bias": np.array([-1.5], np.float32),
    "beta1_power": np.array(0.9, np.float32),
}


def test_arrays_are_read_with_their_shapes_and_without_the_optimizers(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, ARRAYS)
    arrays = read_checkpoint(tmp_path)
    assert set(arrays) == {"conv2d/kernel", "conv2d_1/bias", "beta1_power"}
    for name, array in arrays.items():
        assert np.array_equal(array, ARRAYS[name])


@given(st.data())
def test_a_damaged_index_is_refused_or_read_and_never_crashes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder, ARRAYS)
    index = bytearray((folder / ".index").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(index) - 1), min_size=1, max_size=4)):
        index[place] = data.draw(st.integers(0, 255))
    (folder / ".index").write_bytes(index[: data.draw(st.integers(0, len(index)))])
    with contextlib.suppress(ConfigError):
        assert all(array.dtype == np.float32 for array in read_checkpoint(folder).values())


def test_missing_files_and_cut_off_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.index: cannot be read"):
        read_checkpoint(tmp_path)
    write_checkpoint(tmp_path, ARRAYS)
    (tmp_path / ".data-00000-of-00001").write_bytes(b"1234")
    with pytest.raises(ConfigError, match="reaches beyond the data"):
        read_checkpoint(tmp_path)
