"""A store, and a film to analyze into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shots of thirty frames."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_video(path, [ShotSpec(frames=30, look=look) for look in ("texture", "stripes", "lights")], rate=25, size=(320, 180))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "s.db") as opened:
        yield opened
