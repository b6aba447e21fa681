"""The traits of fingerprints as columns: two for each trait, so that an index excludes what cannot be the same pictures."""

from __future__ import annotations

from collections.abc import Sequence

from streamtags.core.records import MAX_TRAITS, Fingerprint, Trait

__all__ = ["ANY_TRAIT", "TRAITS", "excluding", "fingerprint_of", "trait_values"]

ANY_TRAIT: Trait = (-32_768, 32_767)
"""A trait that is not known: it overlaps every other. PostgreSQL's smallint holds it."""

_NUMBERS = range(1, MAX_TRAITS + 1)
TRAITS = ", ".join(f"low{number}, high{number}" for number in _NUMBERS)
"""The columns that `trait_values` fills and `fingerprint_of` takes, in this order."""


def trait_values(traits: Sequence[Trait]) -> list[int]:
    """Return the values of the columns `TRAITS`."""
    padded = [*traits, *[ANY_TRAIT] * (MAX_TRAITS - len(traits))]
    return [bound for trait in padded for bound in trait]


def fingerprint_of(frames: int, data: bytes, columns: Sequence[int]) -> Fingerprint:
    """Return the fingerprint of a row."""
    traits = list(zip(columns[::2], columns[1::2], strict=True))
    while traits and traits[-1] == ANY_TRAIT:
        traits.pop()
    return Fingerprint(frames, data, tuple(traits))


def excluding(traits: Sequence[Trait], mark: str) -> tuple[str, list[int]]:
    """Return conditions on the columns, each beginning with AND, that only fingerprints with overlapping traits meet, and their values."""
    conditions = "".join(f" AND low{number} <= {mark} AND high{number} >= {mark}" for number in range(1, len(traits) + 1))
    return conditions, [bound for low, high in traits for bound in (high, low)]
