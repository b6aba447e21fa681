"""Browsing below media roots: what may be analyzed is listed, and nothing else of the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamtags.core.errors import NotInStore, SourceRefused
from streamtags.sources import folders
from streamtags.sources.folders import MediaFolders


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "media"
    (made / "reel 2").mkdir(parents=True)
    (made / "Reel 10").mkdir()
    (made / "cut.fcpxmld").mkdir()
    for name in ("b.mp4", "A.MOV", "edit.edl", "song.FLAC", "notes.txt", "reel 2/c.mxf", ".hidden.mp4"):
        (made / name).write_bytes(b"four")
    (made / ".git").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "private.mp4").write_bytes(b"x")
    return made


def names(root: Path, path: Path | str = "") -> list[str]:
    return [entry.name for entry in MediaFolders([root]).browse(str(path)).entries]


def test_folders_come_first_and_only_media_and_edits_are_listed(root: Path) -> None:
    assert names(root) == ["media"]
    assert names(root, root) == ["Reel 10", "reel 2", "A.MOV", "b.mp4", "cut.fcpxmld", "edit.edl", "song.FLAC"]
    page = MediaFolders([root]).browse(str(root / "reel 2"))
    assert (page.parent, page.truncated) == (str(root), False)
    (entry,) = page.entries
    assert (entry.path, entry.size, entry.is_folder) == (str(root / "reel 2" / "c.mxf"), 4, False)
    assert entry.modified_at is not None
    assert MediaFolders([root]).browse(str(root)).parent == ""


def test_links_are_listed_only_if_they_stay_inside(root: Path) -> None:
    (root / "out.mp4").symlink_to(root.parent / "secret" / "private.mp4")
    (root / "out").symlink_to(root.parent / "secret")
    (root / "loop").symlink_to(root / "loop")
    (root / "gone.mp4").symlink_to(root / "nothing.mp4")
    (root / "to hidden.mp4").symlink_to(root / ".hidden.mp4")
    (root / "in.mp4").symlink_to(root / "b.mp4")
    (root / "in").symlink_to(root / "reel 2")
    assert names(root, root) == ["in", "Reel 10", "reel 2", "A.MOV", "b.mp4", "cut.fcpxmld", "edit.edl", "in.mp4", "song.FLAC"]
    assert names(root, root / "in") == ["c.mxf"]


def test_folders_outside_are_refused_alike_whether_or_not_they_exist(root: Path) -> None:
    (root / "out").symlink_to(root.parent / "secret")
    outside = ["/", "/etc", str(root.parent), str(root.parent / "secret"), str(root / ".."), str(root / "out"), "/no/such/folder"]
    outside += [str(root / ".git"), str(root / ".no"), f"{root}-2", "reel 2", ".", "..", "~", "\0", f"{root}/\0", "file:///etc"]
    for path in outside:
        with pytest.raises(SourceRefused) as refused:
            MediaFolders([root]).browse(path)
        assert refused.value.what == "lies outside the folders that may be read, or is hidden", path


def test_a_folder_that_is_not_there_or_is_a_file_is_not_found(root: Path) -> None:
    for path in ("reel 3", "b.mp4"):
        with pytest.raises(NotInStore, match="no such folder"):
            MediaFolders([root]).browse(str(root / path))
    if os.getuid():
        (root / "reel 2").chmod(0)
        with pytest.raises(NotInStore, match="cannot be read"):
            MediaFolders([root]).browse(str(root / "reel 2"))


def test_a_name_that_is_no_text_is_left_out(root: Path) -> None:
    Path(os.fsdecode(bytes(root) + b"/bad\xff.mp4")).write_bytes(b"x")
    assert "b.mp4" in names(root, root)
    assert all(name.isprintable() for name in names(root, root))


def test_a_large_folder_is_cut_and_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_ENTRIES", 3)
    page = MediaFolders([root]).browse(str(root))
    assert [entry.name for entry in page.entries] == ["Reel 10", "reel 2", "A.MOV"]
    assert page.truncated
