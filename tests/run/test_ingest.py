"""A folder into which files are copied, moved and downloaded, with a real disk."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamtags.core.errors import SourceError, StoreError
from streamtags.run.arrivals import FileStamp
from streamtags.run.ingest import Inbox, ingest
from streamtags.run.journal import Journal

Analyze = Callable[[str], Awaitable[bool]]


class Desk:
    """A watched folder, and which files were analyzed."""

    def __init__(self, root: Path) -> None:
        self.folder, self.store = root / "in", root / "store"
        self.folder.mkdir()
        self.analyzed: list[str] = []
        self.sizes: list[int] = []
        self.notices: list[str] = []
        self.bad: set[str] = set()

    def inbox(self, *, recursive: bool = False, settle_seconds: float = 0.2) -> Inbox:
        journal = Journal(self.store, self.folder)
        return Inbox(self.folder, journal, recursive=recursive, settle_seconds=settle_seconds, notice=self.notices.append)

    async def analyze(self, path: str) -> bool:
        name = str(Path(path).relative_to(self.folder))
        self.analyzed.append(name)
        self.sizes.append(Path(path).stat().st_size)
        await asyncio.sleep(0)
        return name not in self.bad

    async def once(self, **options: bool) -> list[str]:
        """Ingest what is there, as one run of the command; return what was analyzed."""
        before = len(self.analyzed)
        async with asyncio.timeout(60):
            await ingest(self.inbox(**options), self.analyze, watch=False, stop=asyncio.Event(), poll_seconds=0.05)
        return self.analyzed[before:]

    async def watch(self, during: Awaitable[None], inbox: Inbox | None = None) -> None:
        """Watch while `during` runs."""
        stop = asyncio.Event()
        watching = asyncio.create_task(ingest(inbox or self.inbox(), self.analyze, watch=True, stop=stop, poll_seconds=0.05))
        async with asyncio.timeout(60):
            await during
            stop.set()
            await watching

    async def until(self, *names: str) -> None:
        while not set(names) <= set(self.analyzed):
            await asyncio.sleep(0.02)

    async def noticed(self, count: int) -> None:
        while len(self.notices) < count:
            await asyncio.sleep(0.02)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_slow_copy_is_taken_once_and_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0  # of the inbox; it moves on with the copy, so that a busy machine does not make a pause of it
    monkeypatch.setattr("streamtags.run.ingest.time", SimpleNamespace(monotonic=lambda: now, time_ns=time.time_ns))

    async def copy() -> None:
        nonlocal now
        with (desk.folder / "slow.mp4").open("wb") as file:
            for _ in range(15):
                file.write(b"x" * 100)
                file.flush()
                now += 0.15
                await asyncio.sleep(0.06)
        for _ in range(10):
            while not desk.analyzed:
                now += 0.1
                await asyncio.sleep(0.02)
            now += 0.1
            await asyncio.sleep(0.02)

    await desk.watch(copy())
    assert (desk.analyzed, desk.sizes) == (["slow.mp4"], [1500])


async def test_partial_downloads_hidden_files_and_other_kinds_are_left_alone_until_they_get_their_name(desk: Desk) -> None:
    for name in ("a.mp4.part", "b.mkv.crdownload", ".c.mp4", "notes.txt", "d.mp4", "d.mp4.aria2", "e.mp4", "e.mp4.part"):
        (desk.folder / name).write_bytes(b"x")
    assert await desk.once() == []
    (desk.folder / "a.mp4.part").rename(desk.folder / "a.mp4")
    (desk.folder / "d.mp4.aria2").unlink()
    assert sorted(await desk.once()) == ["a.mp4", "d.mp4"]


async def test_what_was_done_is_remembered_across_restarts_and_renames_and_a_changed_file_is_new(desk: Desk) -> None:
    for name in ("a.mp4", "b.mov"):
        (desk.folder / name).write_bytes(name.encode())
    assert sorted(await desk.once()) == ["a.mp4", "b.mov"]
    assert await desk.once() == []
    (desk.folder / "a.mp4").rename(desk.folder / "renamed.mp4")
    assert await desk.once() == []
    (desk.folder / "b.mov").write_bytes(b"another film")
    assert await desk.once() == ["b.mov"]


async def test_a_file_that_fails_stops_nothing_and_is_given_up_after_three_runs(desk: Desk) -> None:
    desk.bad = {"a-bad.mp4"}
    for name in ("a-bad.mp4", "b.mp4"):
        (desk.folder / name).write_bytes(name.encode())
    assert await desk.once() == ["a-bad.mp4", "b.mp4"]
    assert [await desk.once() for _ in range(4)] == [["a-bad.mp4"], ["a-bad.mp4"], [], []]


async def test_a_locked_file_waits_until_it_is_released(desk: Desk) -> None:
    path = desk.folder / "locked.mp4"
    path.write_bytes(b"x")

    async def lock() -> None:
        with path.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            await asyncio.sleep(0.6)
            assert desk.analyzed == []
        await desk.until("locked.mp4")

    await desk.watch(lock())


async def test_a_folder_that_vanishes_and_comes_back_loses_nothing_and_repeats_nothing(desk: Desk) -> None:
    (desk.folder / "a.mp4").write_bytes(b"a")
    away = desk.folder.with_name("away")

    async def unplug() -> None:
        await desk.until("a.mp4")
        desk.folder.rename(away)
        await desk.noticed(1)
        (away / "b.mp4").write_bytes(b"b")
        away.rename(desk.folder)
        await desk.until("b.mp4")
        shutil.rmtree(desk.folder)
        await desk.noticed(3)
        desk.folder.mkdir()  # the empty mount point
        await desk.noticed(4)

    await desk.watch(unplug())
    assert desk.analyzed == ["a.mp4", "b.mp4"]
    assert [notice.endswith("is back") for notice in desk.notices] == [False, True, False, True]


async def test_a_file_that_vanishes_while_it_is_analyzed_has_not_failed(desk: Desk) -> None:
    path = desk.folder / "gone.mp4"

    async def vanish(name: str) -> bool:
        desk.analyzed.append(Path(name).name)
        Path(name).unlink()
        return False

    path.write_bytes(b"x")
    stop = asyncio.Event()
    async with asyncio.timeout(60):
        await ingest(desk.inbox(), vanish, watch=False, stop=stop, poll_seconds=0.05)
    assert (desk.analyzed, Journal(desk.store, desk.folder).records) == (["gone.mp4"], {})


async def test_ten_thousand_files_are_each_taken_once_and_looked_at_once_unopened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in range(10):
        (desk.folder / str(folder)).mkdir()
        for number in range(1000):
            (desk.folder / str(folder) / f"{number}.mp4").write_bytes(b"x")
    inbox = desk.inbox(recursive=True, settle_seconds=0)
    assert inbox.scan() == []
    ready = inbox.scan()
    assert len(set(ready)) == len(ready) == 10_000
    looks = 0

    def look(status: os.stat_result) -> FileStamp:
        nonlocal looks
        looks += 1
        return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)

    monkeypatch.setattr("streamtags.run.ingest._stamp", look)
    monkeypatch.setattr(Path, "open", None)
    assert len(inbox.scan()) == looks == 10_000


async def test_a_journal_that_a_crash_cut_short_is_read_as_far_as_it_goes(desk: Desk) -> None:
    for name in ("a.mp4", "b.mp4"):
        (desk.folder / name).write_bytes(name.encode())
    assert len(await desk.once()) == 2
    (journal,) = (desk.store / "ingest").iterdir()
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + b'[1, 2]\n{"path": 3}\nnull\n\xff\n' + lines[1][:20])
    assert len(await desk.once()) == 1


def test_a_missing_folder_and_a_store_that_cannot_be_written_are_named(desk: Desk) -> None:
    journal = Journal(desk.store, desk.folder)
    with pytest.raises(SourceError, match="there is no such folder"):
        Inbox(desk.folder / "typo", journal, recursive=False, settle_seconds=1)
    (desk.store.parent / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be read or written"):
        Journal(desk.store.parent / "file", desk.folder)


async def test_names_that_are_no_text_are_remembered_too(desk: Desk) -> None:
    Path(os.fsdecode(os.fsencode(desk.folder) + b"/caf\xe9.mp4")).write_bytes(b"x")
    assert len(await desk.once()) == 1
    assert await desk.once() == []
