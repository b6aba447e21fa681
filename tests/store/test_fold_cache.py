"""Folds that were read are kept, as long as they are not too many or too large."""

from collections.abc import Iterable

import pytest

from streamtags.core.events import Payload
from streamtags.store import fold_cache
from streamtags.store.fold_cache import FoldCache
from streamtags.testing.log import make_payloads

PAYLOADS = make_payloads(10, completed=False)


class Reads:
    """Reads logs of ten segments and counts the events read."""

    def __init__(self) -> None:
        self.cache, self.count = FoldCache(), 0

    def state(self, timeline: str) -> int:
        """Return how many events had to be read."""
        before = self.count
        assert len(self.cache.state(timeline, self._read).segments) == 10
        return self.count - before

    def _read(self, epoch: str | None, after: int) -> tuple[str, Iterable[tuple[int, Payload]]]:
        rows = list(enumerate(PAYLOADS, 1))[after if epoch == "e" else 0 :]
        self.count += len(rows)
        return "e", rows


def test_a_fold_that_was_read_before_reads_nothing_again() -> None:
    reads = Reads()
    assert [reads.state(f"tl_{number}") for number in range(16)] == [len(PAYLOADS)] * 16
    assert [reads.state(f"tl_{number}") for number in range(16)] == [0] * 16


def test_large_folds_make_room_for_each_other_but_the_last_four_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold_cache, "_MAX_SEGMENTS", 30)
    reads = Reads()
    for number in range(6):
        reads.state(f"tl_{number}")
    assert [reads.state(f"tl_{number}") for number in (2, 3, 4, 5)] == [0] * 4
    assert reads.state("tl_0") == len(PAYLOADS)
