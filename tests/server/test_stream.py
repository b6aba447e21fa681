"""The WebSocket, message by message, as a client sees it."""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from streamtags.core.events import SegmentCorrected
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.log import make_payloads


@pytest.fixture
def server(serve: Any) -> Any:
    return serve()


def test_a_server_says_who_it_is_and_what_it_takes(server: Any) -> None:
    with server.client() as client:
        assert client.socket.subprotocol == "streamtags.v1"
        assert client.hello["type"] == "hello"
        assert client.hello["protocol"] == 1
        assert client.hello["auth"] == "none"
        assert set(client.hello["limits"]) == {"message_bytes", "subscriptions", "queue_events"}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("not json", 4400),
        ("[]", 4400),
        ('{"type": "sing"}', 4400),
        ("[" * 30_000, 4400),
        (b"\x00\x01", 4400),
        ('{"type": "identify"}', 4400),
        ('{"type": "identify", "protocol": 2}', 4406),
        ('{"type": "ping", "n": 1}', 4401),
        ('{"type": "identify", "protocol": 1, "client": "' + "x" * 100_000 + '"}', 4413),
    ],
)
def test_a_first_message_that_is_wrong_closes_with_its_code(server: Any, said: str | bytes, code: int) -> None:
    with server.raw() as socket:
        socket.send(said)
        assert server.close_code(socket) == code


@pytest.mark.parametrize("whole", [True, False], ids=["one frame", "fragments"])
def test_a_message_beyond_all_measure_closes_with_its_code_and_without_a_reset(server: Any, whole: bool) -> None:
    said = '{"type": "identify", "protocol": 1, "client": "' + "x" * (20 << 20)
    with server.raw() as socket:
        with suppress(ConnectionClosed):  # closed while still sending
            socket.send(said if whole else (said[place : place + 50_000] for place in range(0, len(said), 50_000)))
        assert server.close_code(socket) == 4413
    assert 'streamtags_closed_total{code="4413"} 1' in server.http("GET", "/metrics")[2].decode()


def test_who_does_not_identify_in_time_is_closed(serve: Any) -> None:
    server = serve(identify_seconds=0.2)
    with server.raw() as socket:
        assert server.close_code(socket) == 4408


def test_a_client_with_another_subprotocol_is_closed_with_the_reason(server: Any) -> None:
    with server.raw(subprotocols=["streamtags.v9"]) as socket:
        assert server.close_code(socket) == 4406


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"type": "identify", "protocol": 1}', 4400),
        ('{"type": "subscribe", "id": "", "timeline": "x"}', 4400),
        ('{"type": "subscribe", "id": "a", "timeline": "x", "after": -1}', 4400),
        ('{"type": "request", "id": 7, "method": "timelines.list"}', 4400),
    ],
)
def test_a_later_message_that_is_wrong_closes_too(server: Any, said: str, code: int) -> None:
    with server.client() as client:
        client.socket.send(said)
        assert server.close_code(client.socket) == code


def test_ping_is_answered_and_unknown_names_leave_the_session_open(server: Any) -> None:
    with server.client() as client:
        assert client.ask(type="subscribe", id="a", timeline="tl_none")["code"] == "not_found"
        assert client.ask(type="unsubscribe", id="b") == {
            "type": "error",
            "code": "not_found",
            "message": "no subscription 'b'",
            "reply_to": "b",
        }
        assert client.ask(type="ping", n=3) == {"type": "pong", "n": 3}


def test_a_new_reader_gets_the_state_and_every_event_after_it(server: Any) -> None:
    timeline = server.fill(completed=False)
    with server.client() as client:
        subscribed = client.ask(type="subscribe", id="a", timeline=timeline)
        snapshot = client.receive()
        head = server.store.head(timeline)
        assert subscribed == {
            "type": "subscribed",
            "id": "a",
            "timeline": timeline,
            "epoch": head.epoch,
            "seq": head.seq,
            "recovered": False,
        }
        assert snapshot["type"] == "snapshot"
        assert snapshot["seq"] == head.seq
        assert snapshot["state"] == server.store.state(timeline).to_dict()
        written = server.store.append(timeline, make_payloads(1)[-1:])
        assert client.events(1) == [json.loads(event.to_json()) for event in written]


def test_with_another_epoch_or_a_future_position_the_state_comes_first(server: Any) -> None:
    timeline = server.fill()
    epoch, seq = server.store.head(timeline)
    with server.client() as client:
        for name, after, claimed in (("a", 1, "other"), ("b", seq + 1, epoch)):
            assert client.ask(type="subscribe", id=name, timeline=timeline, after=after, epoch=claimed)["recovered"] is False
            assert client.receive()["type"] == "snapshot"


