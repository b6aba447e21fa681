"""A folded run and its log, from the golden cases of the fold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.events import Event
from streamtags.core.state import TimelineState

GOLDEN_PATH = Path(__file__).parents[1] / "core" / "golden" / "fold.json"


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    return {case["name"]: case for case in json.loads(GOLDEN_PATH.read_text(encoding="utf-8"))}


@pytest.fixture
def events(golden: dict[str, Any]) -> list[Event]:
    return [Event.model_validate(event) for event in golden["a whole run"]["events"]]


@pytest.fixture
def state(golden: dict[str, Any]) -> TimelineState:
    return TimelineState.model_validate(golden["a whole run"]["state"])
