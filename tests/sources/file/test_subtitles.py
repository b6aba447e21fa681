"""Subtitle files, as people really write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import Subtitle
from streamtags.sources.file.sidecar import read_sidecar
from streamtags.sources.file.subtitles import from_ass, parse_subtitles

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>\nyou\n\n2\n00:00:03,000 --> 00:00:04,000\n{\\an8}Second &amp; last\n"
CUES = [Subtitle(1.0, 2.5, "Hello there\nyou"), Subtitle(3.0, 4.0, "Second & last")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_line_end_and_encoding(end: str, encoding: str) -> None:
    assert parse_subtitles(SRT.replace("\n", end).encode(encoding)) == CUES


def test_windows_text_keeps_its_accents() -> None:
    assert parse_subtitles("1\n00:00:01,000 --> 00:00:02,000\nça va “là”".encode("cp1252"))[0].text == "ça va “là”"


def test_webvtt_with_header_notes_settings_and_short_times() -> None:
    vtt = (
        "WEBVTT - a film\n\nSTYLE\n::cue { color: red }\n\nNOTE ignored --\nthis\n\n"
        "intro\n00:01.000 --> 00:02.500 align:start line:0\n"
        "<v Ann>Hello <00:01.500>there\nyou\n\n00:03.000 --> 00:04.000\nSecond &amp; last"
    )
    assert parse_subtitles(vtt.encode()) == CUES


def test_bad_cues_are_skipped_and_the_good_ones_kept_in_order() -> None:
    text = (
        "garbage\n2\n00:00:03,000 --> 00:00:04,000\nSecond &amp; last\n3\n00:00:01,0 --> 00:00:02,5\nHello there\nyou\n"
        "\n4\n00:00:09,000 --> 00:00:05,000\nends before it begins\n\n"
        "5\n00:00:xx --> 00:00:05,000\nno time\n\n6\n00:00:07,000 --> 00:00:08,000\n<b></b>\n"
    )
    assert parse_subtitles(text.encode()) == CUES


@pytest.mark.parametrize(
    "times",
    [
        "00:00:01:000 --> 00:00:02:500",
        "00:00:01, 000 --> 00:00:02, 500",
        "00:00:01,000-->00:00:02,500",
        "00:00:01,000 -> 00:00:02,500",
        "00:00:01,000 –> 00:00:02,500",
        "00:00:01,000 --&gt; 00:00:02,500",
        "0:0:1.0 --> 0:0:2.5 X1:100 X2:200 Y1:50 Y2:60",
    ],
)
def test_times_and_arrows_that_programs_have_damaged(times: str) -> None:
    assert parse_subtitles(f"1\n{times}\nHello there\nyou\n".encode()) == CUES[:1]


def test_joined_files_have_marks_in_the_middle() -> None:
    one, two = SRT.split("\n\n2\n")
    assert parse_subtitles(f"{one}\n\n".encode("utf-8-sig") + f"2\n{two}".encode("utf-8-sig")) == CUES


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("{y:i}Hello", "Hello"),
        ("\u202bHello\u202c", "Hello"),
        ("<ruby>漢<rt>kan</rt></ruby>字", "漢字"),
        ("C:\\p1 is a folder {not here}", "C:\\p1 is a folder {not here}"),
    ],
)
def test_marks_that_are_not_spoken_are_removed(words: str, left: str) -> None:
    assert [cue.text for cue in parse_subtitles(f"1\n00:00:01,000 --> 00:00:02,000\n{words}\n".encode())] == [left]


def test_a_drawing_in_a_file_that_was_converted_is_no_speech() -> None:
    assert parse_subtitles(b"1\n00:00:01,000 --> 00:00:02,000\n{\\p1}m 0 0 l 100 0 100 100{\\p0}\n") == []


def test_an_arrow_in_a_line_of_ass_does_not_make_it_another_format() -> None:
    text = ASS.replace("Hello {\\i1}there{\\i0}\\Nyou", "A --> B")
    assert [cue.text for cue in parse_subtitles(text.encode())] == ["A --> B", "Second & last"]


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    cues = parse_subtitles(b"1\n00:00:01,000 --> 00:00:02,000\n" + data)
    assert all(cue.end > cue.start >= 0 and cue.text for cue in cues)
    assert cues == sorted(cues, key=lambda cue: (cue.start, cue.end))


def test_ass_loses_overrides_and_drawings() -> None:
    assert from_ass(r"{\an8\b1}One\Ntwo\hthree{\i0}") == "One\ntwo three"
    assert from_ass(r"{\p1}m 0 0 l 100 0 100 100{\p0}") == ""


def test_the_file_of_the_same_name_beside_the_film(tmp_path: Path) -> None:
    film = tmp_path / "film.part1.mp4"
    assert read_sidecar(film) == []
    (tmp_path / "film.srt").write_text(SRT)
    assert read_sidecar(film) == []
    (tmp_path / "film.part1.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nfrom vtt\n")
    assert [cue.text for cue in read_sidecar(film)] == ["from vtt"]
    (tmp_path / "film.part1.srt").write_text(SRT)
    assert read_sidecar(film) == CUES


def test_a_link_beside_the_film_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(SRT)
    (tmp_path / "film.srt").symlink_to(tmp_path / "secret.txt")
    assert read_sidecar(tmp_path / "film.mp4") == []


ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,a note
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\an8}Second & last
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,Hello {\\i1}there{\\i0}\\Nyou
Dialogue: 0,0:00:05.00,0:00:04.00,Default,,0,0,0,,ends before it begins
Dialogue: 0,0:00:06.00,0:00:07.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0{\\p0}
Dialogue: 0,nonsense
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ass_files_with_comments_overrides_and_drawings(encoding: str, end: str) -> None:
    assert parse_subtitles(ASS.replace("\n", end).encode(encoding)) == CUES


def test_ssa_files_with_fields_in_another_order() -> None:
    ssa = "[Script Info]\n[Events]\nFormat: Marked, End, Start, Text\nDialogue: Marked=0,0:00:02.5,0:00:01.0,Hello there\\nyou\n"
    assert parse_subtitles(ssa.encode()) == CUES[:1]


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_breaks_the_ass_parser(fields: str, dialogue: str) -> None:
    for cue in parse_subtitles(f"[Script Info]\nFormat: {fields}\nDialogue: {dialogue}\n".encode()):
        assert cue.end > cue.start >= 0


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["film.en.srt"], "film.en.srt"),
        (["film.de.srt", "film.en.srt", "film.fr.srt"], "film.en.srt"),
        (["film.srt", "film.en.srt"], "film.srt"),
        (["film.en.forced.srt", "film.en.srt"], "film.en.srt"),
        (["film.pt-BR.srt", "film.zh.ass"], "film.pt-BR.srt"),
        (["film.fr.vtt", "film.eng.ass"], "film.eng.ass"),
        (["film.ass"], "film.ass"),
        (["FILM.SRT", "film.SRT"], "film.SRT"),
        (["film.mp4.srt"], "film.mp4.srt"),
        (["film.mp4.en.vtt", "film.de.srt"], "film.mp4.en.vtt"),
        (["film.German.srt", "film.English.srt"], "film.English.srt"),
        (["film.zh-Hant-TW.srt"], "film.zh-Hant-TW.srt"),
        (["film.auto.en.vtt"], "film.auto.en.vtt"),
        (["film.trailer.srt", "film.mp4.trailer.srt"], None),
        (["film.part2.srt", "film2.srt", "film.en.srt.bak", "film.srt.txt"], None),
    ],
)
def test_which_file_beside_the_film_is_read(tmp_path: Path, names: list[str], chosen: str | None) -> None:
    for name in names:
        (tmp_path / name).write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{name}\n" if "ass" not in name else ass(name))
    assert [cue.text for cue in read_sidecar(tmp_path / "film.mp4")] == ([] if chosen is None else [chosen])


def ass(text: str) -> str:
    return f"[Script Info]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{text}\n"


def test_a_file_without_cues_gives_way_to_the_next(tmp_path: Path) -> None:
    (tmp_path / "film.srt").write_text("nothing\n")
    (tmp_path / "film.en.srt").write_text(SRT)
    assert read_sidecar(tmp_path / "film.mp4") == CUES
