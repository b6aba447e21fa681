"""Spans: what is recorded, in which trace, and that nothing is imported or recorded unless a collector is named."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.settings import Settings
from streamtags.run.analyze import analyze
from streamtags.run.traces import current_traceparent, remote_parent, span, traced
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.serving import ServerProcess

export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="the extra traces is not installed")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra traces is not installed")

SCRIPTED = {"scripted": {"captioner": {"backend": "scripted"}, "classifier": {"backend": "scripted"}}}
CONFIG = """
profile = "p"

[profiles.p]
captioner = { backend = "scripted" }
classifier = { backend = "scripted" }
"""
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_an_analysis_is_a_span_and_each_stage_of_each_segment_is_one_inside_it(tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", [ShotSpec(20, "texture"), ShotSpec(20, "stripes")], size=(160, 90))
    exporter = export.InMemorySpanExporter()
    with open_store(f"sqlite:///{tmp_path}/store.db") as store, traced("tests", exporter), remote_parent(PARENT):
        state = await analyze(str(tmp_path / "film.mp4"), Settings(profile="scripted", profiles=SCRIPTED), store)
    spans = exporter.get_finished_spans()
    (analysis,) = [one for one in spans if one.name == "analysis"]
    assert analysis.attributes == {"profile": "scripted", "timeline": state.id}
    assert analysis.parent is not None
    assert f"00-{analysis.parent.trace_id:032x}-{analysis.parent.span_id:016x}-01" == PARENT
    stages = [one for one in spans if one.name.startswith("stage ")]
    assert {(one.name, one.attributes["segment"]) for one in stages} >= {
        (f"stage {stage}", segment) for stage in ("caption", "tag") for segment in ("s0000", "s0001")
    }
    assert {one.parent.span_id for one in stages} == {analysis.context.span_id}


def test_a_failure_marks_its_span(tmp_path: Path) -> None:
    exporter = export.InMemorySpanExporter()
    with traced("tests", exporter):
        with pytest.raises(ValueError, match="broken"), span("work", parent="not a traceparent"):
            raise ValueError("broken")
        assert current_traceparent() is None
    (failed,) = exporter.get_finished_spans()
    assert failed.parent is None
    assert not failed.status.is_ok


def test_without_a_collector_opentelemetry_is_not_imported_and_nothing_is_recorded() -> None:
    program = """
import sys
from streamtags.run.traces import annotate, current_traceparent, remote_parent, span, traced
with traced("tests"), remote_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), span("work"):
    annotate(timeline="tl_a")
    assert current_traceparent() is None
assert not any(name.startswith("opentelemetry") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


class Collector(http.server.ThreadingHTTPServer):
    """A collector that keeps each span with the name of its service."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receive)
        self.spans: list[tuple[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Receive(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        body = self.rfile.read(int(self.headers["content-length"]))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            self.server.spans += [(service, one) for scope in resource.scope_spans for one in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, daemon=True)
        thread.start()
        yield collector
        collector.shutdown()


@pytest.mark.slow
def test_a_request_its_analysis_in_another_process_and_their_caller_are_one_trace(tmp_path: Path, profile_of_the_file: None) -> None:
    make_video(tmp_path / "film.mp4", [ShotSpec(20)], size=(160, 90))
    (tmp_path / "config.toml").write_text(CONFIG)
    flags = ["--media-root", str(tmp_path), "--config", str(tmp_path / "config.toml")]
    with collecting() as collector:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        server = ServerProcess(f"sqlite:///{tmp_path}/store.db", flags, environment=environment, log=tmp_path / "log")
        server.start()
        try:
            server.wait_until_ready()
            headers = {"content-type": "application/json", "traceparent": PARENT}
            request = urllib.request.Request(f"{server.url}/v1/timelines", b'{"uri": "film.mp4"}', headers)
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == 202
            deadline = time.monotonic() + 60
            while not any(one.name == "analysis" for _, one in collector.spans):
                assert time.monotonic() < deadline, "no span of the analysis has come"
                time.sleep(0.05)
        finally:
            server.stop()
    trace_id, caller = PARENT.split("-")[1:3]
    spans = {(service, one.name): one for service, one in collector.spans if one.trace_id.hex() == trace_id}
    request_span = spans["streamtags-server", "analyze"]
    analysis = spans["streamtags-worker", "analysis"]
    assert request_span.parent_span_id.hex() == caller
    assert analysis.parent_span_id == request_span.span_id
    assert spans["streamtags-worker", "stage caption"].parent_span_id == analysis.span_id
    assert (tmp_path / "log").read_text().count("ERROR") == 0


@pytest.mark.allow_error_logs
def test_a_collector_that_does_not_answer_delays_the_end_by_seconds_only() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        patch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600")  # how long it would try
        began = time.monotonic()
        with traced("tests"), span("work"):
            pass
        assert time.monotonic() - began < 60
