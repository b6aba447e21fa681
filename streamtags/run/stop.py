"""A request to stop an analysis."""

from __future__ import annotations

import asyncio

__all__ = ["Stop"]


class Stop(asyncio.Event):
    """Set it to stop an analysis.

    Attributes:
        reason: why, for the log; "" if a person wants it.
    """

    reason = ""