def test_disconnected_at_random_points_a_reader_ends_with_exactly_the_log(server: Any) -> None:
    timeline = server.fill(completed=False, segments=40)
    epoch, _ = server.store.head(timeline)
    chance, received, after = random.Random(7), [], 0
    for attempt in range(25):
        server.store.append(timeline, make_payloads(2, seed=attempt)[1:6])
        with server.client() as client:
            subscribed = client.ask(type="subscribe", id="a", timeline=timeline, after=after, epoch=epoch)
            assert subscribed["recovered"] is True
            assert subscribed["seq"] == after
            missing = server.store.head(timeline).seq - after
            received += client.events(chance.randint(0, missing))
            after = received[-1]["seq"] if received else 0
    with server.client() as client:
        client.say(type="subscribe", id="a", timeline=timeline, after=after, epoch=epoch)
        received += client.events(server.store.head(timeline).seq - after)
    assert received == [json.loads(line) for line in server.store.read_json(timeline)]


def test_a_filter_lets_through_what_it_names_and_may_be_replaced(server: Any) -> None:
    timeline = server.fill()
    epoch, _ = server.store.head(timeline)
    tags = [json.loads(line) for line in server.store.read_json(timeline) if '"segment.tagged"' in line]
    wanted = tags[1]["data"]["tags"][0]
    with server.client() as client:
        only = {"types": ["segment.tagged"], "tags": [wanted["tag"]], "min_confidence": wanted["confidence"]}
        client.say(type="subscribe", id="a", timeline=timeline, after=0, epoch=epoch, filter=only)
        assert client.receive()["recovered"] is True
        fitting = [
            event
            for event in tags
            if any(tag["tag"] == wanted["tag"] and tag["confidence"] >= wanted["confidence"] for tag in event["data"]["tags"])
        ]
        assert client.events(len(fitting)) == fitting
        assert client.ask(type="subscribe", id="a", timeline=timeline)["type"] == "subscribed"
        server.store.append(timeline, make_payloads(1)[-1:])
        assert client.events(1)[0]["type"] == "timeline.completed"


def test_an_id_in_use_and_too_many_of_anything_close(serve: Any) -> None:
    server = serve(subscriptions=1, requests=1)
    for timeline in ("tl_a", "tl_b"):
        server.fill(timeline)
    for more, code in (({"id": "a", "timeline": "tl_b"}, 4409), ({"id": "b", "timeline": "tl_b"}, 4429)):
        with server.client() as client:
            client.ask(type="subscribe", id="a", timeline="tl_a")
            client.say(type="subscribe", **more)
            assert server.close_code(client.socket) == code


def test_unsubscribed_means_no_more_events(server: Any) -> None:
    timeline = server.fill(completed=False)
    with server.client() as client:
        client.say(type="subscribe", id="a", timeline=timeline)
        client.until("snapshot")
        assert client.ask(type="unsubscribe", id="a") == {"type": "unsubscribed", "id": "a"}
        server.store.append(timeline, make_payloads(1)[-1:])
        time.sleep(0.2)
        assert client.ask(type="ping", n=1)["type"] == "pong"


def test_a_timeline_is_followed_by_a_beginning_of_its_id_and_as_the_last(server: Any) -> None:
    for timeline in ("tl_a1", "tl_a2", "tl_b1"):
        server.fill(timeline)
    with server.client() as client:
        for number, (name, timeline) in enumerate((("last", "tl_b1"), ("tl_b", "tl_b1"), ("a2", "tl_a2"), ("tl_a1", "tl_a1"))):
            said = client.ask(type="subscribe", id=str(number), timeline=name)
            assert (said["type"], said["timeline"]) == ("subscribed", timeline)
            assert client.receive()["state"]["id"] == timeline
        assert client.ask(type="subscribe", id="0", timeline="last", filter={"types": []})["recovered"]
        for unclear in ("tl_a", "tl_c"):
            refused = client.ask(type="subscribe", id="x", timeline=unclear)
            assert (refused["type"], refused["code"], refused["reply_to"]) == ("error", "not_found", "x")


def test_a_replaced_log_begins_with_its_state_and_a_removed_one_ends(server: Any) -> None:
    timeline = server.fill()
    with server.client() as client:
        client.say(type="subscribe", id="a", timeline=timeline)
        client.until("snapshot")
        server.store.replace(timeline, make_payloads(1)[:1])
        again = client.receive()
        assert (again["type"], again["seq"], again["epoch"]) == ("snapshot", 1, server.store.head(timeline).epoch)
        server.store.append(timeline, make_payloads(1)[1:2])
        assert client.events(1)[0]["seq"] == 2
        server.store.remove(timeline)
        assert client.receive() == {"type": "unsubscribed", "id": "a"}


def test_a_star_follows_every_timeline_those_to_come_and_those_that_go(server: Any) -> None:
    server.fill("tl_a")
    with server.client() as client:
        assert client.ask(type="subscribe", id="all", timeline="*")["timeline"] == "*"
        assert client.receive()["timeline"] == "tl_a"
        server.store.open_timeline("tl_b", TimelineIdentity("key b"))
        snapshot = client.receive()
        assert (snapshot["type"], snapshot["timeline"]) == ("snapshot", "tl_b")
        server.store.append("tl_b", make_payloads(1)[:2])
        seen = client.events(2 - snapshot["seq"])
        assert [event["timeline"] for event in seen] == ["tl_b"] * len(seen)
        server.store.remove("tl_a")
        assert client.receive() == {"type": "removed", "id": "all", "timeline": "tl_a"}


