"""The seam of music taggers: music in, ranked tags out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamtags.core.answers import HeardMusic, HeardTag
from streamtags.stages.music.labels import ENERGY, MEANING, Kind

__all__ = ["MusicTagger", "RankedTag", "answer_of", "energy", "merged"]

_LISTED = 3  # tags of each kind in an answer
_LISTED_OF_ALL = 5
_FAR_BEHIND = 0.2  # of the best of all: what scores less says nothing of this music
# Chosen on 24 recordings of music (see docs/topics/evaluation.md): how far the best output of a tag must be above the other's, and
# its least score.
_ENERGY_RATIOS: Mapping[str, float] = {"energetic": 1.3, "restful": 7.0}
_ENERGY_LEAST = 0.1


@dataclass(frozen=True, slots=True)
class RankedTag:
    """A tag of one kind with its score, 0..1. Scores rank the tags of one sound; they are no probabilities."""

    label: str
    kind: Kind
    score: float


class MusicTagger(Protocol):
    """Ranks what music sounds like. It does not say whether there is music."""

    @property
    def model(self) -> str:
        """Names the tagger and its model."""
        ...

    async def rank(self, samples: NDArray[np.float32]) -> tuple[RankedTag, ...]:
        """Return tags, the best first; none for a sound that is too short.

        Args:
            samples: float32 mono at 16 kHz, -1..1.

        Raises:
            ModelError: there is no answer.
        """
        ...

    async def close(self) -> None:
        """Release connections and memory."""
        ...


def merged(scores: Iterable[tuple[str, float]]) -> tuple[RankedTag, ...]:
    """Return the tags of a network's outputs, the best first. Outputs that mean the same are one tag with the highest score."""
    best: dict[tuple[Kind, str], float] = {}
    for name, score in scores:
        meaning = MEANING.get(name)
        if meaning is not None:
            best[meaning] = max(score, best.get(meaning, 0.0))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return tuple(RankedTag(label, kind, score) for (kind, label), score in ranked)


def energy(scores: Mapping[str, float]) -> RankedTag | None:
    """Return how much energy music has by the outputs of a network: `energetic` or `restful`; None where neither is clear."""
    best = {tag: max((scores.get(output, 0.0) for output in outputs), default=0.0) for tag, outputs in ENERGY.items()}
    for tag, score in best.items():
        other = max(value for name, value in best.items() if name != tag)
        if score >= _ENERGY_LEAST and score >= _ENERGY_RATIOS[tag] * other:
            return RankedTag(tag, "energy", score)
    return None


def answer_of(ranked: Iterable[RankedTag], model: str, bpm: float | None = None) -> HeardMusic | None:
    """Return the tags that are worth a word: the first of each kind, without those far behind the best of all. None for no tags.

    A tag of energy is the first of the moods, and not among the tags of all kinds.
    """
    tags = sorted(ranked, key=lambda tag: -tag.score)
    if not tags:
        return None
    near = [tag for tag in tags if tag.score >= _FAR_BEHIND * tags[0].score]

    def listed(kind: Kind) -> list[HeardTag]:
        return [_heard(tag) for tag in near if tag.kind == kind][:_LISTED]

    return HeardMusic(
        instruments=listed("instrument"),
        genres=listed("genre"),
        moods=[*listed("energy"), *listed("mood")],
        bpm=bpm,
        tags=[_heard(tag) for tag in near if tag.kind != "energy"][:_LISTED_OF_ALL],
        model=model,
    )


def _heard(tag: RankedTag) -> HeardTag:
    return HeardTag(label=tag.label, confidence=round(min(1.0, max(0.0, tag.score)), 4))
