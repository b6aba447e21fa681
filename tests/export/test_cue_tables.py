"""Spotting sheets and cue sheets, read back by a CSV parser that is not the one that wrote them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from streamtags.core.cue_events import Cue, CueDecided
from streamtags.core.fold import fold
from streamtags.core.state import TimelineState
from streamtags.cues.film import film_of
from streamtags.cues.spotting import spot
from streamtags.export import ExportOptions, TimelineView, find_format
from streamtags.testing import make_events
from tests.cues.films import Part, film_payloads

NTSC = Fraction(30000, 1001)


def spotted(rate: Fraction = Fraction(25), start: str = "01:00:00:00", *, title: str = 'Dawn, "first"\nlight') -> TimelineState:
    payloads = film_payloads(
        [Part(20, 4, {"Calm": 0.9}), Part(50, 4, {"Tense": 0.9}, energies=[0.2, 0.8]), Part(20, has_music=True)], rate, start
    )
    film = film_of(fold(make_events(payloads)))
    rights = {"composer": "A. Composer", "publisher": "House", "society": "BMI", "license": "CC-BY"}
    chosen = Cue(track="dawn.wav", title=title, artist="Anon", score=0.7, why="calm", rights=rights)
    decided = CueDecided(cue="1M1", track="dawn.wav", decision="accepted", by="ada", chosen=chosen)
    return fold(make_events([*payloads, *spot(film), decided]))


def parse_csv(text: str) -> list[dict[str, str]]:
    """Read RFC 4180 character by character."""
    rows, row, cell, quoted, at = [], [], "", False, 0
    while at < len(text):
        sign, at = text[at], at + 1
        if quoted:
            if sign == '"' and text[at : at + 1] == '"':
                cell, at = cell + '"', at + 1
            elif sign == '"':
                quoted = False
            else:
                cell += sign
        elif sign == '"':
            quoted = True
        elif sign in ",\n":
            row, cell = [*row, cell.removesuffix("\r")], ""
            if sign == "\n":
                rows, row = [*rows, row], []
        else:
            cell += sign
    assert not cell
    assert all(len(each) == len(rows[0]) for each in rows)
    return [dict(zip(rows[0], each, strict=True)) for each in rows[1:]]


def rows_of(name: str, state: TimelineState, **options: object) -> list[dict[str, str]]:
    chosen = ExportOptions.read(options)
    return parse_csv(find_format(name).render(TimelineView.of(state, [], chosen), chosen).decode())


def test_a_spotting_sheet_has_every_cue_with_its_hit_points_and_reason() -> None:
    rows = rows_of("spotting-csv", spotted())
    assert [(row["cue"], row["reel"], row["in"], row["out"], row["duration"]) for row in rows] == [
        ("1M1", "1", "01:00:00:00", "01:00:20:00", "00:00:20:00"),
        ("1M2", "1", "01:00:20:00", "01:01:10:00", "00:00:50:00"),
        ("1M3S", "1", "01:01:10:00", "01:01:30:00", "00:00:20:00"),
    ]
    assert rows[1]["hit_points"].startswith("01:00:32:12 cut, “Shot 5 of something.”")
    assert rows[0]["status"] == "accepted"
    assert rows[1]["tempo_bpm"].count("-") == 1


def test_a_cue_sheet_has_the_accepted_tracks_with_their_rights_and_the_source_music() -> None:
    dawn, source = rows_of("cue-sheet", spotted())
    expected = {
        "usage": "BI",
        "composer": "A. Composer",
        "publisher": "House",
        "society": "BMI",
        "share_percent": "100",
        "license": "CC-BY",
    }
    assert {name: dawn[name] for name in expected} == expected
    assert dawn["title"].split() == ["Dawn,", '"first"', "light"]
    assert (source["cue"], source["usage"], source["title"]) == ("1M3S", "VI", "")


@pytest.mark.parametrize(
    ("start", "labels"),
    [
        ("01:00:00;00", ("01:00:19;29", "01:01:10;00", "00:00:49;29")),  # 599 and 2098 frames; 2 labels are skipped after a minute
        ("01:00:00:00", ("01:00:19:29", "01:01:09:28", "00:00:49:29")),
    ],
    ids=["drop", "non-drop"],
)
def test_times_count_as_the_timecode_of_the_film_does(start: str, labels: tuple[str, str, str]) -> None:
    row = rows_of("spotting-csv", spotted(NTSC, start))[1]
    assert (row["in"], row["out"], row["duration"]) == labels


def test_another_rate_and_start_are_taken() -> None:
    rows = rows_of("spotting-csv", spotted(), rate="50", start_timecode="10:00:00:00")
    assert rows[1]["in"] == "10:00:20:00"


def test_no_cell_is_a_formula_and_a_timeline_without_cues_has_a_header_only() -> None:
    dawn, _ = rows_of("cue-sheet", spotted(title="=1+1"))
    assert dawn["title"].startswith("'")
    state = fold(make_events(film_payloads([Part(5)])))
    assert rows_of("cue-sheet", state) == rows_of("spotting-csv", state) == []