def test_events_of_another_process_arrive(server: Any) -> None:
    timeline = server.fill(completed=False)
    with server.client() as client, SqliteStore(server.store.path) as other:
        client.say(type="subscribe", id="a", timeline=timeline)
        client.until("snapshot")
        other.append(timeline, make_payloads(1)[-1:])
        assert client.events(1)[0]["type"] == "timeline.completed"


def test_an_idle_client_gets_heartbeats_with_the_last_seq_of_its_timelines(serve: Any) -> None:
    server = serve(heartbeat_seconds=0.2)
    timeline = server.fill()
    with server.client() as client:
        client.say(type="subscribe", id="a", timeline=timeline)
        assert client.until("heartbeat")[-1]["seqs"] == {timeline: server.store.head(timeline).seq}


def test_a_reader_that_stalls_is_notified_and_read_forward_and_delays_no_other(serve: Any) -> None:
    server = serve(queue_events=8)
    timeline = server.fill(completed=False)
    _, begun = server.store.head(timeline)
    long = SegmentCorrected(segment="s0000", rev=9, caption="x" * 60_000, by="test")
    with server.client(max_queue=1) as slow, server.client() as quick:
        for client in (slow, quick):
            client.say(type="subscribe", id="a", timeline=timeline)
            client.until("snapshot")
        for _ in range(150):  # 9 MB: more than any buffer on the way
            server.store.append(timeline, [long])
            assert quick.events(1)[0]["type"] == "segment.corrected"
        messages = [slow.receive() for _ in range(20)]
        while messages[-1].get("event", {}).get("seq") != begun + 150:
            messages.append(slow.receive())
    assert [message["event"]["seq"] for message in messages if message["type"] == "event"] == list(range(begun + 1, begun + 151))
    assert any(message["type"] == "lagged" for message in messages)
    for before, message, after in zip(messages, messages[1:], messages[2:], strict=False):
        if message["type"] == "lagged":
            assert (before["event"]["seq"], after["event"]["seq"]) == (message["seq"], message["seq"] + 1)


def test_many_events_at_once_reach_every_reader_whatever_it_calls_itself_and_wants(server: Any) -> None:
    timeline = server.fill(completed=False)
    filters = [None, None, {"types": ["segment.tagged"]}, {"types": []}]
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(8)]
        for place, client in enumerate(clients):
            client.say(type="subscribe", id=f"reader {place // 2}", timeline=timeline, filter=filters[place % 4])
            client.until("snapshot")
        written = [json.loads(event.to_json()) for event in server.store.append(timeline, make_payloads(60)[1:])]
        for place, client in enumerate(clients):
            wanted = filters[place % 4]
            fitting = [event for event in written if wanted is None or event["type"] in wanted["types"]]
            assert client.events(len(fitting)) == fitting
            assert client.ask(type="ping", n=place) == {"type": "pong", "n": place}


def test_requests_are_answered_or_refused_by_name(server: Any) -> None:
    timeline = server.fill()
    with server.client() as client:
        assert [one["id"] for one in client.request("timelines.list")["result"]["timelines"]] == [timeline]
        assert client.request("timelines.get", id="last")["result"] == server.store.state(timeline).to_dict()
        assert "music-library" in [one["name"] for one in client.request("vocabularies.list")["result"]["vocabularies"]]
        corrected = client.request("segments.correct", id=timeline, segment="s0001", tags=[{"tag": "Tense", "confidence": 0.9}])
        assert corrected["result"]["correction"]["by"] == "test"
        assert client.request("segments.correct", id=timeline, segment="s0001")["error"]["code"] == "usage"
        assert client.request("timelines.get", id="nothing")["error"]["code"] == "not_found"
        assert client.request("timelines.get", name="x")["error"]["code"] == "invalid_params"
        assert client.request("timelines.sing")["error"]["code"] == "unknown_method"
        assert client.request("timelines.cancel", id=timeline)["error"]["code"] == "conflict"


def test_a_server_that_stops_says_1012_and_its_successor_recovers(serve: Any) -> None:
    first = serve()
    timeline = first.fill(completed=False)
    with first.client() as client:
        client.say(type="subscribe", id="a", timeline=timeline)
        snapshot = client.until("snapshot")[-1]
        first.server.should_exit = True
        assert first.close_code(client.socket) == 1012
    first.stop()
    first.store.append(timeline, make_payloads(1)[-1:])
    with serve().client() as client:
        assert client.ask(type="subscribe", id="a", timeline=timeline, after=snapshot["seq"], epoch=snapshot["epoch"])["recovered"] is True
        assert client.events(1)[0]["seq"] == snapshot["seq"] + 1
