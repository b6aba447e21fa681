"""Files that are no media: the message says what they look like, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.sources.file.looks import look_of
from streamtags.sources.file.sound_file import read_sound
from streamtags.sources.file.source import open_source

FILES = {
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3",
    "a ZIP archive": b"PK\x03\x04\x14\0\0\0",
    "a gzip archive": b"\x1f\x8b\x08\0\0\0\0\0",
    "a tar archive": b"film.mp4".ljust(257, b"\0") + b"ustar\x0000",
    "MIDI": b"MThd\0\0\0\6",
    "macOS": b"\0\5\x16\7\0\2\0\0",
    "zeros": bytes(5000),
    "JSON": b'{"title": "x"}',
    "an OpenTimelineIO edit": b'{\n  "OTIO_SCHEMA": "Timeline.1"',
    "a web page": b"<!DOCTYPE html>\n<html><body>Log in</body></html>",
    "a Final Cut Pro XML": b'<?xml version="1.0"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.9">',
    "an edit decision list": b"TITLE: Reel 1\r\nFCM: NON-DROP FRAME\r\n",
    "subtitles": b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHello\r\n",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    "a torrent": b"d8:announce30:http://tracker.example/announce",
    "text": b"Remember to record the film.\n",
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_no_film_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(FILES[name])
    with pytest.raises(SourceError, match=f"is .*{name}.*, not a video") as caught:
        open_source(str(path), IngestSettings())
    assert caught.value.hint
    assert caught.value.code == "source.not_video"


def test_in_a_folder_of_music_a_sound_file_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "track.mp3"
    path.write_bytes(FILES["JSON"])
    with pytest.raises(SourceError, match="is text in JSON, not a sound file"):
        next(iter(read_sound(str(path), IngestSettings())))


@pytest.mark.parametrize("head", [b"\0\0\0\x18ftypisom", b"\x1aE\xdf\xa3", b"G@\0\x10", b"RIFF\0\1\0\0AVI ", b"ID3\4", b"OggS\0", b""])
def test_media_look_like_nothing_else(head: bytes) -> None:
    assert look_of(head) is None
