"""Music libraries: folders of audio and catalogs, added again and again, with everything in them that can be wrong."""

from __future__ import annotations

import io
import json
import os
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamtags.cli import main
from streamtags.core.music import Track
from streamtags.sources.audio.tags import read_tags
from streamtags.store.sqlite.music_libraries import SqliteMusicLibraries

RATE = 24_000


def write_wave(path: Path, samples: np.ndarray, chunks: bytes = b"") -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    if chunks:
        data = path.read_bytes() + chunks
        path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    return path


def clicks(bpm: float, seconds: float, level: float = 0.8) -> np.ndarray:
    """Bursts of noise at a tempo."""
    samples = np.zeros(round(seconds * RATE))
    burst = np.random.default_rng(1).normal(0, 0.3, RATE // 50) * np.linspace(1, 0, RATE // 50)
    for at in np.arange(0, seconds - 0.1, 60 / bpm):
        samples[round(at * RATE) : round(at * RATE) + len(burst)] += burst * level
    return samples


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


Add = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Add:
    """Adds a path to the libraries of a store; returns the status and what changed."""

    def run(path: Path, *options: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = main(["library", "add", str(path), "--json", "--store", f"sqlite:///{tmp_path}/s.db", *options])
        return status, json.loads(capsys.readouterr().out)["libraries"][0]

    return run


def tracks_of(tmp_path: Path, name: str) -> dict[str, Track]:
    libraries = SqliteMusicLibraries(tmp_path / "s.db.files" / "music" / "libraries.db")
    try:
        return {track.track: track for track in libraries.tracks(name)}
    finally:
        libraries.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    write_wave(folder / "slow_dawn.wav", clicks(75, 12, 0.2))
    write_wave(folder / "chase.wav", clicks(150, 12))
    return folder


def test_a_folder_becomes_a_library_with_tempo_energy_and_hits(add: Add, folder: Path, tmp_path: Path) -> None:
    status, update = add(folder)
    assert (status, update["library"], update["tracks"], update["measured"]) == (0, "music", 2, 2)
    tracks = tracks_of(tmp_path, "music")
    slow, chase = (tracks[name].sound for name in ("slow_dawn.wav", "chase.wav"))
    assert tracks["slow_dawn.wav"].title == "slow dawn"
    assert slow.tempo_bpm == pytest.approx(75, abs=1)
    assert chase.tempo_bpm == pytest.approx(150, abs=2)
    assert chase.energy > slow.energy + 0.2
    assert chase.seconds == pytest.approx(12, abs=0.11)
    assert len(chase.curve) == pytest.approx(24, abs=1)
    beats = np.arange(0, 11.8, 60 / 150)
    assert all(np.abs(beats - hit).min() < 0.03 for hit in chase.hits)
    assert len(chase.hits) >= len(beats) - 2


def test_files_that_did_not_change_are_not_measured_again_and_missing_ones_are_named(add: Add, folder: Path) -> None:
    add(folder)
    assert add(folder)[1]["measured"] == 0
    (folder / "chase.wav").unlink()
    write_wave(folder / "slow_dawn.wav", clicks(90, 6))
    write_wave(folder / "new.wav", clicks(100, 6))
    _, update = add(folder)
    assert (update["measured"], update["added"], update["changed"], update["removed"]) == (2, 1, 1, ["chase.wav"])


def test_a_file_whose_time_alone_changed_is_one_change(add: Add, folder: Path) -> None:
    add(folder)
    os.utime(folder / "chase.wav", (1, 1))
    _, update = add(folder)
    assert (update["measured"], update["changed"], update["added"]) == (1, 1, 0)


def test_unreadable_files_are_named_and_the_rest_used(add: Add, folder: Path) -> None:
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("no music at all\n" * 50)
    (folder / "cut.ogg").write_bytes(b"OggS\0\2" + bytes(40))
    (folder / "picture.flac").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (folder / "a\nb.wav").write_bytes((folder / "chase.wav").read_bytes())
    status, update = add(folder)
    assert (status, update["tracks"]) == (5, 2)
    left_out = {problem["place"] for problem in update["problems"] if problem["skipped"]}
    assert left_out == {"empty.wav", "text.mp3", "cut.ogg", "picture.flac", repr("a\nb.wav")}
    assert all(problem["message"] for problem in update["problems"])


def test_a_file_that_becomes_unreadable_leaves_the_library(add: Add, folder: Path) -> None:
    add(folder)
    (folder / "chase.wav").write_bytes(b"")
    status, update = add(folder)
    assert (status, update["tracks"], update["removed"]) == (5, 1, ["chase.wav"])


def test_broadcast_wave_and_ixml_give_composer_publisher_and_rights(add: Add, folder: Path, tmp_path: Path) -> None:
    bext = b"Low strings, waiting".ljust(256, b"\0") + b"House Library".ljust(32, b"\0") + bytes(314)
    ixml = (
        b'<?xml version="1.0" encoding="UTF-8"?><BWFXML><ASWG><composer>A. Composer</composer><musicPublisher>Pub</musicPublisher>'
        b"<rightsOwner>House</rightsOwner><tempo>75</tempo><mood>tense, dark</mood></ASWG></BWFXML>"
    )
    write_wave(folder / "low.wav", clicks(75, 6), chunk(b"bext", bext) + chunk(b"iXML", ixml))
    write_wave(folder / "evil.wav", clicks(75, 6), chunk(b"iXML", b'<!DOCTYPE x [<!ENTITY a "b">]><BWFXML>&a;</BWFXML>'))
    assert add(folder)[0] == 0
    low = tracks_of(tmp_path, "music")["low.wav"]
    assert (low.description, low.bpm, low.moods) == ("Low strings, waiting", 75, ("tense", "dark"))
    assert {name: low.texts[name] for name in ("composer", "publisher", "license", "library")} == {
        "composer": "A. Composer",
        "publisher": "Pub",
        "license": "House",
        "library": "House Library",
    }


def wave_of(*chunks: bytes, kind: bytes = b"RIFF") -> bytes:
    format_chunk = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16))
    body = b"WAVE" + format_chunk + b"".join(chunks)
    return kind + struct.pack("<I", len(body)) + body


