"""Music catalogs: columns of several layouts, and files that are wrong in every line."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.cli import main
from streamtags.core.errors import UsageError
from streamtags.music import rows as module
from streamtags.music.catalog import Catalog, read_catalog
from streamtags.music.columns import field_of, parse_duration, parse_list, parse_number

SHARED = Path(os.environ.get("STREAMTAGS_SHARED", "../shared")) / "media" / "catalogue"


def read(tmp_path: Path, text: str | bytes, suffix: str = ".csv") -> Catalog:
    path = tmp_path / f"catalog{suffix}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_catalog(path)


LAYOUTS = {
    "Harvest Media": "TRACK: Display Title,TRACK: Description,TRACK: Genre,TRACK: BPM,TRACK: Duration,TRACK: Composer,TRACK: Publisher",
    "SourceAudio": "Track Title,Description,Genres,BPM,Duration,Composers,Publishers",
    "Soundminer": "TrackTitle,Description,Genre,BPM,Duration,Composer,Publisher",
    "plain": "title,description,genres,bpm,duration_seconds,composer,publisher",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_columns_of_usual_layouts_are_understood(tmp_path: Path, layout: str) -> None:
    catalog = read(tmp_path, f'{LAYOUTS[layout]}\nDawn,"Slow strings, hopeful",Ambient; Film,72,3:31,A. Composer,House\n')
    (track,) = catalog.tracks.values()
    assert (track.title, track.description, track.genres) == ("Dawn", "Slow strings, hopeful", ("Ambient", "Film"))
    assert (track.bpm, track.duration_seconds) == (72, 211)
    assert track.texts == {"composer": "A. Composer", "publisher": "House"}
    assert catalog.problems == []


def test_tags_of_jamendo_keep_their_groups_however_many_there_are(tmp_path: Path) -> None:
    head = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
    catalog = read(
        tmp_path, head + "track_1\ta\tb\t1.mp3\t211.1\tgenre---rock\tmood/theme---sad\tinstrument---piano\tinstrument---voice\n", ".tsv"
    )
    track = catalog.tracks["track_1"]
    assert (track.genres, track.moods, track.instruments) == (("rock",), ("sad",), ("piano", "voice"))


def test_lists_of_musiccaps_and_of_json_are_lists(tmp_path: Path) -> None:
    catalog = read(tmp_path, "ytid,aspect_list,caption\nx,\"['low quality', 'it''s sad']\",A ballad.\n")
    assert catalog.tracks["x"].tags == ("low quality", "its sad")
    catalog = read(tmp_path, json.dumps({"id": 7, "title": "Dawn", "moods": ["calm", "warm"], "bpm": 90}) + "\n", ".jsonl")
    assert catalog.tracks["7"].moods == ("calm", "warm")


def test_each_mistake_is_named_with_its_line_and_the_other_rows_are_used(tmp_path: Path) -> None:
    rows = ["id,title,bpm,duration", "a,Dawn,fast,0", "b,Dusk,nan,1:99:zz", "a,Again,90,60", "c", ",,,", "d,,120,10", "e,Noon,1000,12"]
    catalog = read(tmp_path, "\n".join(rows))
    assert list(catalog.tracks) == ["a", "b", "e"]
    messages = {(one.line, one.message.partition(":")[0]) for one in catalog.problems}
    assert {(2, "bpm"), (2, "duration"), (3, "bpm"), (3, "duration"), (7, "nothing describes the track"), (8, "bpm")} <= messages
    assert (4, "the track 'a' is in line 2 already") in messages
    assert (5, "1 cells, but there are 4 columns") in messages
    assert catalog.skipped == 3


def test_numbers_may_have_a_decimal_comma(tmp_path: Path) -> None:
    catalog = read(tmp_path, "id;title;bpm\na;Dawn;90,5\nb;Dusk;1,200")
    assert (catalog.tracks["a"].tempo, [one.line for one in catalog.problems]) == (90.5, [3])


def test_a_line_without_end_is_skipped_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE", 1000)
    catalog = read(tmp_path, "id,title\na,Dawn\nb," + "x" * 50_000 + "\nc,Dusk\n")
    assert list(catalog.tracks) == ["a", "c"]
    assert [one.line for one in catalog.problems] == [3]


def test_a_quote_that_never_closes_does_not_take_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE", 1000)
    rows = "".join(f"t{number},Title {number}\n" for number in range(300))
    catalog = read(tmp_path, 'id,title\na,Dawn\nb,"open\n' + rows)
    assert "a" in catalog.tracks
    assert len(catalog.tracks) > 200
    assert any("not a row of a table" in one.message for one in catalog.problems)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("id;title\na;Café\n".encode("cp1252"), "Café"),
        ("\ufeffid;title\na;Café\n".encode(), "Café"),
        ("id;title\na;Café\n".encode("utf-16"), "Café"),
        (b"id;title\r\na;Da\0wn\r\n", "Dawn"),
    ],
)
def test_encodings_of_spreadsheets_are_read(tmp_path: Path, text: bytes, title: str) -> None:
    assert read(tmp_path, text).tracks["a"].title == title


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        ("", ".csv", "no column describes"),
        ("a,b,c\n1,2,3\n", ".csv", "no column describes"),
        ("id,title\n", ".xlsx", "no kind of catalog"),
        ("[]\n{\nnull\n", ".jsonl", "no column describes"),
    ],
)
def test_a_file_that_is_no_catalog_is_refused(tmp_path: Path, text: str, suffix: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, text, suffix)
    with pytest.raises(UsageError, match=r"cannot be read: No such file or directory; check the path"):
        read_catalog(tmp_path / "absent.csv")
    with pytest.raises(UsageError, match="is a folder"):
        read_catalog(tmp_path)


@given(st.binary(max_size=400), st.sampled_from([".csv", ".tsv", ".jsonl"]))
def test_no_bytes_raise_anything_but_an_error_for_people(tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / f"catalog{suffix}"
    path.write_bytes((b'{"title": "a"}\n' if suffix == ".jsonl" else b"id,title,bpm,duration,tags\n") + data)
    try:
        catalog = read_catalog(path)
    except UsageError:
        return
    assert all(track.track == key for key, track in catalog.tracks.items())


@given(st.text())
def test_no_heading_and_no_cell_raises(text: str) -> None:
    field_of(text)
    assert all(isinstance(word, str) and word for word in parse_list(text))
    for parse in (parse_number, parse_duration):
        with contextlib.suppress(ValueError):
            assert abs(parse(text)) < float("inf")


def test_the_command_prints_columns_and_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "catalog.csv"
    path.write_text("id,title,Mood\x1b[2J\na,Dawn,calm\nb,,\n", "utf-8")
    assert main(["library", "check", str(path)]) == 5
    out = capsys.readouterr().out
    assert "1 track can be used" in out
    assert "line 3: nothing describes the track (left out)" in out
    assert "\x1b" not in out
    assert main(["library", "check", str(path), "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["tracks"] == 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="the development catalogs are not here")
def test_real_catalogs_are_read_whole() -> None:
    captions = read_catalog(SHARED / "musiccaps-dev.csv")
    assert len(captions.tracks) > 3600
    assert captions.problem_count == 0
    assert all(track.description and track.tags for track in captions.tracks.values())
