"""Music libraries: how long 100,000 tracks take to index and to search, and how well descriptions and tags find each other.

`python -m benchmarks.cues [--tracks N]` and `python -m benchmarks.cues --relevance musiccaps-dev.csv`.

Relevance: the library has only the descriptions of the tracks, queries are made of their tags, and the reverse. One half of a query's
phrases stands for the scene, the other for the guide; which half a phrase is in is drawn with a fixed seed.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from streamtags.core.music import Library, StoredTrack, Track
from streamtags.music.catalog import read_catalog
from streamtags.music.guide import Guide, Range
from streamtags.music.index import build_index, open_index
from streamtags.music.ranking import MAX_RESULTS, Wanted, rank
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
        rng, times = random.Random(2), []
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
            before = time.perf_counter()
            ranked = rank(index, embedder, wanted, guide, top=10)
            libraries.some("made", [each.track for each in ranked])
            times.append(1000 * (time.perf_counter() - before))
        middle, high = np.percentile(times, [50, 95])
        print(f"query with guide, tempo, energy and 10 tracks read: p50 {middle:.1f} ms, p95 {high:.1f} ms")


def relevance(path: Path) -> None:
    """Print how well queries find their own track."""
    tracks = [track for track in read_catalog(path).tracks.values() if track.description and len(track.tags) >= 4]
    rng = random.Random(1)
    chosen = rng.sample(range(len(tracks)), min(QUERIES, len(tracks)))
    print(f"{len(tracks)} tracks, {len(chosen)} queries; recall@10 and median rank; chance {10 / len(tracks):.4f} and {len(tracks) // 2}")
    for direction in ("tags find descriptions", "descriptions find tags"):
        is_tags = direction.startswith("tags")
        library = [replace(track, title="", **({"tags": ()} if is_tags else {"description": ""})) for track in tracks]
        queries = []
        for place in chosen:
            track = tracks[place]
            phrases = list(track.tags) if is_tags else [part.strip() for part in track.description.split(".") if part.strip()]
            rng.shuffle(phrases)
            half = (len(phrases) + 1) // 2
            queries.append((place, phrases[:half], phrases[half:]))
        _table(direction, library, queries)


def _table(direction: str, library: Sequence[Track], queries: Sequence[tuple[int, list[str], list[str]]]) -> None:
    embedder = StaticEmbedder()
    index = build_index(library, embedder)
    places = {"scene and guide": [], "guide alone": [], "scene alone": [], "plain embedding similarity": []}
    for place, scene, guide in queries:
        ways = {
            "scene and guide": (Wanted(words=". ".join(scene)), Guide(text=", ".join(guide))),
            "guide alone": (Wanted(), Guide(text=", ".join(guide))),
            "scene alone": (Wanted(words=". ".join(scene)), Guide()),
        }
        for name, (wanted, guide_) in ways.items():
            names = [each.track for each in rank(index, embedder, wanted, guide_, top=MAX_RESULTS)]
            target = index.ids[place]
            places[name].append(names.index(target) if target in names else MAX_RESULTS)
        cosines = index.similarities(embedder.embed([". ".join([*scene, *guide])]))[0]
        places["plain embedding similarity"].append(int((cosines > cosines[place]).sum()))
    print(direction)
    for name, ranks in places.items():
        print(f"  {name:28} {np.mean(np.array(ranks) < 10):.3f}  {np.median(ranks) + 1:.0f}")


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
