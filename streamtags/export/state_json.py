"""`json`: the timeline as it is, the same object that `GET /v1/timelines/{id}` gives."""

from __future__ import annotations

import json
from collections.abc import Iterable

from streamtags.core.events import Event
from streamtags.core.state import TimelineState
from streamtags.export.base import Export, Options

__all__ = ["JSON"]


def _render(state: TimelineState, events: Iterable[Event], options: Options) -> str:
    return json.dumps(state.to_dict(), indent=2, ensure_ascii=False) + "\n"


JSON = Export(name="json", suffix=".json", media_type="application/json", text=_render)
