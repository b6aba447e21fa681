"""`json`: the whole state, the same object that `GET /v1/timelines/{id}` returns."""

from __future__ import annotations

import json

from streamtags.export.base import Format, TimelineView
from streamtags.export.options import ExportOptions

__all__ = ["JSON"]


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    return (json.dumps(view.state.to_dict(), indent=2, ensure_ascii=False) + "\n").encode()


JSON = Format(name="json", suffix=".json", media_type="application/json", description="JSON, the whole timeline", render=_render)
