"""Every implementation of a store passes the same checks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from streamtags.core.records import Job, TimelineIdentity
from streamtags.store.opening import open_store
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.memory_store import MemoryStore
from streamtags.testing.store_conformance import STORE_CHECKS, StoreCheck

checks = pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)


@checks
def test_sqlite(check: StoreCheck, tmp_path: Path) -> None:
    check(lambda: SqliteStore(tmp_path / "events.db"))


@checks
def test_memory(check: StoreCheck) -> None:
    data = MemoryStore()
    check(lambda: MemoryStore(data))


@checks
def test_postgres(check: StoreCheck, postgres_url: str) -> None:
    check(lambda: open_store(postgres_url))


@checks
@pytest.mark.parametrize("place", ["memory", pytest.param("file", marks=pytest.mark.slow)])
def test_postgres_with_thumbnails_elsewhere(check: StoreCheck, postgres_url: str, tmp_path: Path, place: str) -> None:
    pytest.importorskip("fsspec", reason="the extra objects is not installed")
    root = tmp_path.as_uri() if place == "file" else f"memory://{tmp_path.name}"
    check(lambda: open_store(f"{postgres_url}&thumbnails={root}/thumbnails"))


def test_claims_and_leases_in_memory_end_after_their_time() -> None:
    store = MemoryStore()
    store.open_timeline("tl_a", TimelineIdentity("a"))
    store.claim("tl_a", "me", ttl_seconds=0.01)
    store.job_queue.submit(Job("tl_a", "{}", 0.0), "me", ttl_seconds=0.01)
    time.sleep(0.02)
    store.claim("tl_a", "you")
    assert [job.timeline for job in store.job_queue.take("you")] == ["tl_a"]
