"""Search of many segments: time of a query, size of the index, memory; and relevance beside plain full text.

    python -m benchmarks search [--segments 1000000] [--queries 200]

The segments are made up: captions drawn from the words of the labeled captions in `examples/datasets/film-captions`, 2,000 to a timeline.
Relevance is measured on those labeled captions themselves, by queries that were written from the situation and not from the words.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from streamtags.core.events import SegmentCaptioned
from streamtags.core.records import Head, TimelineIdentity
from streamtags.core.search import DocumentTag, SearchDocument, SearchFilter
from streamtags.core.timebase import Clock
from streamtags.run.search import StaticEmbedder, open_search
from streamtags.search.documents import meaning_of
from streamtags.search.engine import Search
from streamtags.search.query import parse_query
from streamtags.search.vectors import NearestDocuments, quantized
from streamtags.store.opening import open_store
from streamtags.store.sqlite.search_index import SqliteSearchIndex
from streamtags.testing import make_payloads

ROOT = Path(__file__).resolve().parents[1]
SEGMENTS_IN_TIMELINE = 2_000
TAGS = ("Calm", "Tense", "Happy", "Sad", "Night", "Nature", "City", "High Energy")

# (query, words that a fitting caption is about): written from the situations, then each fitting caption was marked by reading all of them.
QUERIES = ROOT / "examples" / "datasets" / "film-captions" / "queries.jsonl"


def captions() -> list[str]:
    """The labeled captions."""
    items = ROOT / "examples" / "datasets" / "film-captions" / "items.jsonl"
    return [json.loads(line)["caption"] for line in items.read_text("utf-8").splitlines()]


def made_up(count: int, seed: int = 1) -> Iterator[list[SearchDocument]]:
    """Documents of `count` segments, one list a timeline."""
    chance = random.Random(seed)
    sentences = [caption.rstrip(".").split() for caption in captions()]
    clock = Clock(time_base=Fraction(1, 24), rate=Fraction(24))
    now = datetime(2026, 11, 28, tzinfo=UTC)
    for first in range(0, count, SEGMENTS_IN_TIMELINE):
        documents = []
        for i in range(min(SEGMENTS_IN_TIMELINE, count - first)):
            one, two = chance.choice(sentences), chance.choice(sentences)
            text = " ".join([*one[: len(one) // 2 + 1], *two[len(two) // 2 :], f"take {chance.randrange(5000)}"])
            tags = tuple(DocumentTag(tag, "mood", round(chance.random(), 2)) for tag in chance.sample(TAGS, 2))
            documents.append(
                SearchDocument(
                    timeline=f"tl_{first:016d}",
                    segment=f"s{i:04d}",
                    start=clock.at(48 * i, 48 * i),
                    end=clock.at(48 * i + 48, 48 * i + 48),
                    at=now,
                    texts={"caption": text, "tags": ", ".join(tag.tag for tag in tags)},
                    tags=tags,
                )
            )
        yield documents


def speed(count: int, queries: int) -> None:
    """Fill an index with `count` segments and print what it costs and how long queries take."""
    embedder = StaticEmbedder()
    with tempfile.TemporaryDirectory() as temporary, open_store(f"sqlite:///{temporary}/s.db") as store:
        folder = Path(temporary)
        index = SqliteSearchIndex(folder / "index.db")
        nearest = NearestDocuments(index, folder / "index.graph")
        began = time.perf_counter()
        for documents in made_up(count):
            vectors = quantized(embedder.embed([meaning_of(document) for document in documents]))
            index.update(documents[0].timeline, Head("e", 1), documents, vectors, reset=False)
        indexed = time.perf_counter() - began
        began = time.perf_counter()
        nearest.extend()
        print(f"{count} segments: indexed in {indexed:.0f} s, graph in {time.perf_counter() - began:.0f} s")
        sizes = {path.name: path.stat().st_size / 1e6 for path in sorted(folder.glob("index.*")) if path.suffix in (".db", ".graph")}
        print("  files:", ", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items()))
        search = _Prepared(store, index, nearest, embedder)
        chance = random.Random(2)
        texts = [" ".join(chance.sample(words, 4)) for caption in captions() if len(words := caption.rstrip(".").split()) >= 4]
        for name, allowed in (("any segment", SearchFilter()), ("one tag above 0.5", SearchFilter(tags=("Calm",), min_confidence=0.5))):
            times = []
            for i in range(queries):
                began = time.perf_counter()
                search.search(texts[i % len(texts)], allowed=allowed)
                times.append(1000 * (time.perf_counter() - began))
            times.sort()
            print(
                f"  {name}: median {statistics.median(times):.1f} ms, p95 {times[int(0.95 * len(times))]:.1f} ms, worst {times[-1]:.0f} ms"
            )
        print(f"  peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        index.close()


class _Prepared(Search):
    """A search whose index was filled without a store's logs."""

    def refresh(self) -> int:
        return 0


def relevance() -> None:
    """Print recall at 5 of search and of plain full text on the labeled captions."""
    labeled = [json.loads(line) for line in QUERIES.read_text("utf-8").splitlines()]
    texts = captions()
    with tempfile.TemporaryDirectory() as temporary, open_store(f"sqlite:///{temporary}/s.db") as store:
        store.open_timeline("tl_a", TimelineIdentity("captions"))
        kept = ("timeline.opened", "segment.detected", "segment.measured")
        store.append("tl_a", [payload for payload in make_payloads(len(texts)) if payload.type in kept])
        store.append("tl_a", [SegmentCaptioned(segment=f"s{i:04d}", rev=1, caption=text, model="person") for i, text in enumerate(texts)])
        search = open_search(store)
        search.refresh()
        index = SqliteSearchIndex(store.folder / "search" / f"{StaticEmbedder.name}.db")
        both, plain = [], []
        for item in labeled:
            wanted = set(item["segments"])
            segments = [result.segment for result in search.search(item["query"], top=5)]
            query = parse_query(item["query"])
            words = [match.document for match in index.match(query.words, (), SearchFilter(), 5)]
            both.append(_recall(segments, wanted))
            plain.append(_recall([document.segment for document in index.documents(words)], wanted))
        index.close()
        search.close()
    print(f"{len(labeled)} queries, recall at 5: search {statistics.mean(both):.2f}, plain full text (FTS5) {statistics.mean(plain):.2f}")


def _recall(results: Sequence[str], wanted: set[str]) -> float:
    return len(wanted.intersection(results)) / min(5, len(wanted))


def main() -> None:
    """Print relevance and speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    args = parser.parse_args()
    relevance()
    speed(args.segments, args.queries)


if __name__ == "__main__":
    main()
