"""A log that clients follow while it grows."""

from __future__ import annotations

import pytest

from streamtags.testing.stream_server import MemoryLog


@pytest.fixture
def log() -> MemoryLog:
    """No timelines yet."""
    return MemoryLog()
