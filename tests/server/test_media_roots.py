from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.server.conftest import Serve


def test_an_editor_browses_from_the_roots_to_a_file_that_can_be_analyzed(serve: Serve, tmp_path: Path) -> None:
    root = tmp_path / "films"
    (root / "reel 1").mkdir(parents=True)
    (root / "reel 1" / "scene.mp4").write_bytes(b"12345")
    server = serve(media_roots=[root])
    status, roots = server.json("GET", "/v1/media-roots")
    assert (status, roots["parent"]) == (200, None)
    assert [entry["name"] for entry in roots["entries"]] == ["films"]
    folder = server.json("GET", f"/v1/media-roots?path={quote(roots['entries'][0]['path'])}")[1]
    assert folder["entries"] == [
        {"name": "reel 1", "path": str(root / "reel 1"), "kind": "folder", "size": None, "modified_at": None},
    ]
    (file,) = server.json("GET", f"/v1/media-roots?path={quote(folder['entries'][0]['path'])}")[1]["entries"]
    assert (file["kind"], file["size"]) == ("file", 5)
    assert server.json("POST", "/v1/timelines", {"uri": file["path"]})[0] == 202


def test_folders_outside_the_roots_are_refused(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    server = serve(media_roots=[tmp_path / "films"])
    for path in ("/etc", str(tmp_path), str(tmp_path / "films" / ".."), "/no/such/folder", "%00", "x" * 5000):
        status, answer = server.json("GET", f"/v1/media-roots?path={path}")
        assert status in (400, 403), path
        assert answer["detail"]
    assert server.json("GET", f"/v1/media-roots?path={tmp_path}/films/none")[0] == 404
    assert server.json("GET", "/v1/media-roots?folder=x")[0] == 422


def test_a_server_without_media_roots_lists_none(serve: Serve) -> None:
    assert serve().json("GET", "/v1/media-roots")[1] == {"path": "", "parent": None, "entries": [], "truncated": False}