IXML = "<BWFXML><ASWG><composer>Ang\u00e9lique S\u00f8rli</composer></ASWG></BWFXML>"
DATA = chunk(b"data", bytes(80))
LONG = b"data" + b"\xff" * 4 + bytes(80)  # its size is in ds64


@pytest.mark.parametrize(
    "content",
    [
        wave_of(DATA, chunk(b"iXML", IXML.encode())),
        wave_of(chunk(b"iXML", IXML.encode("cp1252")), DATA),
        wave_of(DATA, chunk(b"iXML", b'<?xml version="1.0" encoding="UTF-8"?>' + IXML.encode("cp1252"))),
        wave_of(DATA, chunk(b"iXML", b'<?xml version="1.0" encoding="ISO-8859-1"?>' + IXML.encode("cp1252"))),
        wave_of(DATA, chunk(b"iXML", IXML.encode("utf-16"))),
        wave_of(DATA, chunk(b"iXML", b"\0\0" + IXML.encode() + b"\0\0 rest")),
        wave_of(b"odd " + struct.pack("<I", 3) + b"abc", chunk(b"iXML", IXML.encode()), DATA),
        wave_of(chunk(b"ds64", struct.pack("<QQQI", 0, 80, 0, 0)), LONG, chunk(b"iXML", IXML.encode()), kind=b"RF64"),
    ],
    ids=["after", "1252", "1252 declared as UTF-8", "declared", "UTF-16", "with rest", "odd size", "RF64"],
)
def test_ixml_is_read_in_every_encoding_and_place(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    texts, _ = read_tags(path)
    assert texts["composer"] == "Ang\u00e9lique S\u00f8rli"


@pytest.mark.parametrize(
    "content",
    [
        wave_of(DATA, b"iXML" + struct.pack("<I", 500) + IXML.encode()[:30]),
        wave_of(DATA, chunk(b"iXML", b"no XML")),
        wave_of(DATA, chunk(b"iXML", b'<!DOCTYPE x [<!ENTITY a "b">]><BWFXML>&a;</BWFXML>')),
    ],
    ids=["cut", "text", "entities"],
)
def test_ixml_that_cannot_be_read_is_named_and_the_rest_is_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content[:12] + chunk(b"bext", "Caf\u00e9, evening".encode("cp1252").ljust(602, b"\0")) + content[12:])
    texts, problem = read_tags(path)
    assert texts["description"] == "Caf\u00e9, evening"
    assert problem is not None
    assert problem.startswith("its iXML cannot be read: ")


