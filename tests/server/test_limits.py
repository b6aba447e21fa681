"""Limits of one address: connections at once, requests and messages a second."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamtags_server.access.limits import AddressLimits, address_of
from websockets.exceptions import ConnectionClosed

from streamtags.config.settings import ServerSettings


def test_one_address_has_only_so_many_connections_and_gets_them_back(serve: Any) -> None:
    server = serve(connections_per_address=3)
    server.fill("tl_a")
    for _ in range(2):
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(server.client())
            followed = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            stack.callback(followed.close)
            followed.request("GET", "/v1/timelines/tl_a/events?follow=1")
            assert followed.getresponse().readline()
            with server.raw() as one_more:
                assert one_more.subprotocol == "streamtags.v1"
                assert server.close_code(one_more) == 4429
            status, headers, body = server.http("GET", "/healthz")
            assert (status, headers["retry-after"], headers["content-type"]) == (429, "1", "application/problem+json")
            assert json.loads(body)["code"] == "too_many"
        deadline = time.monotonic() + 60  # the server learns that they have gone when it reads so
        while server.http("GET", "/healthz")[0] != 200:
            assert time.monotonic() < deadline, "closed connections count for ever"
            time.sleep(0.01)


def test_requests_and_messages_beyond_the_rate_are_refused(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = partial(AddressLimits, clock=lambda: 0.0)  # a busy machine may take seconds for these requests
    monkeypatch.setattr("streamtags_server.app.AddressLimits", stopped)
    server = serve(requests_per_second=0.5)  # five at once, then one every two seconds
    statuses = [server.http("GET", "/healthz")[0] for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert server.http("GET", "/healthz")[1]["retry-after"] == "2"
    server = serve(requests_per_second=2)
    with server.client() as client:
        with suppress(ConnectionClosed):  # it may be closed before the last of them is sent
            for n in range(30):
                client.say(type="ping", n=n)
        assert server.close_code(client.socket) == 4429


def test_clients_on_this_machine_are_not_limited_by_default(serve: Any) -> None:
    server = serve()
    assert {server.http("GET", "/healthz")[0] for _ in range(300)} == {200}


@given(st.lists(st.floats(0, 30), max_size=60), st.floats(0.1, 50))
def test_never_more_than_the_rate_and_one_burst(pauses: list[float], rate: float) -> None:
    now = 0.0
    limits = AddressLimits(ServerSettings(requests_per_second=rate), clock=lambda: now)
    allowed = 0
    for pause in pauses:
        now += pause
        wait = limits.wait("192.0.2.1")
        allowed += not wait
        assert wait == 0 or wait >= 1 / rate
    assert allowed <= now * rate + max(1.0, rate * 10) + 1e-6


def test_remote_clients_are_limited_by_default_and_an_ipv6_network_is_one_client() -> None:
    limits = AddressLimits(ServerSettings(), clock=lambda: 0.0)
    answers = [limits.wait(address_of((f"2001:db8::{n:x}", 5))) for n in range(1, 3001)]
    assert answers.count(0) == 2000
    assert limits.wait(address_of(("2001:db8:0:1::1", 5))) == 0
    with ExitStack() as stack:
        entered = [stack.enter_context(limits.connected("192.0.2.1")) for _ in range(300)]
    assert entered.count(True) == 256
    with limits.connected("192.0.2.1") as free:
        assert free


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("::1", 1), "127.0.0.1"),
        (("127.9.9.9", 1), "127.0.0.1"),
        (("fe80::1%eth0", 1), "fe80::/64"),
        (None, ""),
    ],
)
def test_who_counts_as_one_address(client: Any, address: str) -> None:
    assert address_of(client) == address
