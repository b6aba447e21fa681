"""Counters of one server process, in the Prometheus text format.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections import Counter

__all__ = ["HELP", "Metrics"]

HELP: dict[str, tuple[str, str]] = {
    "streamtags_connections": ("gauge", "WebSocket connections open"),
    "streamtags_subscriptions": ("gauge", "subscriptions open"),
    "streamtags_events_sent_total": ("counter", "events sent to WebSocket clients"),
    "streamtags_snapshots_sent_total": ("counter", "states sent to WebSocket clients"),
    "streamtags_lagged_total": ("counter", "times a reader fell behind its queue and was read forward from the store"),
    "streamtags_readers_waiting": ("gauge", "readers that wait to be brought up to date from the store"),
    "streamtags_readers_refused_total": ("counter", "readers disconnected because too many waited to be brought up to date"),
    "streamtags_closed_total": ("counter", "WebSocket connections closed by the server, by code"),
    "streamtags_http_responses_total": ("counter", "HTTP responses, by status"),
    "streamtags_uploaded_bytes_total": ("counter", "bytes of uploads written to disk"),
    "streamtags_jobs_queued": ("gauge", "analyses that wait in the store, for all its servers together: the same at each of them"),
    "streamtags_jobs_running": ("gauge", "analyses that run at this server"),
    "streamtags_jobs_ended_total": ("counter", "analyses that ended, by how"),
    "streamtags_workers_replaced_total": ("counter", "analysis processes that were killed from outside, and replaced"),
    "streamtags_events_stored_total": ("counter", "events that analyses of this server made durable"),
    "streamtags_stage_results_total": ("counter", "answers for segments, by stage and lane"),
    "streamtags_stage_failures_total": ("counter", "answers that failed, by stage and lane, and whether they are tried again"),
    "streamtags_stage_answer_seconds_total": ("counter", "time that answers took, by stage and lane; answers overlap"),
    "streamtags_model_tokens_total": ("counter", "tokens that models counted, by stage, lane and kind"),
    "process_cpu_seconds_total": ("counter", "processor time of the server, its analyses not counted"),
    "process_max_resident_bytes": ("gauge", "most memory the server ever used"),
    "process_open_fds": ("gauge", "files and sockets open"),
    "streamtags_tasks": ("gauge", "running coroutines; more than connections and analyses explain is a leak"),
}
"""Kind and meaning of every metric."""


class Metrics:
    """Numbers by name and label. Used from one event loop."""

    def __init__(self) -> None:
        self._values: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, by: float = 1, label: str = "") -> None:
        """Add `by`; `label` is a pair in the text format, such as `code="200"`."""
        self._values[name, label] += by  # type: ignore[assignment] # Counter is typed for whole numbers and accepts any

    def set(self, name: str, value: float) -> None:
        """Replace the value of a gauge without a label."""
        self._values[name, ""] = value  # type: ignore[assignment] # Counter is typed for whole numbers and accepts any

    def value(self, name: str, label: str = "") -> float:
        """Return the value now."""
        return self._values[name, label]

    def text(self) -> str:
        """Return all of them in the text format; call it in the event loop."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        measured: dict[tuple[str, str], float] = {
            ("process_cpu_seconds_total", ""): usage.ru_utime + usage.ru_stime,
            ("process_max_resident_bytes", ""): usage.ru_maxrss * 1024,  # Linux counts kibibytes: getrusage(2)
            ("process_open_fds", ""): sum(1 for _ in os.scandir("/dev/fd")) - 1,  # without the one that lists them
            ("streamtags_tasks", ""): len(asyncio.all_tasks()),
        }
        lines = []
        for name, (kind, help_text) in HELP.items():
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
            values = {label: value for (key, label), value in {**self._values, **measured}.items() if key == name}
            lines += [
                f"{name}{{{label}}} {_text(value)}" if label else f"{name} {_text(value)}"
                for label, value in sorted((values or {"": 0}).items())
            ]
        return "\n".join(lines) + "\n"


def _text(value: float) -> str:
    """Return a number in full: a rate of rounded counters would be wrong."""
    return str(int(value)) if value == int(value) else repr(value)