def test_a_catalog_in_the_folder_completes_its_files(add: Add, folder: Path, tmp_path: Path) -> None:
    head = "file,title,moods,license\n"
    (folder / "list.csv").write_text(f"{head}Chase.WAV,The Chase,tense,CC-BY\ngone.wav,Gone,sad,CC-BY\n")
    status, update = add(folder)
    assert status == 0
    chase = tracks_of(tmp_path, "music")["chase.wav"]
    assert (chase.title, chase.moods, chase.texts["license"]) == ("The Chase", ("tense",), "CC-BY")
    assert any(problem["place"] == "list.csv line 3" and "gone.wav" in problem["message"] for problem in update["problems"])


def test_a_catalog_keeps_its_rights_and_its_wrong_lines_are_named(add: Add, tmp_path: Path) -> None:
    catalog = tmp_path / "house.csv"
    head = "id,title,bpm,composer,publisher,society,license\n"
    rows = ["1,Dawn,NaN,A,P,BMI,CC-BY", "1,Again,90,A,P,BMI,CC-BY", "2,D\xe9part,80,B,P,SACEM,house"]
    catalog.write_bytes((head + "\n".join(rows) + "\n").encode("cp1252") + b"3," + b"x" * (2 << 20) + b"\n4,Last,60,C,P,PRS,house\n")
    status, update = add(catalog)
    assert (status, update["tracks"], update["measured"]) == (5, 3, 0)
    places = {problem["place"]: problem["message"] for problem in update["problems"]}
    assert set(places) == {"house.csv line 2", "house.csv line 3", "house.csv line 4", "house.csv line 5"}
    tracks = tracks_of(tmp_path, "house")
    assert tracks["2"].title == "Départ"
    assert tracks["4"].texts == {"composer": "C", "publisher": "P", "society": "PRS", "license": "house"}
    assert tracks["1"].bpm is None


def test_a_catalog_measures_the_files_it_names_below_its_folder_and_no_others(add: Add, folder: Path, tmp_path: Path) -> None:
    write_wave(tmp_path / "outside.wav", clicks(100, 6))
    (folder / "list.csv").write_text("id,title,path\n1,Chase,chase.wav\n2,Out,../outside.wav\n3,Abs,/etc/passwd\n4,Nul,a\0.wav\n")
    _, update = add(folder / "list.csv", "--name", "listed")
    assert (update["tracks"], update["measured"]) == (4, 1)
    tracks = tracks_of(tmp_path, "listed")
    assert [name for name, track in tracks.items() if track.sound is not None] == ["1"]


def test_libraries_are_listed_and_removed(
    add: Add, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(folder)
    store = ["--store", f"sqlite:///{tmp_path}/s.db"]
    assert main(["library", "list", *store]) == 0
    assert "music  2 tracks  folder" in capsys.readouterr().out
    assert main(["library", "remove", "musik", *store]) == 2
    assert "did you mean 'music'?" in capsys.readouterr().err
    terminal = io.StringIO("n\n")
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    assert main(["library", "remove", "music", *store]) == 0
    assert "remove music (2 tracks)? Its files stay. [y/N] nothing was removed" in capsys.readouterr().err
    assert main(["library", "remove", "music", "--yes", *store]) == 0
    assert main(["library", "list", *store, "--json"]) == 0
    assert '{"libraries": []}' in capsys.readouterr().out


def test_a_name_belongs_to_one_place(add: Add, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder)
    other = tmp_path / "other" / "music"
    other.mkdir(parents=True)
    write_wave(other / "x.wav", clicks(100, 6))
    store = ["--store", f"sqlite:///{tmp_path}/s.db"]
    assert main(["library", "add", str(other), *store]) == 2
    assert "belongs to the library of" in capsys.readouterr().err
    assert main(["library", "add", str(other), "--name", "other music", *store]) == 0


@pytest.mark.parametrize("name", ["nowhere", "film.mp4", ""])
def test_what_is_no_library_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "film.mp4").write_bytes(b"x")
    status = main(["library", "add", str(tmp_path / (name or "empty")), "--store", f"sqlite:///{tmp_path}/s.db"])
    assert status == 2
    assert capsys.readouterr().err.count("\n") == 1
