"""Spans of OpenTelemetry: what an analysis did and when, across processes.

OpenTelemetry is imported only if the environment names a collector; otherwise a span costs nothing. The standard variables configure it
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["annotate", "current_traceparent", "remote_parent", "send_spans", "span", "traced"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# How long to try to send spans. The end of a process waits for that if the collector does not answer.
_SEND_SECONDS = 2
_HEADER = "traceparent"

_log = logging.getLogger(__name__)
_provider: TracerProvider | None = None


@contextmanager
def traced(service: str, exporter: SpanExporter | None = None) -> Iterator[None]:
    """Record spans of this process inside the block, if the environment names a collector or an exporter is given, and send them.

    Args:
        service: the name of this program in traces, unless `OTEL_SERVICE_NAME` says another.
        exporter: where spans go; None for the collector of the environment.
    """
    global _provider
    _provider = _open_provider(service, exporter)
    try:
        yield
    finally:
        provider, _provider = _provider, None
        if provider is not None:
            provider.shutdown()


def _open_provider(service: str, exporter: SpanExporter | None) -> TracerProvider | None:
    if exporter is None and not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.warning("no spans are sent to the collector that the environment names: pip install 'streamtags[traces]'")
        return None
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(timeout=_SEND_SECONDS)))
    return provider


def send_spans() -> None:
    """Send the spans that have ended, and return when they have arrived or the collector does not answer in time."""
    if _provider is not None:
        _provider.force_flush(_SEND_SECONDS * 1000)


def span(name: str, *, parent: str | None = None, **attributes: str | int) -> AbstractContextManager[Any]:
    """Return a context that records a span while it lasts; an exception marks the span as failed.

    Args:
        name: what is done.
        parent: `traceparent` of a caller in another process; without it the span is a child of the span around it.
        attributes: further facts.
    """
    if _provider is None:
        return nullcontext()
    tracer = _provider.get_tracer("streamtags")
    started: AbstractContextManager[Any] = tracer.start_as_current_span(name, context=_context(parent), attributes=attributes)
    return started


def annotate(**attributes: str | int) -> None:
    """Add facts to the present span."""
    if _provider is not None:
        from opentelemetry import trace

        trace.get_current_span().set_attributes(attributes)


def current_traceparent() -> str | None:
    """Return the present span as a W3C `traceparent`, for another process; None if nothing is recorded."""
    if _provider is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(_HEADER)


def remote_parent(traceparent: str | None) -> AbstractContextManager[Any]:
    """Return a context in which spans are children of a span of another process; a value that is not one is ignored."""
    if _provider is None or traceparent is None:
        return nullcontext()
    from opentelemetry import trace

    used: AbstractContextManager[Any] = trace.use_span(trace.get_current_span(_context(traceparent)))
    return used


def _context(traceparent: str | None) -> Any:
    if traceparent is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({_HEADER: traceparent})
