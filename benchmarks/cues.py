"""Music libraries: how long 100,000 tracks take to index and to search, and how well descriptions and tags find each other.

`python -m benchmarks.cues [--tracks N]` and `python -m benchmarks.cues --relevance musiccaps-dev.csv`.

Relevance: the library has only the descriptions of the tracks, queries are made of their tags, and the reverse. One half of a query's
phrases stands for the scene, the other for the guide; which half a phrase is in is drawn with a fixed seed. Weights are compared on the
tracks of one half of the catalog, and what they reach is printed for those of the other; a hash of the id says which half a track is in.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from streamtags.core.music import Library, StoredTrack, Track
from streamtags.music import ranking
from streamtags.music.catalog import read_catalog
from streamtags.music.guide import Guide, Range
from streamtags.music.index import TrackIndex, build_index, open_index
from streamtags.music.ranking import Wanted, rank
from streamtags.music.words import terms
from streamtags.run.search import StaticEmbedder
from streamtags.store.sqlite.music_libraries import SqliteMusicLibraries

MOODS = ["hopeful", "sad", "tense", "playful", "dark", "romantic", "epic", "calm", "nostalgic", "angry", "dreamy", "heroic"]
INSTRUMENTS = ["piano", "strings", "guitar", "drums", "synth", "brass", "flute", "choir", "bass", "harp", "organ", "violin"]
GENRES = ["ambient", "rock", "jazz", "classical", "electronic", "folk", "pop", "hip-hop", "country", "world"]
SCENES = ["rain", "city", "forest", "chase", "wedding", "battle", "desert", "sea", "night", "morning", "school", "train"]
QUERIES = 400


def made_tracks(count: int) -> Iterator[Track]:
    """Yield drawn tracks."""
    rng = random.Random(1)
    for number in range(count):
        words = [*rng.sample(MOODS, 2), *rng.sample(INSTRUMENTS, 3), rng.choice(GENRES)]
        yield Track(
            f"t{number:06}",
            number,
            title=f"{rng.choice(SCENES)} {number}",
            description=f"A {words[0]}, {words[1]} {words[5]} track with {', '.join(words[2:5])} for a {rng.choice(SCENES)} scene",
            tags=tuple(rng.sample(SCENES, 2)),
            bpm=rng.uniform(50, 180),
            duration_seconds=rng.uniform(20, 400),
            texts={"artist": f"artist {rng.randrange(500)}", "license": rng.choice(("CC-BY", "house"))},
        )


def memory() -> float:
    """Return the largest resident size so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def scale(count: int) -> None:
    """Print how long a library of `count` tracks takes."""
    embedder = StaticEmbedder()
    embedder.embed(["warm"])
    with tempfile.TemporaryDirectory() as folder:
        libraries = SqliteMusicLibraries(Path(folder) / "libraries.db")
        before = time.perf_counter()
        libraries.save("made", "/made", "catalog", (StoredTrack(track) for track in made_tracks(count)))
        print(f"save {count} tracks: {time.perf_counter() - before:.1f} s")
        library = Library("made", "/made", "catalog", count, 1)
        base, before = memory(), time.perf_counter()
        open_index(libraries, library, embedder, Path(folder))
        print(f"index: {time.perf_counter() - before:.1f} s, {memory() - base:.0f} MB more at its peak")
        before = time.perf_counter()
        index = open_index(libraries, library, embedder, Path(folder))
        print(f"open the index: {1000 * (time.perf_counter() - before):.0f} ms; {index.vectors.nbytes / 1e6:.0f} MB of vectors are mapped")
        rng, times, work = random.Random(2), [], []
        for _ in range(200):
            wanted = Wanted(
                words=f"A {rng.choice(SCENES)} in the {rng.choice(SCENES)}, {rng.choice(MOODS)}",
                tags=((rng.choice(MOODS), 0.8), (rng.choice(MOODS), 0.4)),
                energy=rng.random(),
                bpm=Range(80, 110),
                seconds=60,
                dialogue_share=0.2,
            )
            guide = Guide(text=f"{rng.choice(MOODS)} {rng.choice(INSTRUMENTS)}")
            before, used = time.perf_counter(), time.process_time()
            ranked = rank(index, embedder, wanted, guide, top=10)
            libraries.some("made", [each.track for each in ranked])
            times.append(1000 * (time.perf_counter() - before))
            work.append(1000 * (time.process_time() - used))
        for name, spent in (("wait", times), ("processor", work)):
            middle, high = np.percentile(spent, [50, 95])
            print(f"query with guide, tempo, energy and 10 tracks read, {name}: p50 {middle:.1f} ms, p95 {high:.1f} ms")


