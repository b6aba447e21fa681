"""Batches give every item exactly once, in order."""

from __future__ import annotations

import pytest

from streamtags.core.batch import Batch


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_item_comes_out_once_and_in_order(size: int) -> None:
    batch: Batch[int] = Batch(size)
    groups = [group for group in (batch.add(i) for i in range(10)) if group]
    assert [len(group) for group in groups] == [size] * (10 // size)
    assert [i for group in [*groups, batch.take()] for i in group] == list(range(10))
    assert batch.take() == []


def test_a_batch_of_no_items_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Batch(0)
