"""Requests made from the OpenAPI document, the fitting and the unfitting, and whether the answers are what it says they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.events import TimelineCompleted

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.parametrize(
    ("phases", "examples"),
    [("fuzzing", 5), pytest.param("coverage,fuzzing,stateful", 40, marks=[pytest.mark.slow, pytest.mark.timeout(1100)])],
    ids=["some", "many"],
)
def test_every_answer_is_what_the_document_says(serve: Any, tmp_path: Path, phases: str, examples: int) -> None:
    server = serve()
    for timeline in ("tl_a", "tl_b", "tl_c"):
        server.fill(timeline)
        server.store.append(timeline, [TimelineCompleted(summary={})], thumbnails={"s0000": b"\xff\xd8jpeg"})
    url = f"http://127.0.0.1:{server.port}"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/openapi.json", "--url", url]
    flags = ["--max-examples", str(examples), "--phases", phases, "--request-timeout", "20", "--seed", "1", "--no-color"]
    ran = subprocess.run([*command, *flags], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr
    assert server.json("GET", "/healthz") == (200, {"status": "ok"})
