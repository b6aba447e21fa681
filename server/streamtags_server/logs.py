"""Log lines of the server and of its analyses, as text or as JSON."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Literal

__all__ = ["configure_logging"]

_TIMELINE = re.compile(r"\btl_[0-9a-f]{16}\b")


class _JsonLines(logging.Formatter):
    """One JSON object a line, with the timeline and the segment that the line is about as fields."""

    def __init__(self, timeline: str | None) -> None:
        super().__init__()
        self._timeline = timeline

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        message = record.getMessage()
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
        }
        named = _TIMELINE.search(message)
        if timeline := self._timeline or (named and named[0]):
            line["timeline"] = timeline
        if segment := getattr(record, "segment", None):
            line["segment"] = segment
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(kind: Literal["text", "json"], *, timeline: str | None = None) -> None:
    """Log to standard error.

    Args:
        kind: `server.log`.
        timeline: the one that this process works on, if it works on one.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(timeline) if kind == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("uvicorn", "mcp", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.WARNING)
