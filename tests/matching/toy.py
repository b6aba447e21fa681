"""A small world in which each kind of scene wants its own kind of track, which no likeness of words says."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from streamtags.core.music import Track
from streamtags.music.index import TrackIndex, build_index
from streamtags.music.wanted import Wanted
from streamtags.music.words import terms

KINDS = {"rain": "piano", "chase": "drums", "wedding": "harp", "desert": "oud", "city": "synth", "war": "brass"}


class DrawnWords:
    """Embeds texts by their words."""

    name = "drawn-24"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), 24), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in terms(text):
                vector += np.random.default_rng(int.from_bytes(word.encode(), "big") % (1 << 60)).normal(size=24)
            if norm := np.linalg.norm(vector):
                vector /= norm
        return vectors


EMBEDDER = DrawnWords()


def tracks(count: int, seed: int = 1) -> list[Track]:
    drawn, kinds = random.Random(seed), list(KINDS.values())
    return [Track(f"t{number:03}", number, title=f"w{drawn.randrange(99)}", tags=(kinds[number % len(kinds)],)) for number in range(count)]


def index(count: int, seed: int = 1) -> TrackIndex:
    return build_index(tracks(count, seed), EMBEDDER)


def scene(place: int) -> Wanted:
    """The scene that wants the track at a place."""
    return Wanted(words=f"{list(KINDS)[place % len(KINDS)]} number{place}", tags=(("Scene", 0.5),), energy=0.5, seconds=30)
