"""The files for running several servers: no engine runs here, so what they set and show is compared with the program itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from streamtags_server.jobs.counting import add_counts, counts_of
from streamtags_server.metrics import HELP, Metrics

from streamtags.cli.parser import build_parser
from streamtags.config.settings import load_settings
from streamtags.core.events import ErrorInfo, Event, SegmentFailed
from streamtags.store.postgres.address import PostgresAddress
from streamtags.testing.log import make_payloads

FOLDER = Path(__file__).resolve().parents[2] / "server" / "several"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVERS = ("server-a", "server-b", "worker")


def test_every_server_of_the_compose_file_uses_one_database_and_one_folder() -> None:
    urls = set()
    for name in SERVERS:
        service = COMPOSE["services"][name]
        args = build_parser().parse_args(["serve", "--host", "0.0.0.0", *service["command"]])
        urls.add(args.store)
        folders = [volume.split(":")[1] for volume in service["volumes"]]
        assert any(PostgresAddress.parse(args.store).folder.is_relative_to(folder) for folder in folders)
        assert "PGPASSWORD" in service["environment"]
    assert len(urls) == 1
    assert "ports" not in COMPOSE["services"]["worker"]


def test_the_settings_of_the_compose_file_exist(monkeypatch: Any) -> None:
    for name in SERVERS:
        for key, value in COMPOSE["services"][name]["environment"].items():
            if key.startswith("STREAMTAGS_SERVER"):
                monkeypatch.setenv(key, value)
    settings = load_settings({"profile": "embedded"})
    assert (settings.server.log, settings.server.analyses) == ("json", 4)


def test_prometheus_looks_at_every_server() -> None:
    targets = yaml.safe_load((FOLDER / "prometheus.yaml").read_text("utf-8"))["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"{name}:8710" for name in SERVERS]


def test_the_dashboard_shows_metrics_that_exist() -> None:
    dashboard = json.loads((FOLDER / "grafana.json").read_text("utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    shown = {name for expression in expressions for name in re.findall(r"\b(?:streamtags|process)_\w+", expression)}
    assert shown <= HELP.keys()
    assert {"streamtags_stage_results_total", "streamtags_jobs_running", "streamtags_model_tokens_total"} <= shown


async def test_answers_and_failures_are_counted_by_stage_and_lane() -> None:
    payloads = [*make_payloads(2), SegmentFailed(segment="s0001", stage="caption", error=ErrorInfo(code="model", message="no"))]
    events = [Event.of(payload, timeline="tl_a", epoch="e", seq=seq, at="2026-01-01T00:00:00Z") for seq, payload in enumerate(payloads, 1)]
    metrics = Metrics()
    add_counts(metrics, json.loads(json.dumps({"seq": 9, "counts": counts_of(events)})))
    add_counts(metrics, {"counts": {"process_open_fds": {"": 5}, "x": "y"}})
    lines = [line for line in metrics.text().splitlines() if line.startswith("streamtags_stage_") or "stored" in line]
    assert any(re.fullmatch(r'streamtags_stage_results_total\{stage="caption",lane="\w+"\} 2', line) for line in lines), lines
    assert any(re.fullmatch(r'streamtags_stage_failures_total\{stage="caption",lane="\w+",will_retry="false"\} 1', line) for line in lines)
    assert f"streamtags_events_stored_total {len(events)}" in lines
