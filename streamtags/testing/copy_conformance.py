"""Checks of copying logs between stores and of watching them; part of `streamtags.testing.store_conformance`."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from streamtags.core.errors import StoreError
from streamtags.core.fold import fold
from streamtags.core.records import Fingerprint, TimelineIdentity
from streamtags.core.stores import Store
from streamtags.testing.log import make_payloads as _payloads
from streamtags.testing.raising import raises

__all__ = ["COPY_CHECKS"]

_A, _B = TimelineIdentity("source a"), TimelineIdentity("source b")
_FINGERPRINT = Fingerprint(48, b"fingerprint")
_SOON_SECONDS, _PAUSE_SECONDS = 60.0, 0.05


def a_restored_log_is_the_log_of_the_other_store(open_handle: Callable[[], Store]) -> None:
    """Check `restore`, `fingerprints` and `vocabularies`; the timelines of one store stand for those of two."""
    with open_handle() as store:
        store.open_timeline("tl_a", _A)
        store.append("tl_a", _payloads(2), thumbnails={"s0000": b"jpeg"}, fingerprints={"s0000": _FINGERPRINT})
        lines, head = store.read_json("tl_a"), store.head("tl_a")
        store.replace("tl_a", _payloads(1))
        with raises(StoreError, "store.epoch"):
            store.restore("tl_a", lines)
        assert store.restore("tl_a", lines[:3], replace=True) == (head.epoch, 3)
        with raises(StoreError, "store.gap"):
            store.restore("tl_a", lines[4:])
        blobs = store.restore(
            "tl_a", lines[1:], thumbnails={"s0000": b"copy"}, fingerprints={"s0000": _FINGERPRINT}, waveforms={"s0000": b"w"}
        )
        assert blobs == head == store.head("tl_a")
        assert store.restore("tl_a", lines) == head
        assert store.read_json("tl_a") == lines
        assert store.state("tl_a") == fold(store.read("tl_a"))
        assert (store.summary("tl_a").segments, store.summary("tl_a").state) == (2, store.state("tl_a").state)
        assert store.thumbnail("tl_a", "s0000") == b"copy"
        assert store.fingerprints("tl_a") == {"s0000": _FINGERPRINT}
        store.open_timeline("tl_b", _B)
        assert store.fingerprints("tl_b") == {}
        store.claim("tl_b", "me")
        with raises(StoreError, "store.claimed"):
            store.restore("tl_b", [])


def watchers_are_called_soon_after_any_change(open_handle: Callable[[], Store]) -> None:
    """Check `watch`."""
    calls: queue.Queue[int] = queue.Queue()
    with open_handle() as store, open_handle() as other:
        stop = store.watch(calls.put)
        assert calls.get(timeout=_SOON_SECONDS) == store.data_version()
        for change in (lambda: other.open_timeline("tl_a", _A), lambda: other.append("tl_a", _payloads(2)), lambda: store.remove("tl_a")):
            change()
            version = store.data_version()  # a handle's versions are its own
            while calls.get(timeout=_SOON_SECONDS) != version:
                pass
        stop()
        while not calls.empty():
            calls.get()
        other.open_timeline("tl_b", _B)
        time.sleep(_PAUSE_SECONDS)
        assert calls.empty()


COPY_CHECKS: tuple[Callable[[Callable[[], Store]], None], ...] = (
    a_restored_log_is_the_log_of_the_other_store,
    watchers_are_called_soon_after_any_change,
)
