from __future__ import annotations

import pytest

from streamtags.client import Backoff, stream_url
from streamtags.client.address import is_loopback
from streamtags.core.errors import UsageError


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ws://127.0.0.1:8710", "ws://127.0.0.1:8710/v1/stream"),
        ("http://127.0.0.1:8710/", "ws://127.0.0.1:8710/v1/stream"),
        ("https://tags.example", "wss://tags.example/v1/stream"),
        ("wss://tags.example/studio", "wss://tags.example/studio/v1/stream"),
        ("ws://[::1]:8710/v1/stream", "ws://[::1]:8710/v1/stream"),
        ("localhost:8710", "ws://localhost:8710/v1/stream"),
    ],
)
def test_an_address_as_people_write_it(given: str, meant: str) -> None:
    assert stream_url(given) == meant


@pytest.mark.parametrize("given", ["", "ftp://host", "ws://", "ws://host:port", "ws://u:secret@host", "ws://host/?token=secret"])
def test_an_invalid_address_is_refused_without_printing_secrets(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        stream_url(given)
    assert "secret" not in str(caught.value)


def test_loopback() -> None:
    assert is_loopback("ws://localhost:1/")
    assert is_loopback("ws://[::1]:1/")
    assert not is_loopback("ws://192.0.2.1/")
    assert not is_loopback("ws://localhost.example/")


def test_backoff_doubles_up_to_a_cap_and_is_spread_over_the_whole_wait() -> None:
    backoff = Backoff(first_seconds=1, most_seconds=8)
    for attempt, longest in enumerate((1, 2, 4, 8, 8)):
        waits = [backoff.seconds(attempt) for _ in range(500)]
        assert 0 <= min(waits) < longest * 0.1
        assert longest * 0.9 < max(waits) <= longest
    assert Backoff().seconds(10_000) <= 30
