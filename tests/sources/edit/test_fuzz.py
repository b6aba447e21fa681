"""Mutated copies of real edits: each is read or refused with an error that names the file, and none crashes a reader."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from pathlib import Path

import pytest

from streamtags.core.errors import SourceError
from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.read import read_edit
from tests.sources.edit.samples import Sample, samples

MUTANTS = 30
NUMBERS = [b"0", b"-1", b"99999999999999999999", b"1/0", b"NaN", b"", b"1e999", b"25", b"00:00:00:99"]


def mutated(data: bytes, choose: random.Random) -> bytes:
    """`data` after one to four small accidents."""
    for _ in range(choose.randint(1, 4)):
        accident = choose.randrange(6)
        start = choose.randrange(len(data) + 1)
        length = choose.randint(1, 200)
        if accident == 0:
            data = data[:start] + data[start + length :]
        elif accident == 1:
            data = data[:start] + data[start : start + length] * 2 + data[start + length :]
        elif accident == 2:
            data = data[:start] + choose.randbytes(choose.randint(1, 8)) + data[start + 1 :]
        elif accident == 3:
            data = data[:start]
        else:
            numbers = list(re.finditer(rb"-?\d+", data))
            if numbers:
                number = choose.choice(numbers)
                data = data[: number.start()] + choose.choice(NUMBERS) + data[number.end() :]
    return data


def sources() -> list[Sample]:
    return samples("cmx3600", "fcpxml", "xmeml", "otio", "resolve-marker-edl")


@pytest.mark.parametrize("sample", sources(), ids=lambda sample: sample.id)
def test_a_mutated_edit_is_read_or_refused(sample: Sample, tmp_path: Path) -> None:
    data = sample.path.read_bytes()
    path = tmp_path / sample.path.name
    choose = random.Random(sample.id)
    for _ in range(MUTANTS):
        path.write_bytes(mutated(data, choose))
        with suppress(SourceError):  # any other exception fails the test
            assert all(clip.record_in < clip.record_out for clip in flatten(read_edit(path).sequence))


@pytest.mark.parametrize("sample", samples("aaf"), ids=lambda sample: sample.id)
def test_a_mutated_aaf_is_read_or_refused(sample: Sample, tmp_path: Path) -> None:
    pytest.importorskip("aaf2", reason="pyaaf2 is not installed (extra `aaf`)")
    data = sample.path.read_bytes()
    path = tmp_path / sample.path.name
    choose = random.Random(sample.id)
    for _ in range(5):
        position = choose.randrange(512, len(data) - 64)
        path.write_bytes(data[:position] + choose.randbytes(64) + data[position + 64 :])
        with suppress(SourceError):
            flatten(read_edit(path).sequence)


NO_EDITS = [b"", b"\xff\xfe", b"\xfe\xff\x00", b"<", b"{", b"[]", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", bytes(600), b"\xef\xbb\xbf"]


@pytest.mark.parametrize("data", NO_EDITS)
def test_a_file_that_is_no_edit_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.edl"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"file\.edl"):
        read_edit(path)
