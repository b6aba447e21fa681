"""`json`: the timeline as it is, the same object that `GET /v1/timelines/{id}` gives."""

from __future__ import annotations

import json
from collections.abc import Iterable

from streamtags.events import Event
from streamtags.export.base import Export, Options
from streamtags.state import TimelineState

__all__ = ["JSON"]


def _render(state: TimelineState, events: Iterable[Event], options: Options) -> str:
    return json.dumps(state.to_dict(), indent=2, ensure_ascii=False) + "\n"


JSON = Export(name="json", suffix=".json", media_type="application/json", text=_render)