def half_of(track: Track) -> int:
    """Return in which half of a catalog a track is, 0 or 1; the same in every run and order."""
    return hashlib.sha256(track.track.encode()).digest()[0] & 1


def relevance(path: Path) -> None:
    """Print how well queries find their own track: weights on the one half of the tracks, what they reach on the other."""
    tracks = [track for track in read_catalog(path).tracks.values() if track.description and len(track.tags) >= 4]
    halves = [[place for place, track in enumerate(tracks) if half_of(track) == half] for half in (0, 1)]
    drawn = [random.Random(1).sample(half, min(QUERIES, len(half))) for half in halves]
    print(f"{len(tracks)} tracks, of which {len(halves[0])} and {len(halves[1])} in each half; {QUERIES} queries from each")
    for direction in ("tags find descriptions", "descriptions find tags"):
        is_tags = direction.startswith("tags")
        index = build_index(
            (replace(track, title="", **({"tags": ()} if is_tags else {"description": ""})) for track in tracks), StaticEmbedder()
        )
        choosing, reporting = ([_query(tracks[place], place, is_tags=is_tags) for place in places] for places in drawn)
        default = ranking._GUIDE_WEIGHT
        for weight in (1.0, default, 2.0, 3.0):
            ranking._GUIDE_WEIGHT = weight
            _print_row(f"{direction}, first half, guide x {weight:g}", [_place(index, query, "scene and guide") for query in choosing])
        ranking._GUIDE_WEIGHT = default
        for way in ("scene and guide", "guide alone", "scene alone", "fusion of ranks", "cosine alone"):
            _print_row(f"{direction}, second half, {way}", [_place(index, query, way) for query in reporting])
    print(f"chance: recall@10 {10 / len(tracks):.4f}, median rank {len(tracks) // 2}")


Query = tuple[int, list[str], list[str]]


def _query(track: Track, place: int, *, is_tags: bool) -> Query:
    """Return the place of a track and its phrases, one half as the scene, the other as the guide."""
    phrases = list(track.tags) if is_tags else [part.strip() for part in track.description.split(".") if part.strip()]
    random.Random(track.track).shuffle(phrases)
    middle = (len(phrases) + 1) // 2
    return place, phrases[:middle], phrases[middle:]


def _place(index: TrackIndex, query: Query, way: str) -> int:
    """Return the place of the track of a query in a ranking, from 0."""
    target, scene, guide = query
    if way in ("fusion of ranks", "cosine alone"):
        words = ". ".join([*scene, *guide])
        cosines = index.similarities(StaticEmbedder().embed([words]))[0]
        if way == "cosine alone":
            return int((cosines > cosines[target]).sum())
        # G. Cormack, C. Clarke, S. Buettcher, "Reciprocal rank fusion outperforms Condorcet", SIGIR 2009, with their 60.
        matches = index.matches(dict.fromkeys(terms(words), 1.0))
        fused = sum(1 / (61 + np.argsort(np.argsort(-values, kind="stable"))) for values in (cosines, matches))
        return int((fused > fused[target]).sum())
    wanted = Wanted(words=". ".join(scene)) if way != "guide alone" else Wanted()
    wish = Guide(text=", ".join(guide)) if way != "scene alone" else Guide()
    names = [each.track for each in ranking.rank(index, StaticEmbedder(), wanted, wish, top=ranking.MAX_RESULTS)]
    return names.index(index.ids[target]) if index.ids[target] in names else ranking.MAX_RESULTS


def _print_row(name: str, places: Sequence[int]) -> None:
    print(f"  {name:56} {np.mean(np.array(places) < 10):.3f}  {np.median(places) + 1:.0f}")


def main() -> None:
    """Run the part that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--relevance", type=Path, metavar="CATALOG")
    args = parser.parse_args()
    if args.relevance:
        relevance(args.relevance)
    else:
        scale(args.tracks)


if __name__ == "__main__":
    main()
