"""What an analysis process reports for `/metrics`: results, failures, time and tokens by stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import TypeAdapter, ValidationError

from streamtags.core.events import Event, SegmentFailed
from streamtags.stages.table import all_stages
from streamtags_server.metrics import Metrics

__all__ = ["add_counts", "counts_of"]

_RESULTS = "streamtags_stage_results_total"
_FAILURES = "streamtags_stage_failures_total"
_SECONDS = "streamtags_stage_answer_seconds_total"
_TOKENS = "streamtags_model_tokens_total"
_EVENTS = "streamtags_events_stored_total"
_NAMES = frozenset({_RESULTS, _FAILURES, _SECONDS, _TOKENS, _EVENTS})

_COUNTS = TypeAdapter(dict[str, dict[str, float]])


def counts_of(events: Iterable[Event]) -> dict[str, dict[str, float]]:
    """Return what the events add to each metric, by its labels."""
    stages = {payload.type: stage for stage in all_stages() for payload in stage.emits}
    lanes = {stage.name: stage.lane or "none" for stage in stages.values()}
    counts: dict[str, Counter[str]] = {name: Counter() for name in sorted(_NAMES)}
    for event in events:
        counts[_EVENTS][""] += 1
        if isinstance(event.data, SegmentFailed):
            name = event.data.stage
            counts[_FAILURES][f'{_labels(name, lanes.get(name, "none"))},will_retry="{str(event.data.will_retry).lower()}"'] += 1
        elif event.type in stages:
            name = stages[event.type].name
            counts[_RESULTS][_labels(name, lanes[name])] += 1
            seconds = getattr(event.data, "ms", 0.0) / 1000
            counts[_SECONDS][_labels(name, lanes[name])] += seconds  # type: ignore[assignment] # Counter is typed for whole numbers
        else:
            continue
        if (usage := getattr(event.data, "usage", None)) is not None:
            counts[_TOKENS][f'{_labels(name, lanes.get(name, "none"))},kind="prompt"'] += usage.prompt_tokens
            counts[_TOKENS][f'{_labels(name, lanes.get(name, "none"))},kind="completion"'] += usage.completion_tokens
    return {name: dict(counter) for name, counter in counts.items() if counter}


def add_counts(metrics: Metrics, report: Mapping[str, object]) -> None:
    """Add what a process reported; ignore a report that is not one."""
    try:
        counts = _COUNTS.validate_python(report.get("counts", {}))
    except ValidationError:
        return
    for name in counts.keys() & _NAMES:
        for labels, value in counts[name].items():
            metrics.add(name, value, labels)


def _labels(stage: str, lane: str) -> str:
    return f'stage="{stage}",lane="{lane}"'
