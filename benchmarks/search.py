"""Search of many segments: time of a query, size of the index, memory; and relevance beside plain full text.

    python -m benchmarks search [--segments 1000000] [--queries 200] [--folder FOLDER]

The segments are made up, 2,000 to a timeline: each caption is half of a labeled caption of `examples/datasets/film-captions` and eight
words of the embeddings' vocabulary, frequent ones more often.
Relevance is measured on those labeled captions themselves, by queries that were written from the situation and not from the words.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np

from streamtags.core.events import SegmentCaptioned
from streamtags.core.records import Head, TimelineIdentity
from streamtags.core.search import DocumentTag, SearchDocument, SearchFilter
from streamtags.core.timebase import Clock
from streamtags.run.search import StaticEmbedder, open_search
from streamtags.search.documents import meaning_of
from streamtags.search.engine import Search
from streamtags.search.query import parse_query
from streamtags.search.vectors import NearestDocuments, quantized
from streamtags.stages.tag.encoders import _wordllama
from streamtags.store.opening import open_store
from streamtags.store.sqlite.search_index import SqliteSearchIndex
from streamtags.testing import make_payloads

ROOT = Path(__file__).resolve().parents[1]
SEGMENTS_IN_TIMELINE = 2_000
ZIPF_SHIFT = 30  # the first words of the list are not as frequent as "the"
WHOLE_WORD = re.compile("\u2581[a-z]{4,12}")
ANY = SearchFilter()
FILTERS = {
    "any segment": ANY,
    "one tag above 0.5": SearchFilter(tags=("Calm",), min_confidence=0.5),
    "two tags": SearchFilter(tags=("Calm", "Sad")),
    "one timeline": SearchFilter(timelines=("tl_0000000000004000",)),
    "the last day": SearchFilter(since=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=10)),
}
TAGS = ("Calm", "Tense", "Happy", "Sad", "Night", "Nature", "City", "High Energy")

# (query, words that a fitting caption is about): written from the situations, then each fitting caption was marked by reading all of them.
QUERIES = ROOT / "examples" / "datasets" / "film-captions" / "queries.jsonl"


def captions() -> list[str]:
    """The labeled captions."""
    items = ROOT / "examples" / "datasets" / "film-captions" / "items.jsonl"
    return [json.loads(line)["caption"] for line in items.read_text("utf-8").splitlines()]


def vocabulary() -> list[str]:
    """English words, roughly from frequent to rare: those that the tokenizer of the embeddings has whole, in its order."""
    tokens = _wordllama().tokenizer.get_vocab()
    return [token[1:] for token in sorted(tokens, key=tokens.__getitem__) if WHOLE_WORD.fullmatch(token)]


def made_up(count: int, start: int = 0) -> Iterator[list[SearchDocument]]:
    """Documents of segments `start` to `count`, one list a timeline: half of a labeled caption, and eight words by Zipf's law."""
    halves = [" ".join(words[: len(words) // 2 + 1]) for caption in captions() if (words := caption.rstrip(".").split())]
    words = vocabulary()
    shares = 1 / (np.arange(len(words)) + ZIPF_SHIFT)
    shares /= shares.sum()
    clock = Clock(time_base=Fraction(1, 24), rate=Fraction(24))
    bounds = [clock.at(48 * i, 48 * i) for i in range(SEGMENTS_IN_TIMELINE + 1)]
    for first in range(start, count, SEGMENTS_IN_TIMELINE):
        random = np.random.default_rng(first)
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=first / SEGMENTS_IN_TIMELINE)
        size = min(SEGMENTS_IN_TIMELINE, count - first)
        drawn = random.choice(len(words), (size, 8), p=shares)
        begun = random.integers(len(halves), size=size)
        confidences = np.round(random.random((size, 2)), 2)
        firsts = random.integers(len(TAGS), size=size)
        documents = []
        for i in range(size):
            names = TAGS[firsts[i]], TAGS[(firsts[i] + 3) % len(TAGS)]
            tags = tuple(DocumentTag(tag, "mood", float(confidence)) for tag, confidence in zip(names, confidences[i], strict=True))
            documents.append(
                SearchDocument(
                    timeline=f"tl_{first:016d}",
                    segment=f"s{i:04d}",
                    start=bounds[i],
                    end=bounds[i + 1],
                    at=at,
                    texts={"caption": " ".join([halves[begun[i]], *(words[k] for k in drawn[i])]), "tags": ", ".join(names)},
                    tags=tags,
                )
            )
        yield documents


def filled(index: SqliteSearchIndex, nearest: NearestDocuments, embedder: StaticEmbedder, count: int) -> None:
    """Add to an index what it lacks of `count` segments, and print what that took."""
    spent = dict.fromkeys(("texts", "embeddings", "index", "order", "signs"), 0.0)
    mark = time.perf_counter()

    def lap(part: str) -> None:
        nonlocal mark
        now = time.perf_counter()
        spent[part], mark = spent[part] + now - mark, now

    start = index.count()
    for documents in made_up(count, start):
        lap("texts")
        vectors = quantized(embedder.embed([meaning_of(document) for document in documents]))
        lap("embeddings")
        index.update(documents[0].timeline, Head("e", 1), documents, vectors, reset=True)
        lap("index")
    if start < count:
        index.optimize()
    lap("order")
    nearest.extend()
    lap("signs")
    made = spent.pop("texts")
    parts = ", ".join(f"{part} {seconds:.0f}" for part, seconds in spent.items())
    print(f"{count} segments: built {count - start} in {sum(spent.values()):.0f} s ({parts}); making them up took {made:.0f} s", flush=True)


def timed(name: str, run: Callable[[str], object], queries: Sequence[str]) -> None:
    """Print how long a way of searching takes, and the processor time of it, which other programs on the machine do not change."""
    wall, processor = [], []
    for query in queries:
        began, used = time.perf_counter(), time.thread_time()
        run(query)
        wall.append(1000 * (time.perf_counter() - began))
        processor.append(1000 * (time.thread_time() - used))
    shown = (f"p50 {statistics.median(times):6.1f} ms, p95 {sorted(times)[int(0.95 * len(times))]:6.1f} ms" for times in (wall, processor))
    print(f"  {name:26}", "; processor ".join(shown), flush=True)


def drawn_queries(texts: Sequence[str], count: int) -> list[str]:
    """Up to `count` queries of 1 to 5 words of a caption; those of articles alone are left out."""
    chance = random.Random(2)
    drawn = [" ".join(chance.sample(texts[i % len(texts)].split(), chance.choice((1, 2, 3, 4, 5)))) for i in range(count)]
    return [text for text in drawn if set(re.findall(r"\w+", text.casefold())) - {"a", "the"}]


def speed(count: int, queries: int, folder: Path) -> None:
    """Fill an index with `count` segments and print what it costs and how long queries take."""
    embedder = StaticEmbedder()
    with open_store(f"sqlite:///{folder}/s.db") as store:
        index = SqliteSearchIndex(folder / "index.db")
        nearest = NearestDocuments(index, folder / "index.npy")
        filled(index, nearest, embedder, count)
        texts = [documents[i % len(documents)].texts["caption"] for i, documents in enumerate(made_up(100_000))]
        sizes = {path.name: path.stat().st_size / 1e6 for path in sorted(folder.glob("index.*")) if path.suffix in (".db", ".npy")}
        print("  files:", ", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items()))
        search = _Prepared(store, index, nearest, embedder)
        texts_of_queries = drawn_queries(texts, queries)

        def words(text: str, allowed: SearchFilter = ANY) -> object:
            query = parse_query(text)
            return index.match(query.words, query.phrases, allowed, 200)

        def meaning(text: str) -> object:
            return nearest.nearest(quantized(embedder.embed([text]))[0], 200)

        timed("words", words, texts_of_queries)
        timed("words, one tag above 0.5", lambda text: words(text, FILTERS["one tag above 0.5"]), texts_of_queries)
        timed("meaning", meaning, texts_of_queries)
        for name, allowed in FILTERS.items():
            timed(f"search, {name}", lambda text, allowed=allowed: search.search(text, allowed=allowed), texts_of_queries)  # type: ignore[misc]
        print(f"  peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        agreement(index, nearest, embedder, texts_of_queries[:50])
        index.close()


def agreement(index: SqliteSearchIndex, nearest: NearestDocuments, embedder: StaticEmbedder, texts: Sequence[str]) -> None:
    """Print how many of the 10 nearest of an exact comparison are results of the search by signs."""
    queries = quantized(embedder.embed(list(texts)))
    best: list[list[tuple[float, int]]] = [[] for _ in texts]
    every = index.numbers_after(0)
    for first in range(0, len(every), 50_000):
        numbers, vectors = index.vectors(every[first : first + 50_000])
        rows = vectors.astype(np.float32)
        cosines = rows @ queries.T.astype(np.float32) / np.maximum(np.sqrt(np.vecdot(rows, rows)), 1e-9)[:, None]
        for place, column in enumerate(cosines.T):
            top = np.argsort(-column)[:10]
            best[place] = sorted([*best[place], *((float(-column[i]), int(numbers[i])) for i in top)])[:10]
    shares = []
    for query, ten in zip(queries, best, strict=True):
        worst = ten[-1][0]  # negative cosine; documents as near as the tenth count as well as it
        numbers, vectors = index.vectors(nearest.nearest(query, 10))
        rows = vectors.astype(np.float32)
        cosines = rows @ query.astype(np.float32) / np.maximum(np.sqrt(np.vecdot(rows, rows)), 1e-9)
        shares.append(float((-cosines <= worst + 1e-3).mean()) if len(numbers) else 0.0)
    print(f"  of the 10 nearest in meaning, {statistics.mean(shares):.2f} are among the results ({len(texts)} queries)")


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
    parser.add_argument("--folder", type=Path, help="keep the index there, or go on with the one that is there")
    args = parser.parse_args()
    relevance()
    if args.folder:
        args.folder.mkdir(parents=True, exist_ok=True)
        speed(args.segments, args.queries, args.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            speed(args.segments, args.queries, Path(folder))


if __name__ == "__main__":
    main()
