from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamtags.core.errors import UsageError
from streamtags.core.records import TimelineIdentity
from streamtags.core.search import SearchFilter
from streamtags.core.stores import Store
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.run.search import StaticEmbedder, open_search
from streamtags.search import vectors as vectors_module
from streamtags.search.engine import Search
from streamtags.search.vectors import NearestDocuments
from streamtags.store.opening import open_store
from streamtags.store.sqlite import search_index as index_module
from streamtags.store.sqlite.search_index import SqliteSearchIndex

ANY = SearchFilter()
CAPTIONS = (
    "A fishing boat leaves the harbor at dawn.",
    "Two men argue in a kitchen and one throws a plate.",
    "Children laugh and run across a sunny meadow.",
    "Snow falls on an empty street at night.",
)


@pytest.fixture
def store(tmp_path: Path, make: Any) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 's.db'}") as opened:
        fill(opened, make, "tl_a", CAPTIONS)
        yield opened


@pytest.fixture
def search(store: Store) -> Iterator[Search]:
    opened = open_search(store)
    yield opened
    opened.close()


def fill(store: Store, make: Any, timeline: str, captions: tuple[str, ...]) -> None:
    store.open_timeline(timeline, TimelineIdentity(timeline))
    store.append(timeline, [make.opened(f"{timeline}.mp4")])
    for i, caption in enumerate(captions):
        store.append(timeline, [make.detected(i), make.measured(i), make.captioned(i, 1, caption)])


def segments(search: Search, text: str, **options: Any) -> list[str]:
    return [result.segment for result in search.search(text, **options)]


def test_words_and_meaning_find_the_segment(search: Search) -> None:
    assert segments(search, "boats")[0] == "s0000"
    assert segments(search, "a quarrel between two people")[0] == "s0001"
    assert segments(search, "kids playing outdoors")[0] == "s0002"


def test_a_result_says_where_it_is_and_what_matched(search: Search) -> None:
    (first, *_) = search.search("snow", top=1)
    assert (first.timeline, first.name, first.segment, first.caption) == ("tl_a", "tl_a.mp4", "s0003", CAPTIONS[3])
    assert first.start.frame == 144
    assert first.matched == (("caption", CAPTIONS[3]),)
    assert first.to_dict()["start"]["timecode"] == "01:00:06:00"


def test_a_quoted_phrase_must_occur(search: Search) -> None:
    assert segments(search, '"sunny meadow"') == ["s0002"]
    assert segments(search, '"meadow sunny"') == []


def test_new_events_match_at_once_and_old_words_no_longer(search: Search, store: Store, make: Any) -> None:
    assert segments(search, '"fishing boat"') == ["s0000"]
    store.append("tl_a", [make.corrected(0, 2, caption="A train crosses a bridge.")])
    assert segments(search, '"fishing boat"') == []
    assert segments(search, '"train crosses"') == ["s0000"]


def test_tags_and_their_axis_are_searched_and_filtered(search: Search, store: Store, make: Any) -> None:
    vocabulary = Vocabulary(
        id="moods", version="1", axes=(Axis(name="mood"),), tags=(Tag(name="Calm", axis="mood"), Tag(name="Tense", axis="mood"))
    )
    store.save_vocabulary(vocabulary)
    store.append("tl_a", [make.tagged(0, 2, Calm=0.9), make.tagged(1, 2, Tense=0.8, Calm=0.1)])
    assert segments(search, '"Tense"') == ["s0001"]
    assert set(segments(search, "anything", allowed=SearchFilter(tags=("calm",)))) == {"s0000", "s0001"}
    assert segments(search, "anything", allowed=SearchFilter(tags=("Calm",), min_confidence=0.5)) == ["s0000"]
    assert set(segments(search, "anything", allowed=SearchFilter(axis="mood"))) == {"s0000", "s0001"}
    assert segments(search, "anything", allowed=SearchFilter(axis="genre")) == []


def test_timelines_and_dates_can_be_filtered(search: Search, store: Store, make: Any) -> None:
    fill(store, make, "tl_b", ("A boat sinks in a storm.",))
    assert {result.timeline for result in search.search("boat")} == {"tl_a", "tl_b"}
    assert {result.timeline for result in search.search("boat", allowed=SearchFilter(timelines=("tl_b",)))} == {"tl_b"}
    later = datetime.now(UTC) + timedelta(hours=1)
    assert search.search("boat", allowed=SearchFilter(since=later)) == []
    assert search.search("boat", allowed=SearchFilter(until=later))


def test_removed_and_replaced_timelines_leave_the_index(search: Search, store: Store, make: Any) -> None:
    fill(store, make, "tl_b", ("A boat sinks in a storm.",))
    assert search.search('"boat sinks"')
    store.replace("tl_b", [make.opened("tl_b.mp4"), make.detected(0), make.measured(0), make.captioned(0, 1, "A quiet lake.")])
    assert search.search('"boat sinks"') == []
    assert segments(search, '"quiet lake"') == ["s0000"]
    store.remove("tl_b")
    assert search.search('"quiet lake"') == []


def test_the_index_is_rebuilt_when_its_file_is_deleted(store: Store) -> None:
    first = open_search(store)
    before = first.search("boat")
    first.close()
    for path in (store.folder / "search").iterdir():
        path.unlink()
    again = open_search(store)
    assert again.search("boat") == before
    again.close()


@pytest.mark.parametrize(
    "text", ['boat" OR caption:*', "NEAR(boat street, 5)", "boat*", "a AND NOT b", "\x00boat", "'; DROP TABLE texts; --"]
)
def test_operators_in_a_query_are_only_text(search: Search, text: str) -> None:
    search.search(text)
    assert search.search("boat")


