"""Ranking: words, guides, limits, tempo, energy, dialogue, diversity, rejected tracks; always in the same order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamtags.core.music import Track, TrackSound
from streamtags.music.guide import Guide, Range, parse_guide
from streamtags.music.index import TrackIndex, build_index
from streamtags.music.ranking import Limits, Wanted, best_places, rank
from streamtags.music.words import terms

MOODS = ["hopeful", "sad", "tense", "playful", "dark", "romantic", "epic", "calm"]
INSTRUMENTS = ["piano", "strings", "guitar", "drums", "synth", "vocals"]


class HashedWords:
    """Embeds texts by their words: enough to rank by."""

    name = "hashed"

    @staticmethod
    @cache
    def _vector(word: str) -> np.ndarray:
        return np.random.default_rng(int.from_bytes(word.encode(), "big") % (1 << 60)).normal(size=64)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), 64), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in terms(text):
                vector += self._vector(word)
            if norm := np.linalg.norm(vector):
                vector /= norm
        return vectors


EMBEDDER = HashedWords()


def made_track(number: int, rng: random.Random) -> Track:
    return Track(
        f"t{number:03}",
        number,
        title=f"Title {number}",
        moods=(rng.choice(MOODS),),
        instruments=tuple(rng.sample(INSTRUMENTS, 2)),
        bpm=rng.choice([None, rng.uniform(60, 180)]),
        duration_seconds=rng.choice([None, rng.uniform(20, 300)]),
        texts={"license": rng.choice(["CC-BY 4.0", "house", ""]), "artist": rng.choice(["A", "B", ""])},
    )


def made_index(*tracks: Track) -> TrackIndex:
    return build_index(sorted(tracks, key=lambda track: track.track), EMBEDDER)


TRACKS = [made_track(number, random.Random(number)) for number in range(120)]
INDEX = made_index(*TRACKS)
BY_ID = {track.track: track for track in TRACKS}

wishes = st.builds(
    Wanted,
    words=st.sampled_from(["", "A man walks home in the rain.", "hopeful piano", "tense strings, dark"]),
    tags=st.lists(st.tuples(st.sampled_from(MOODS), st.floats(0, 1)), max_size=3).map(tuple),
    energy=st.none() | st.floats(0, 1),
    bpm=st.builds(Range, st.none() | st.floats(60, 100), st.none() | st.floats(100, 180)),
    seconds=st.none() | st.floats(1, 400),
    dialogue_share=st.floats(0, 1),
)
guides = st.sampled_from(["", "slower, only piano, hopeful", "+drums -vocals:0.5", "much calmer", "no vocals", "under 120 bpm"]).map(
    parse_guide
)
limits = st.builds(
    Limits,
    bpm=st.builds(Range, st.none() | st.floats(60, 90), st.none() | st.floats(110, 180)),
    seconds=st.builds(Range, st.none() | st.floats(20, 60), st.none()),
    is_instrumental=st.booleans(),
    licenses=st.sampled_from([(), ("cc-by",), ("house", "CC")]),
    used=st.frozensets(st.sampled_from(sorted(BY_ID)), max_size=5),
)


@settings(max_examples=40, deadline=None)
@given(wishes, guides, limits, st.lists(st.sampled_from(sorted(BY_ID)), max_size=4), st.integers(1, 30))
def test_every_result_passes_the_limits_and_the_order_is_always_the_same(
    wanted: Wanted, guide: Guide, limit: Limits, rejected: list[str], top: int
) -> None:
    ranked = rank(INDEX, EMBEDDER, wanted, guide, limits=limit, rejected=rejected, top=top)
    assert ranked == rank(INDEX, EMBEDDER, wanted, guide, limits=limit, rejected=list(reversed(rejected)), top=top)
    names = [each.track for each in ranked]
    assert len(set(names)) == len(names) <= top
    assert not set(names) & (set(rejected) | limit.used)
    for each in ranked:
        track, allowed = BY_ID[each.track], limit.bpm.narrowed(guide.bpm)
        assert 0 <= each.score <= 1
        assert all(np.isfinite(list(each.parts.values())))
        if allowed.low is not None:
            assert track.bpm is not None
            assert track.bpm >= allowed.low - 1e-3
        if allowed.high is not None:
            assert track.bpm is not None
            assert track.bpm <= allowed.high + 1e-3
        if limit.is_instrumental or guide.is_instrumental:
            assert "vocals" not in track.instruments
        if limit.licenses:
            assert any(word.casefold() in track.texts["license"].casefold() for word in limit.licenses)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([-np.inf, -1.0, 0.25, 0.25, 0.5, 2.0]), min_size=1, max_size=60), st.data())
def test_the_short_list_is_the_beginning_of_the_full_ranking(values: list[float], data: st.DataObject) -> None:
    total, count = np.array(values), data.draw(st.integers(1, len(values)))
    full = sorted(range(len(values)), key=lambda place: (-values[place], place))
    assert best_places(total, count).tolist() == full[:count]


@settings(max_examples=20, deadline=None)
@given(wishes, guides, st.integers(1, 30))
def test_a_longer_list_begins_with_the_shorter_one(wanted: Wanted, guide: Guide, top: int) -> None:
    assert rank(INDEX, EMBEDDER, wanted, guide, top=top) == rank(INDEX, EMBEDDER, wanted, guide, top=120)[:top]


@settings(max_examples=20, deadline=None)
@given(wishes, guides)
def test_the_score_rises_with_the_sum_of_its_parts(wanted: Wanted, guide: Guide) -> None:
    ranked = rank(INDEX, EMBEDDER, wanted, guide, top=120)
    by_score = sorted(ranked, key=lambda each: -each.score)
    sums = [sum(each.parts.values()) for each in by_score]
    assert all(one >= two - 0.02 for one, two in pairwise(sums))  # parts are rounded
    assert ranked[0].score == by_score[0].score


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False), wishes, guides)
def test_the_order_in_which_a_catalog_lists_its_tracks_does_not_matter(rng: random.Random, wanted: Wanted, guide: Guide) -> None:
    shuffled = TRACKS[:30]
    rng.shuffle(shuffled)
    assert rank(made_index(*shuffled), EMBEDDER, wanted, guide) == rank(made_index(*TRACKS[:30]), EMBEDDER, wanted, guide)


@settings(max_examples=15, deadline=None)
@given(wishes, st.sampled_from(INSTRUMENTS), st.floats(0.2, 2))
def test_a_term_that_is_wished_for_never_ranks_its_tracks_lower(wanted: Wanted, term: str, weight: float) -> None:
    def mean_place(text: str) -> float:
        order = [each.track for each in rank(INDEX, EMBEDDER, wanted, parse_guide(text), top=120)]
        return float(np.mean([place for place, name in enumerate(order) if term in BY_ID[name].instruments]))

    assert mean_place(f"+{term}:{weight:.2f}") <= mean_place("") <= mean_place(f"-{term}:{weight:.2f}")


def first(index: TrackIndex, wanted: Wanted, guide: str = "", **options: Any) -> str:
    return rank(index, EMBEDDER, wanted, parse_guide(guide), **options)[0].track


def test_slower_prefers_a_slower_track_than_the_picture_suggests() -> None:
    index = made_index(Track("fast", 1, "x", bpm=110), Track("slow", 2, "y", bpm=84))
    wanted = Wanted(bpm=Range(100, 120))
    assert first(index, wanted) == "fast"
    assert first(index, wanted, "slower") == "slow"


def test_half_tempo_is_nearly_as_good() -> None:
    index = made_index(Track("half", 1, "x", bpm=60), Track("off", 2, "y", bpm=85))
    assert first(index, Wanted(bpm=Range(115, 125))) == "half"


def test_measured_energy_follows_the_picture_and_the_guide() -> None:
    index = made_index(*(Track(name, 1, "x", sound=TrackSound(60, energy=energy)) for name, energy in (("still", 0.2), ("wild", 0.8))))
    assert first(index, Wanted(energy=0.9)) == "wild"
    assert first(index, Wanted(energy=0.2)) == "still"
    assert first(index, Wanted(energy=0.5), "much calmer") == "still"


def test_vocals_lose_where_people_speak() -> None:
    index = made_index(Track("a_song", 1, "x", tags=("female vocals",)), Track("theme", 2, "y", tags=("instrumental",)))
    assert first(index, Wanted(dialogue_share=0.5)) == "theme"


def test_what_is_like_a_rejected_track_counts_less() -> None:
    index = made_index(
        *(Track(f"{mood}{n}", n, "x", moods=(mood,), instruments=("piano",)) for mood in ("hopeful", "sad") for n in range(3))
    )
    wanted = Wanted()
    before = [each.track for each in rank(index, EMBEDDER, wanted)]
    mood = before[0].rstrip("012")
    after = [each.track for each in rank(index, EMBEDDER, wanted, rejected=[before[0]])]
    assert before[0] not in after
    assert not after[0].startswith(mood)


def test_results_differ_from_each_other() -> None:
    alike = [Track(f"a{n}", n, moods=("hopeful",), instruments=("piano",), texts={"artist": "A"}) for n in range(5)]
    other = Track("b", 9, moods=("hopeful",), instruments=("guitar",), texts={"artist": "B"})
    index = made_index(*alike, other)
    ranked = rank(index, EMBEDDER, Wanted(words="hopeful piano guitar"), top=3)
    assert "b" in [each.track for each in ranked]


def test_a_neighbor_draws_what_is_like_it() -> None:
    index = made_index(*(Track(f"{name}{n}", n, "x", instruments=(name,)) for name in ("piano", "synth") for n in range(2)))
    names = [
        each.track for each in rank(index, EMBEDDER, Wanted(words="night"), neighbor="synth0", limits=Limits(used=frozenset({"synth0"})))
    ]
    assert names[0] == "synth1"


def test_an_empty_library_has_no_results() -> None:
    assert rank(made_index(), EMBEDDER, Wanted(words="x")) == []


def test_words_that_no_track_has_leave_the_order_to_the_ids() -> None:
    index = made_index(*(replace(track, moods=("calm",), instruments=(), bpm=None, texts={}, title="x") for track in TRACKS[:5]))
    assert [each.track for each in rank(index, EMBEDDER, Wanted())] == [track.track for track in TRACKS[:5]]


@pytest.mark.parametrize("text", ["", "no words known"])
def test_a_track_without_words_can_be_ranked(text: str) -> None:
    index = made_index(Track("a", 1, "..."), Track("b", 2, "hopeful"))
    assert {each.track for each in rank(index, EMBEDDER, Wanted(words=text))} == {"a", "b"}
