"""`streamtags backfill` with a real Ray on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.backfill import CONCURRENCY, SEGMENTS, logs_of, make_films, one_by_one, scripted, stored_answers
from streamtags.testing import read_calls

pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # Ray starts slowly on a busy machine

PROGRAM = "import sys; from streamtags.cli import main; sys.exit(main())"
WORKERS = 2
CLUSTER = f"""
import sys, ray
from streamtags.run.executors.ray_films import ray_cluster
with ray_cluster(None, {WORKERS + 2}):
    print(ray.get_runtime_context().gcs_address, flush=True)
    sys.stdin.read()
"""
CONFIG = """
profile = "scripted"

[profiles.scripted]
concurrency = {concurrency}
captioner = {{ backend = "scripted", log = "{calls}", delay_seconds = 0.3 }}
classifier = {{ backend = "scripted", log = "{calls}" }}
"""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a Ray without a token in the home folder, and with little memory."""
    for name, value in {
        "AUTH_MODE": "disabled",
        "DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": "100000000",
        "DATA_DISABLE_PROGRESS_BARS": "1",
    }.items():
        monkeypatch.setenv(f"RAY_{name}", value)
    monkeypatch.delenv("STREAMTAGS_PROFILE")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with subprocess.Popen([sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        yield running.stdout.readline().strip()
        running.stdin.close()


def start(folder: Path, address: str) -> subprocess.Popen[str]:
    words = ["backfill", "films", "--workers", str(WORKERS), "--store", "sqlite:///together.db", "--config", "config.toml"]
    words += ["--address", address]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_worker_that_is_killed_costs_what_was_in_flight_and_films_end_as_one_by_one(tmp_path: Path, cluster: str) -> None:
    films = make_films(tmp_path / "films", 5)
    one_by_one(films, scripted(tmp_path / "alone.db", tmp_path / "alone.jsonl", 0.0))
    calls = tmp_path / "calls.jsonl"
    (tmp_path / "config.toml").write_text(CONFIG.format(concurrency=CONCURRENCY, calls=calls))
    (tmp_path / "films" / "bad.mp4").write_bytes(b"no film" * 100)

    running = start(tmp_path, cluster)
    tagged: list[int] = []
    while len(tagged) < 6 and running.poll() is None:
        time.sleep(0.05)
        tagged = [call["pid"] for call in read_calls(calls) if call["stage"] == "tag"]
    stored = stored_answers(tmp_path / "together.db")
    os.kill(tagged[-1], signal.SIGKILL)
    time.sleep(1.0)  # a request on its way to the captioner arrives
    requested = Counter(call["stage"] for call in read_calls(calls))
    out, err = running.communicate(timeout=250)

    assert (running.returncode, out.splitlines()[-1]) == (3, "6 sources: 5 done, 1 failed"), (out, err)
    assert f"not done:\n  {tmp_path}/films/bad.mp4: " in err
    assert logs_of(tmp_path / "together.db") == logs_of(tmp_path / "alone.db")
    again = {stage: count - SEGMENTS * len(films) for stage, count in Counter(call["stage"] for call in read_calls(calls)).items()}
    assert all(0 <= count <= requested[stage] - stored[stage] for stage, count in again.items()), (again, requested, stored)

    (tmp_path / "films" / "bad.mp4").unlink()
    before = len(read_calls(calls))
    running = start(tmp_path, cluster)
    out, err = running.communicate(timeout=250)
    assert (running.returncode, out.splitlines()[-1]) == (0, "5 sources: 5 done"), (out, err)
    assert len(read_calls(calls)) == before, "a finished film was analyzed again"
    with (tmp_path / "calls.jsonl").open() as lines:
        assert {json.loads(line)["pid"] for line in lines if '"caption"' in line}.isdisjoint(tagged), (
            "captioners have processes of their own"
        )