def test_the_number_of_results_is_limited(search: Search) -> None:
    assert len(search.search("a person or a place", top=2)) == 2
    with pytest.raises(UsageError):
        search.search("boat", top=0)
    with pytest.raises(UsageError):
        search.search("boat", top=1000)


def many(count: int) -> tuple[str, ...]:
    words = [word for caption in CAPTIONS for word in caption.rstrip(".").split()]
    return tuple(f"Scene {i}: {' '.join(words[(i * step) % len(words)] for step in (1, 3, 5, 7, 11))}" for i in range(1, count + 1))


def test_signs_give_the_documents_of_an_exact_comparison(tmp_path: Path, store: Store, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors_module, "_CANDIDATES", 80)
    fill(store, make, "tl_b", many(160))
    index = SqliteSearchIndex(tmp_path / "index.db")
    exact = NearestDocuments(index, tmp_path / "none.npy")
    by_signs = NearestDocuments(index, tmp_path / "index.npy", exact=10)
    search = Search(store, index, by_signs, StaticEmbedder())
    search.refresh()
    assert (tmp_path / "index.npy").exists()
    assert not by_signs.extend()
    fill(store, make, "tl_c", ("A lighthouse on a cliff.",))  # few enough to be compared without signs
    search.refresh()
    numbers, vectors = index.vectors()
    for vector in vectors[[0, 50, -1]]:
        expected = exact.nearest(vector, 10)
        assert len(set(by_signs.nearest(vector, 10)) & set(expected)) >= 8
        assert by_signs.nearest(vector, 1)[0] in expected[:2]
        some = [int(number) for number in numbers[::2]]
        assert set(by_signs.nearest(vector, 10, some)) <= set(some)
        assert set(by_signs.nearest_of(vector, 10, 40, lambda near, some=some: [n for n in near if n in some])) <= set(some)
    assert by_signs.nearest(np.zeros(256, np.int8), 10) == []
    search.close()


def test_signs_of_documents_that_are_gone_are_harmless_and_a_damaged_file_is_made_again(tmp_path: Path, store: Store, make: Any) -> None:
    fill(store, make, "tl_b", many(60))
    index = SqliteSearchIndex(tmp_path / "index.db")
    path = tmp_path / "index.npy"
    search = Search(store, index, NearestDocuments(index, path, exact=10), StaticEmbedder())
    assert search.search("boat")
    store.remove("tl_b")
    assert {result.timeline for result in search.search("boat scene")} == {"tl_a"}
    path.write_bytes(b"no array")
    assert {result.timeline for result in search.search("boat scene")} == {"tl_a"}
    fill(store, make, "tl_c", many(60))
    assert {result.timeline for result in search.search("scene", top=200)} == {"tl_a", "tl_c"}
    assert path.read_bytes() != b"no array"
    search.close()


def test_words_of_very_many_documents_find_the_newest_and_rare_words_find_all(
    search: Search, store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "_RANKED", 5)
    fill(store, make, "tl_b", tuple(f"A street at night, number {i}." for i in range(12)))
    search.refresh()
    index = search._index
    in_order = [document.segment for document in index.documents([match.document for match in index.match(("night",), (), ANY, 50)])]
    assert set(in_order) <= {f"s{i:04d}" for i in range(6, 12)}
    assert segments(search, "snow night")[0] == "s0003"  # the rare word decides
    (phrase,) = index.match((), ("number 7",), ANY, 50)
    assert index.documents([phrase.document])[0].segment == "s0007"
    both = index.match(("street", "night"), (), ANY, 50)
    assert len(both) == 6


def test_every_combination_of_filters_gives_the_documents_that_pass_all(search: Search, store: Store, make: Any) -> None:
    vocabulary = Vocabulary(
        id="moods", version="1", axes=(Axis(name="mood"),), tags=tuple(Tag(name=name, axis="mood") for name in ("Calm", "Tense"))
    )
    store.save_vocabulary(vocabulary)
    fill(store, make, "tl_b", CAPTIONS)
    store.append("tl_a", [make.tagged(0, 2, Calm=0.9, Tense=0.8), make.tagged(1, 2, Tense=0.8)])
    store.append("tl_b", [make.tagged(0, 2, Calm=0.4)])
    search.refresh()
    index = search._index
    now = datetime.now(UTC) + timedelta(hours=1)
    choices: list[dict[str, Any]] = [
        {"tags": ("Calm",)},
        {"axis": "mood"},
        {"timelines": ("tl_a",)},
        {"until": now},
        {"min_confidence": 0.5},
    ]
    for chosen in (dict(pair for choice in some for pair in choice.items()) for n in range(1, 6) for some in combinations(choices, n)):
        allowed = SearchFilter(**chosen)
        passing = {
            number
            for number in index.numbers_after(0)
            for document in index.documents([number])
            for tags in [TAGS.get((document.timeline, document.segment), {})]
            if ("timelines" not in chosen or document.timeline == "tl_a")
            and ("tags" not in chosen or tags.get("Calm", -1) >= allowed.min_confidence)
            and ("axis" not in chosen or max(tags.values(), default=-1) >= allowed.min_confidence)
        }
        assert set(index.allowed(allowed)) == set(index.allowed(allowed, index.numbers_after(0))) == passing, chosen
        assert len(index.allowed(allowed, limit=1)) == min(1, len(passing))
        words = {match.document for match in index.match(("boat", "men", "children", "snow"), (), allowed, 50)}
        assert words == passing & words, chosen


TAGS = {("tl_a", "s0000"): {"Calm": 0.9, "Tense": 0.8}, ("tl_a", "s0001"): {"Tense": 0.8}, ("tl_b", "s0000"): {"Calm": 0.4}}
