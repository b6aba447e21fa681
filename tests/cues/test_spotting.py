"""Spotting on constructed films: where cues begin and end, what they meet, how they are numbered."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamtags.core.cue_events import CueDetected
from streamtags.core.events import SceneCorrected
from streamtags.core.fold import fold
from streamtags.core.state import SpottedCue, TimelineState
from streamtags.cues.film import film_of
from streamtags.cues.spotting import SpotSettings, spot
from streamtags.testing import make_events
from tests.cues.films import Part, film_payloads, make_film, talk

CALM, TENSE, HAPPY = {"Calm": 0.9, "Sea": 0.5}, {"Tense": 0.9, "Dark": 0.6}, {"Happy": 0.9, "Sunny": 0.7}


def spots(state: TimelineState, **options: Any) -> list[CueDetected]:
    film = film_of(state)
    assert film is not None
    return spot(film, SpotSettings(**options))


def spans(cues: list[CueDetected]) -> list[tuple[str, float, float]]:
    return [(cue.cue, cue.start.seconds, cue.end.seconds) for cue in cues]


def test_dialogue_source_music_and_changes_of_mood_divide_a_film() -> None:
    film = make_film(
        Part(20, 4, CALM),
        Part(30, 6, CALM, lines=talk(30)),
        Part(24, 4, TENSE, energies=[0.3, 0.8]),
        Part(16, 2, HAPPY, has_music=True),
        Part(20, 4, HAPPY),
        Part(20, 4, TENSE),
    )
    assert spans(spots(film)) == [
        ("1M1", 0, 20),
        ("1M2", 50, 74),
        ("1M3S", 74, 90),
        ("1M4", 90, 110),
        ("1M5", 110, 130),
    ]


def test_reasons_quote_the_caption_the_line_and_the_mood() -> None:
    film = make_film(Part(12, 2, CALM), Part(15, 2, TENSE, lines=talk(15)), Part(12, 2, TENSE), Part(12, 2, HAPPY))
    first, second, third = spots(film)
    assert first.reason.startswith("Begins on the cut to “Shot 0 of something.”; ends before the conversation that begins “Line at 12”.")
    assert "after the line “Line at 24”" in second.reason
    assert "ends with the mood: Tense 0.90, Dark 0.60 becomes Happy 0.90, Sunny 0.70" in second.reason
    assert "no dialogue" in third.reason
    assert "energy 0.30" in third.reason


def test_a_cue_that_ends_between_scenes_quotes_what_changes_between_those_two() -> None:
    mixed = make_film(Part(12, 2, {**CALM, "Warm": 0.4}), Part(12, 2, CALM), Part(12, 2, CALM, energies=[0.9]), Part(12, 2, TENSE, [0.8]))
    one, two, _ = spots(mixed)
    assert "ends with the energy: 0.30 becomes 0.90" in one.reason
    assert "ends with the mood: Calm 0.90, Sea 0.50 becomes Tense 0.90" in two.reason
    long = make_film(*[Part(40, 4, CALM)] * 7)
    assert "ends where it would be too long for one cue" in spots(long)[0].reason


def test_scenes_of_one_mood_are_one_cue() -> None:
    assert spans(spots(make_film(Part(12, 2, CALM), Part(12, 2, CALM), Part(12, 2, TENSE)))) == [("1M1", 0, 24), ("1M2", 24, 36)]


def test_a_scene_that_a_person_split_is_two_cues_and_one_that_was_merged_is_one() -> None:
    payloads = film_payloads([Part(20, 4, CALM), Part(20, 4, CALM)])
    correction = SceneCorrected(segment="s0002", begins=True, by="ada")
    cues = spots(fold(make_events([*payloads[:5], correction, *payloads[5:]])))
    assert spans(cues) == [("1M1", 0, 10), ("1M2", 10, 40)]
    assert "ends with the scene, which a person split there" in cues[0].reason
    merged = film_payloads([Part(20, 4, CALM), Part(20, 4, TENSE)])
    merged.insert(1, SceneCorrected(segment="s0004", begins=False, by="ada"))
    assert spans(spots(fold(make_events(merged)))) == [("1M1", 0, 40)]


def test_a_short_exchange_may_lie_over_music() -> None:
    (cue,) = spots(make_film(Part(40, 4, CALM, lines=[(15, 18), (19, 21)])))
    assert (cue.start.seconds, cue.end.seconds, cue.usage) == (0, 40, "background")
    assert "12% dialogue" in cue.reason


def test_a_cue_begins_after_a_line_that_reaches_over_the_cut() -> None:
    film = make_film(Part(20, 1, CALM, lines=[*talk(18), (18.0, 21.6)]), Part(20, 4, TENSE))
    (cue,) = spots(film)
    assert cue.start.seconds == pytest.approx(21.6)
    assert "after the line" in cue.reason


def test_hit_points_are_the_cuts_at_which_much_changes_exactly() -> None:
    film = make_film(Part(24, 4, CALM, energies=[0.2, 0.2, 0.9, 0.9]), Part(24, 4, CALM, energies=[0.4]), rate=Fraction(24000, 1001))
    (cue,) = spots(film)
    segments = {segment.start.pts for segment in film.segments}
    assert [hit.at.pts for hit in cue.hits] == [film.segments[2].start.pts, film.segments[4].start.pts]
    assert {hit.at.pts for hit in cue.hits} <= segments
    assert cue.hits[0].reason == "cut, “Shot 2 of something.”, energy 0.20 to 0.90"


def test_a_driving_picture_wants_faster_music_than_a_still_one() -> None:
    still, driving = (spots(make_film(Part(20, 2, CALM, energies=[energy])))[0] for energy in (0.1, 0.9))
    assert still.bpm[1] < driving.bpm[0]
    assert (still.usage, driving.usage) == ("background", "featured")
    assert driving.intensity == [0.9] * 10


def test_the_curve_follows_the_picture() -> None:
    (cue,) = spots(make_film(Part(20, 2, CALM, energies=[0.2, 0.4])))
    assert cue.intensity == [0.2] * 5 + [0.4] * 5


def test_cues_are_numbered_by_reel() -> None:
    film = make_film(*(Part(30, 2, (CALM, TENSE)[number % 2]) for number in range(4)))
    assert [cue.cue for cue in spots(film, reel_seconds=60)] == ["1M1", "1M2", "2M1", "2M2"]


def test_a_temporary_mix_is_spotted_over() -> None:
    film = make_film(Part(20, 2, CALM, has_music=True))
    assert [cue.usage for cue in spots(film)] == ["source"]
    assert spans(spots(film, is_over_music=True)) == [("1M1", 0, 20)]


def test_what_a_person_decided_keeps_its_span_and_number() -> None:
    film = film_of(make_film(Part(20, 2, CALM), Part(20, 2, TENSE)))
    first, second = spot(film)
    moved = SpottedCue(cue="1M1", start=film.time(3.0), end=film.time(14.0), reason="mine", decision="accepted")
    assert spans(spot(film, kept=[moved])) == [("1M2", 14, 20), ("1M3", 20, 40)]
    assert first.cue == "1M1"
    assert second.cue == "1M2"


def test_a_film_of_dialogue_alone_has_no_cue_and_nothing_has_none() -> None:
    assert spots(make_film(Part(60, 6, CALM, lines=talk(60)))) == []
    assert film_of(TimelineState()) is None


def test_without_transcripts_measured_speech_keeps_music_out() -> None:
    state = make_film(Part(20, 2, CALM), Part(20, 2, CALM))
    talking = {segment.segment: segment for segment in state.segments[2:]}
    changed = [
        segment.model_copy(
            update={"answers": {}, "evidence": {"arousal_estimate": 0.3, "speech_share": 0.8 if segment.segment in talking else 0.0}}
        )
        for segment in state.segments
    ]
    assert spans(spots(state.model_copy(update={"segments": tuple(changed)}))) == [("1M1", 0, 20)]


parts = st.builds(
    Part,
    seconds=st.integers(4, 40).map(float),
    shots=st.integers(1, 6),
    tags=st.sampled_from([CALM, TENSE, HAPPY, {}]),
    energies=st.lists(st.floats(0, 1), min_size=1, max_size=3),
    lines=st.lists(st.tuples(st.floats(0, 45), st.floats(0.3, 6)).map(lambda line: (line[0], line[0] + line[1])), max_size=8),
    has_music=st.sampled_from([False, False, False, True]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(parts, min_size=1, max_size=6), st.booleans())
def test_no_cue_begins_inside_a_line_or_over_source_music_or_overlaps_another(made: list[Part], is_over_music: bool) -> None:
    state = make_film(*made)
    film = film_of(state)
    cues = spot(film, SpotSettings(is_over_music=is_over_music))
    for cue in cues:
        assert cue.start.pts < cue.end.pts
        assert film.shots[0].start <= cue.start.seconds
        assert cue.end.seconds <= max(film.shots[-1].end, max((line.end for line in film.lines), default=0))
        if cue.usage != "source":
            assert not any(line.start < cue.start.seconds < line.end for line in film.lines)
            assert cue.end.seconds - cue.start.seconds >= SpotSettings().min_seconds - 0.001
            assert all(cue.start.seconds <= hit.at.seconds <= cue.end.seconds for hit in cue.hits)
            assert {hit.at.pts for hit in cue.hits} <= {segment.start.pts for segment in state.segments}
            assert is_over_music or not any(span.start < cue.start.seconds < span.end for span in film.music)
    assert all(one.end.pts <= two.start.pts for one, two in pairwise(cues))
    assert len({cue.cue for cue in cues}) == len(cues)
    assert cues == spot(film, SpotSettings(is_over_music=is_over_music))
