from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
from streamtags.search.engine import Search
from streamtags.search.vectors import NearestDocuments
from streamtags.store.opening import open_store
from streamtags.store.sqlite.search_index import SqliteSearchIndex

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


def test_a_graph_gives_the_documents_of_an_exact_comparison(tmp_path: Path, store: Store, make: Any) -> None:
    fill(store, make, "tl_b", tuple(f"Scene {i}: {caption}" for i in range(40) for caption in CAPTIONS))
    index = SqliteSearchIndex(tmp_path / "index.db")
    exact = NearestDocuments(index, tmp_path / "none.graph")
    by_graph = NearestDocuments(index, tmp_path / "index.graph", exact=10)
    search = Search(store, index, by_graph, StaticEmbedder())
    search.refresh()
    assert search.extend()
    assert (tmp_path / "index.graph").exists()
    assert not search.extend()
    fill(store, make, "tl_c", ("A lighthouse on a cliff.",))
    search.refresh()
    numbers, vectors = index.vectors()
    for vector in vectors[[0, 50, -1]]:
        expected = exact.nearest(vector, 10)
        assert len(set(by_graph.nearest(vector, 10)) & set(expected)) >= 8
        assert expected[0] in numbers
    assert by_graph.nearest(np.zeros(256, np.int8), 10) == []
    search.close()
