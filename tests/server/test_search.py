from __future__ import annotations

from tests.server.conftest import Serve


def test_segments_are_searched_over_http_and_websocket_alike(serve: Serve) -> None:
    server = serve()
    timeline = server.fill(segments=3)
    caption = server.store.state(timeline).segments[1].caption
    status, answer = server.json("GET", f"/v1/search?q={caption.replace(' ', '%20')}&top=2")
    assert status == 200
    assert len(answer["results"]) == 2
    first = answer["results"][0]
    assert first["timeline"] == timeline
    assert {"name", "segment", "start", "end", "score", "caption", "matched"} <= first.keys()
    with server.client() as client:
        response = client.request("segments.search", q=caption, top=2)
    assert response["result"] == answer


def test_a_filter_names_timelines_by_prefix_and_refuses_unknown_ones(serve: Serve) -> None:
    server = serve()
    server.fill("tl_aa")
    server.fill("tl_bb")
    status, answer = server.json("GET", "/v1/search?q=a&timeline=tl_b&top=200")
    assert status == 200
    assert {result["timeline"] for result in answer["results"]} <= {"tl_bb"}
    assert server.json("GET", "/v1/search?q=a&timeline=tl_x")[0] == 404


def test_wrong_parameters_are_named(serve: Serve) -> None:
    server = serve()
    for query in ("", "q=", "q=boat&top=0", "q=boat&min_confidence=2", "q=boat&since=yesterday", "q=boat&unknown=1"):
        status, answer = server.json("GET", f"/v1/search?{query}")
        assert status in (400, 422), query
        assert answer["detail"]
    status, answer = server.json("GET", "/v1/search?q=%3F%21")
    assert status == 422
    assert "no word to search for" in answer["detail"]
