"""HTTP, operation by operation."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.events import TimelineCompleted
from streamtags.core.records import TimelineIdentity
from streamtags.testing.log import make_payloads


@pytest.fixture
def server(serve: Any, tmp_path: Path) -> Any:
    root = tmp_path / "media"
    root.mkdir()
    return serve(media_roots=[root])


def test_it_is_alive_ready_and_counted(server: Any) -> None:
    assert server.json("GET", "/healthz") == (200, {"status": "ok"})
    assert server.json("GET", "/readyz") == (200, {"status": "ready"})
    lines = server.http("GET", "/metrics")[2].decode().splitlines()
    assert 'streamtags_http_responses_total{code="200"} 2' in lines


def test_its_references_are_served(server: Any) -> None:
    assert server.json("GET", "/openapi.json")[1]["openapi"].startswith("3.1")
    assert server.json("GET", "/asyncapi.json")[1]["asyncapi"].startswith("3.")


def test_timelines_are_listed_read_and_removed(server: Any) -> None:
    server.fill("tl_a1")
    server.fill("tl_b2")
    listed = server.json("GET", "/v1/timelines")[1]["timelines"]
    assert [(one["id"], one["state"]) for one in listed] == [("tl_b2", "completed"), ("tl_a1", "completed")]
    assert server.json("GET", "/v1/timelines/a1") == (200, server.store.state("tl_a1").to_dict())
    assert server.http("DELETE", "/v1/timelines/tl_a1")[0] == 204
    assert server.http("GET", "/v1/timelines/tl_a1")[0] == 404


def test_the_list_of_timelines_is_read_in_pages(server: Any) -> None:
    for number in range(5):
        server.fill(f"tl_{number}")
    pages = [server.json("GET", "/v1/timelines?limit=2")[1]]
    while pages[-1]["next"] is not None:
        pages.append(server.json("GET", f"/v1/timelines?limit=2&before={pages[-1]['next']}")[1])
    assert [len(page["timelines"]) for page in pages] == [2, 2, 1]
    assert [one["id"] for page in pages for one in page["timelines"]] == ["tl_4", "tl_3", "tl_2", "tl_1", "tl_0"]
    assert server.json("GET", "/v1/timelines?limit=5")[1]["next"] is None
    for query in ("limit=0", "limit=x", "limit=10001", "limit=+1", "before=-1"):
        assert server.json("GET", f"/v1/timelines?{query}")[1]["code"] == "invalid_query"


def test_the_log_is_read_from_any_place_on(server: Any) -> None:
    server.fill("tl_a", 200)
    lines = server.store.read_json("tl_a")
    for after in (0, 1, 500, len(lines), len(lines) + 9):
        status, headers, body = server.http("GET", f"/v1/timelines/tl_a/events?after={after}")
        assert (status, headers["content-type"]) == (200, "application/x-ndjson")
        assert body.decode().splitlines() == lines[after:]
    for query in ("after=-1", "after=x", "follow=2", "after=" + "9" * 40):
        assert server.http("GET", f"/v1/timelines/tl_a/events?{query}")[0] == 400


def test_followed_the_log_goes_on_until_the_server_stops(server: Any) -> None:
    server.fill("tl_a", completed=False)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/v1/timelines/tl_a/events?follow=1")
    answer = connection.getresponse()
    known = [answer.readline() for _ in server.store.read("tl_a")]
    server.store.append("tl_a", make_payloads(1)[-1:])
    assert json.loads(answer.readline())["seq"] == len(known) + 1
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert answer.readline() == b""
    stopping.join()
    connection.close()


def test_who_follows_from_beyond_the_end_waits_for_it_and_gets_the_log_that_replaces_this_one(server: Any) -> None:
    server.fill("tl_a", completed=False)
    payloads, end = make_payloads(1), server.store.head("tl_a").seq
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", f"/v1/timelines/tl_a/events?after={end + 1}&follow=1")
    answer = connection.getresponse()
    assert answer.status == 200
    server.store.append("tl_a", payloads[-1:])
    server.store.append("tl_a", payloads[-1:])
    assert json.loads(answer.readline())["seq"] == end + 2
    for event in server.store.replace("tl_a", payloads):
        assert json.loads(answer.readline()) == json.loads(event.to_json())
    server.store.remove("tl_a")
    assert answer.readline() == b"", "nothing more can come of what was removed"
    connection.close()


def test_exports_are_named_after_the_source(server: Any) -> None:
    server.fill("tl_a")
    status, headers, body = server.http("GET", "/v1/timelines/tl_a/export?format=csv")
    assert status == 200
    assert headers["content-disposition"] == 'attachment; filename="made-to-order.csv"'
    assert body.decode().count("\n") == 4
    assert server.http("GET", "/v1/timelines/tl_a/export?format=docx")[0] == 400


def test_media_is_served_in_ranges_and_only_what_was_analyzed(server: Any, tmp_path: Path) -> None:
    film = tmp_path / "media" / "film.mp4"
    film.write_bytes(bytes(range(200)))
    opened = make_payloads(1)[0]
    source = opened.source.model_copy(update={"uri": str(film), "size": 200})  # type: ignore[attr-defined]
    for timeline, uri, size in (("tl_a", str(film), 200), ("tl_b", "/etc/hostname", None), ("tl_c", str(film), 7)):
        server.store.open_timeline(timeline, TimelineIdentity(timeline))
        server.store.append(timeline, [opened.model_copy(update={"source": source.model_copy(update={"uri": uri, "size": size})})])
    status, headers, body = server.http("GET", "/v1/timelines/tl_a/media", range="bytes=10-19")
    assert (status, body, headers["content-range"], headers["content-type"]) == (206, bytes(range(10, 20)), "bytes 10-19/200", "video/mp4")
    for wrong, code in (("bytes=500-", 416), ("bytes=9-3", 400), ("lines=1-2", 400)):
        status, headers, body = server.http("GET", "/v1/timelines/tl_a/media", range=wrong)
        assert (status, headers["content-type"], json.loads(body)["code"]) == (code, "application/problem+json", "range")
        assert headers.get("content-range") == ("bytes */200" if code == 416 else None)
    for hidden in ("tl_b", "tl_c"):
        assert server.http("GET", f"/v1/timelines/{hidden}/media")[0] == 404


def test_thumbnails_are_pictures(server: Any) -> None:
    server.fill("tl_a")
    server.store.append("tl_a", [TimelineCompleted(summary={})], thumbnails={"s0000": b"\xff\xd8jpeg"})
    status, headers, body = server.http("GET", "/v1/timelines/tl_a/thumbnails/s0000.jpg")
    assert (status, headers["content-type"], body) == (200, "image/jpeg", b"\xff\xd8jpeg")
    assert server.http("GET", "/v1/timelines/tl_a/thumbnails/s0009.jpg")[0] == 404


def test_a_correction_is_kept_and_a_wrong_one_refused(server: Any) -> None:
    server.fill("tl_a")
    status, segment = server.json(
        "PATCH", "/v1/timelines/tl_a/segments/s0001", {"tags": [{"tag": "Tense", "confidence": 1}], "caption": "A dog barks.", "by": "Ann"}
    )
    assert status == 200
    assert (segment["caption"], segment["correction"]["by"]) == ("A dog barks.", "Ann")
    for wrong, code in (({}, 422), ({"tags": [{"tag": "x", "confidence": 2}]}, 422), ({"what": 1}, 422), (b"{", 400), (b"[1]", 400)):
        assert server.http("PATCH", "/v1/timelines/tl_a/segments/s0001", wrong)[0] == code
    assert server.http("PATCH", "/v1/timelines/tl_a/segments/s0099", {"caption": "x"})[0] == 404


def test_a_vocabulary_may_be_sent_as_text_and_its_tags_come_as_events(server: Any) -> None:
    server.fill("tl_a")
    text = "id: mine\nversion: '1'\naxes:\n  - name: mood\ntags:\n  - name: Calm\n    axis: mood\n    description: nothing stirs\n"
    status, refused = server.json("POST", "/v1/timelines/tl_a/retag", {"tags": "tags:\n  - color: 1\n"})
    assert (status, refused["code"]) == (422, "vocabulary")
    assert refused["detail"].startswith("the vocabulary that was sent: has"), "the message reveals where the server keeps files"
    kept = server.store.path.with_name(f"{server.store.path.name}.files") / "vocabularies"
    assert list(kept.iterdir()) == [], "what has mistakes takes no room"
    with server.client() as client:
        client.say(type="subscribe", id="a", timeline="tl_a")
        client.until("snapshot")
        status, accepted = server.json("POST", "/v1/timelines/tl_a/retag", {"tags": text})
        assert status == 202, accepted
        assert accepted["vocabulary"]["id"] == "mine"
        assert {event["data"]["vocabulary"]["id"] for event in client.events(3)} == {"mine"}


def test_what_is_not_built_in_says_so(server: Any) -> None:
    server.fill("tl_a")
    assert server.http("POST", "/v1/timelines", b"--x", content_type="multipart/form-data; boundary=x")[0] == 415
    assert server.json("POST", "/v1/timelines", {"path": "x"})[1]["code"] == "invalid_params"


def test_a_problem_is_named_by_its_status_and_by_a_code_that_fits(server: Any) -> None:
    server.fill("tl_a")
    for method, place, body, status, title, code in (
        ("GET", "/v1/timelines/tl_x", None, 404, "Not Found", "not_found"),
        ("GET", "/v1/nothing", None, 404, "Not Found", "not_found"),
        ("PUT", "/v1/timelines", b"{}", 405, "Method Not Allowed", "method"),
        ("GET", "/v1/timelines/tl_a/events?after=x", None, 400, "Bad Request", "invalid_query"),
        ("GET", "/v1/timelines/tl_a/export?format=docx", None, 400, "Bad Request", "invalid_query"),
        ("POST", "/v1/timelines", b"{", 400, "Bad Request", "invalid_body"),
        ("POST", "/v1/timelines?name=film.mp4", b"", 422, "Unprocessable Entity", "empty"),
        ("POST", "/v1/timelines/tl_a/cancel", None, 409, "Conflict", "conflict"),
    ):
        actual, headers, content = server.http(method, place, body)
        problem = json.loads(content)
        assert headers["content-type"] == "application/problem+json"
        assert (actual, problem["status"], problem["type"]) == (status, status, "about:blank")
        assert (problem["title"], problem["code"]) == (title, code)
        assert problem["detail"]
