"""Outside data of any shape raises only declared errors."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import StreamtagsError
from streamtags.sources.file.access import Access, locate
from streamtags.sources.file.diagnose import explain_open
from streamtags.sources.file.proxy import read_request
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.rates import choose_rate
from streamtags.sources.file.skipping import is_disposable, is_intact
from streamtags.sources.file.source import open_source
from streamtags.sources.live.clock import continued

HEADS = [
    b"",
    b"#EXTM3U\n",
    b"ffconcat version 1.0\nfile ",
    b"v=0\r\n",
    b"<MPD>",
    b"\x00\x00\x00\x18ftypisom",
    b"\x1aE\xdf\xa3",
    b"G@\x00\x10",
    b"RIFF\x00\x01\x00\x00AVI ",
    b"\xff\xd8\xff",
    b"WEBVTT\n",
]
FRACTIONS = st.fractions(min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize("head", HEADS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
def test_no_file_raises_anything_but_a_declared_error(tmp_path: Path, head: bytes, data: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(head + data)
    with suppress(StreamtagsError):
        source = open_source(str(path), IngestSettings())
        list(source.read())
        source.close()


@pytest.mark.parametrize("depth", [10, 100_000])
def test_a_deeply_nested_file_is_only_not_a_video(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"[" * depth)
    with pytest.raises(StreamtagsError, match="is text"):
        open_source(str(path), IngestSettings())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('<?xml version="1.0"?>\n<MPD type="static">', "a playlist"),
        ('<?xml version="1.0"?>\n<smil><body/></smil>', "a playlist"),
        ("v=0\no=- 0 0 IN IP4 127.0.0.1\n", "a playlist"),
        ('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is text"),
        ("v=0.1 of the notes", "is text"),
    ],
)
def test_only_a_file_that_names_others_is_called_a_playlist(data: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_text(data, "utf-8")
    with pytest.raises(StreamtagsError, match=message):
        open_source(str(path), IngestSettings())


@given(st.text(max_size=60) | st.sampled_from(["http", "rtsp", "udp"]).flatmap(lambda s: st.text(max_size=40).map(lambda t: f"{s}://{t}")))
def test_no_address_raises_anything_but_a_declared_error(uri: str) -> None:
    try:
        place = locate(uri, Access())
    except StreamtagsError:
        return
    assert place.uri


@given(st.lists(st.tuples(st.none() | st.integers(-(2**63), 2**63), st.integers(-(2**40), 2**40)), max_size=40), st.booleans())
def test_any_timestamps_become_rising_ones(times: list[tuple[int | None, int]], wraps: bool) -> None:
    repair = TimeRepair(Fraction(1, 90_000), 3600, wrap_bits=33 if wraps else None, longest_gap=10)
    repaired = [repair.picture(pts, duration) for pts, duration in times]
    assert all(one < two for one, two in pairwise(repaired))


@given(st.lists(st.tuples(st.none() | FRACTIONS, st.fractions(0, 100)), max_size=30))
def test_any_timestamps_of_sound_never_run_back(times: list[tuple[Fraction | None, Fraction]]) -> None:
    repair = TimeRepair(Fraction(1, 90_000), 3600, wrap_bits=33, longest_gap=10)
    repaired = [repair.sound(seconds, length) for seconds, length in times]
    assert all(one <= two for one, two in pairwise(repaired))


@given(*[st.none() | FRACTIONS] * 4)
def test_any_rates_give_a_positive_one(
    average: Fraction | None, codec: Fraction | None, guess: Fraction | None, tick: Fraction | None
) -> None:
    assert choose_rate(average=average, codec=codec, guess=guess, tick_rate=tick) > 0


@given(st.binary(max_size=100), st.integers(1, 4))
def test_any_packet_is_disposable_or_not(data: bytes, length_bytes: int) -> None:
    assert isinstance(is_disposable(memoryview(data), length_bytes), bool)
    assert isinstance(is_intact(memoryview(data), length_bytes), bool)


@given(st.binary(max_size=200))
def test_any_request_to_the_proxy_is_understood_or_refused(data: bytes) -> None:
    try:
        host, port, *_ = read_request(data)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65_535


@given(*[st.integers(-(2**62), 2**62)] * 3, st.booleans(), st.booleans())
def test_a_source_never_continues_before_its_end(end: int, expected: int, own: int, wraps: bool, keeps: bool) -> None:
    assert continued(end, expected, own, Fraction(1, 90_000), wraps=wraps, keeps=keeps) >= end


@pytest.mark.parametrize("kind", [av.error.ArgumentError, av.error.InvalidDataError, av.error.OSError, ValueError])
def test_every_failure_to_open_has_a_message_and_a_hint(tmp_path: Path, kind: type[Exception]) -> None:
    (tmp_path / "film.mp4").write_bytes(bytes(range(256)))
    for uri in (str(tmp_path / "film.mp4"), "http://example.org/film.mp4"):
        error = kind(22, "it failed") if kind is not ValueError else kind("it failed")
        explained = explain_open(error, locate(uri, Access()), 5)
        assert explained.what
        assert explained.hint
