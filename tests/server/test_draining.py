"""A server that is to stop says so first, and does everything but new analyses until it stops."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from streamtags.testing import ShotSpec, make_video
from streamtags.testing.log import make_payloads


def until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def test_a_server_that_is_to_stop_is_not_ready_and_still_answers_until_it_stops(serve: Any, tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", [ShotSpec(10)], size=(160, 90))
    server = serve(drain_seconds=600.0, media_roots=[tmp_path])
    timeline = server.fill(completed=False)
    assert server.http("GET", "/readyz")[0] == 200
    with server.client() as client:
        client.say(type="subscribe", id="a", timeline=timeline)
        client.until("snapshot")
        server.server.should_exit = True  # as SIGTERM does
        until(lambda: server.http("GET", "/readyz")[0] == 503)
        status, body = server.json("GET", "/readyz")
        assert (status, body["detail"]) == (503, "the server is shutting down")
        assert server.http("GET", "/healthz")[0] == 200
        server.store.append(timeline, make_payloads(1)[-1:])
        assert client.events(1)[0]["type"] == "timeline.completed"
        _, accepted = server.json("POST", "/v1/timelines", {"uri": "film.mp4"})
        assert accepted["state"] == "queued"
        server.server.force_exit = True  # as a second Ctrl-C does
        assert server.close_code(client.socket) == 1012
    server.thread.join(60)
    assert not server.thread.is_alive()
    (waiting,) = server.store.job_queue.jobs()
    assert (waiting.timeline, waiting.running, waiting.starts) == (accepted["id"], False, 0)


def test_a_second_interrupt_ends_the_draining(serve: Any) -> None:
    server = serve(drain_seconds=600.0)
    server.server.should_exit = True
    until(lambda: server.http("GET", "/readyz")[0] == 503)
    server.server.force_exit = True  # as a second Ctrl-C does
    server.thread.join(60)
    assert not server.thread.is_alive()


def test_without_time_to_drain_a_server_closes_its_connections_at_once(serve: Any) -> None:
    server = serve()
    with server.client() as client:
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert server.close_code(client.socket) == 1012
        stopping.join()
