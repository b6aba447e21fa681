"""HLS lists as servers really give them: pieces and renditions that are missing, subtitles, an end that is not stated."""

from __future__ import annotations

import http.server
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.core.model import Frame
from streamtags.core.ports import ReportsDamage
from streamtags.sources.live.source import open_any_source
from tests.sources.media import film, serving


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def listed(folder: Path, pieces: list[str], name: str = "list.m3u8", *, end: bool = True) -> None:
    """Write a list of pieces of one second."""
    rows = [row for piece in pieces for row in ("#EXTINF:1.0,", piece)]
    (folder / name).write_text("\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:1", *rows, *(["#EXT-X-ENDLIST"] if end else []), ""]))


def received(folder: Path, name: str = "list.m3u8") -> tuple[int, list[str]]:
    """Number of frames, and the warnings."""
    settings = IngestSettings.model_validate({"live": {"give_up_seconds": 2, "silence_seconds": 2}})
    with serving(partial(Files, directory=str(folder))) as url:  # type: ignore[arg-type]
        source = open_any_source(f"{url}/{name}", settings)
        frames = [item for item in source.read() if isinstance(item, Frame)]
        source.close()
    assert isinstance(source, ReportsDamage)
    return len(frames), list(source.warnings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pieces of one second each."""
    for n in range(4):
        film(tmp_path / f"{n}.ts", 25, start=25 * n)
    return tmp_path


@pytest.mark.parametrize("pieces", [["0.ts", "none.ts", "none.ts", "3.ts"], ["0.ts", "1.ts", "none.ts", "none.ts"]])
def test_pieces_that_are_missing_are_reported(folder: Path, pieces: list[str]) -> None:
    listed(folder, pieces)
    count, warnings = received(folder)
    assert count == 50
    assert any("of 4.0 seconds of the list" in warning for warning in warnings)


def test_a_complete_list_has_no_warning(folder: Path) -> None:
    listed(folder, ["0.ts", "1.ts", "2.ts", "3.ts"])
    assert received(folder) == (100, [])


def test_a_film_with_subtitles_as_a_rendition_is_read(folder: Path) -> None:
    listed(folder, ["0.ts", "1.ts"], "picture.m3u8")
    (folder / "text.vtt").write_text("WEBVTT\n\n00:00.200 --> 00:00.900\nHello there\n")
    listed(folder, ["text.vtt"], "text.m3u8")
    subtitles = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="en",DEFAULT=YES,URI="text.m3u8"'
    rendition = '#EXT-X-STREAM-INF:BANDWIDTH=100000,SUBTITLES="s"\npicture.m3u8'
    (folder / "master.m3u8").write_text(f"#EXTM3U\n{subtitles}\n{rendition}\n")
    assert received(folder, "master.m3u8")[0] == 50


def test_a_film_whose_best_rendition_is_missing_is_read_once(folder: Path) -> None:
    listed(folder, ["0.ts", "1.ts"], "low.m3u8")
    renditions = "#EXT-X-STREAM-INF:BANDWIDTH=900000\ngone.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=100000\nlow.m3u8"
    (folder / "master.m3u8").write_text(f"#EXTM3U\n{renditions}\n")
    assert received(folder, "master.m3u8")[0] == 50


def test_a_key_that_is_missing_is_named_without_its_secrets(folder: Path) -> None:
    (folder / "0.ts").write_bytes(bytes(range(256)) * 64)
    key = '#EXT-X-KEY:METHOD=AES-128,URI="keys/1.key?token=secret"'
    (folder / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{key}\n#EXTINF:1.0,\n0.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match=r"its key http://[^ ]*/keys/1\.key cannot be fetched \(404\)") as caught:
        received(folder)
    assert "secret" not in str(caught.value)


def test_a_protected_list_is_named(folder: Path) -> None:
    (folder / "0.ts").write_bytes(bytes(range(256)) * 64)
    key = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://asset",KEYFORMAT="com.apple.streamingkeydelivery"'
    (folder / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{key}\n#EXTINF:1.0,\n0.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match="is protected"):
        received(folder)
