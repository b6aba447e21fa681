"""Where a reader and the truth of a sample differ on purpose: sample, what, and why the reader is right or the truth is silent."""

from __future__ import annotations

DIFFERENCES: dict[tuple[str, str], str] = {}
