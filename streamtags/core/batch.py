"""Batches: items that are collected and processed together.

Decoding a frame pushes the code and data of every other step out of the processor's cache. A step that processes several items in a row
loads the cache once per batch instead of once per item.
"""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Batch"]

Item = TypeVar("Item")


class Batch(Generic[Item]):
    """A list that empties itself when it is full.

    Args:
        size: items in a full batch, at least 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a batch of {size} items cannot be filled; use at least 1")
        self._size = size
        self._items: list[Item] = []

    def add(self, item: Item) -> list[Item]:
        """Add an item; return all items if the batch is full now, else an empty list."""
        self._items.append(item)
        return self.take() if len(self._items) >= self._size else []

    def take(self) -> list[Item]:
        """Remove and return the items collected so far."""
        items, self._items = self._items, []
        return items
