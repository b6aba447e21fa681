"""Appends that do not fit on the disk fail as a whole, and work again when there is space."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import StoreError
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore

PROGRAM = """
import json, resource, sys
from streamtags.core.errors import StoreError
from streamtags.core.events import SegmentCaptioned
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore

def caption(number):
    return SegmentCaptioned(segment=f"s{number:04d}", rev=1, caption="x" * 20_000, model="m")

results = []
with SqliteStore(sys.argv[1]) as store:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    written = 0
    for number in range(100):
        try:
            written = store.append("tl_a", [caption(number)])[-1].seq
        except StoreError as error:
            results.append(error.code)
            break
    results.append(store.head("tl_a").seq == written == len(store.read("tl_a")))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    results.append(store.append("tl_a", [caption(100)])[0].seq == written + 1)
    store.check_health()
print(json.dumps(results))
"""


def test_a_file_that_may_not_grow_refuses_and_later_takes_events(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    ran = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True)
    code, *rest = json.loads(ran.stdout)
    assert code in ("store.full", "store.io")
    assert rest == [True, True]
    with SqliteStore(path) as store:
        assert [event.seq for event in store.read("tl_a")] == list(range(1, store.head("tl_a").seq + 1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_refuses_and_takes_events_when_space_returns(small_disk: Path, make: Any) -> None:
    with SqliteStore(small_disk / "events.db") as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        given = store.append("tl_a", [make.opened()])
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        for _ in range(2):
            with pytest.raises(StoreError, match="no space left") as caught:
                store.append("tl_a", [make.captioned(0, 1, "x" * 100_000)], thumbnails={"s0000": b"jpeg"})
            assert caught.value.code == "store.full"
            assert store.read("tl_a") == given
        ballast.unlink()
        assert store.append("tl_a", [make.captioned(0, 1, "x" * 100_000)])[0].seq == 2
