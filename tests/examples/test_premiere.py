"""The panel for Premiere: its tests in Node, its types, its package, and followed live through a network that breaks."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from streamtags.testing import make_payloads
from tests.breaking_proxy import BreakingProxy
from tests.server.conftest import Serve, serve, store

__all__ = ["serve", "store"]  # fixtures

PANEL = Path(__file__).resolve().parents[2] / "examples" / "premiere-uxp"
NODE = shutil.which("node")
TICKS_PER_FRAME = 254016000000 // 25

pytestmark = pytest.mark.skipif(NODE is None, reason="no node on the PATH: the panel for Premiere is not tested")


def test_the_tests_of_the_panel_pass() -> None:
    done = subprocess.run([str(NODE), "--test", "test/"], cwd=PANEL, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


async def test_two_hundred_events_with_reconnects_end_in_the_markers_of_the_state(serve: Serve) -> None:
    server = serve()
    payloads = make_payloads(60)
    assert len(payloads) > 200
    server.fill(segments=1, completed=False)
    base = server.store.head("tl_test")[1]
    async with BreakingProxy(server.port, 25) as proxy:
        node = await asyncio.create_subprocess_exec(
            str(NODE),
            *("--experimental-websocket", "--no-warnings", "fake/follow.mjs", proxy.url, "tl_test"),
            cwd=PANEL,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for payload in payloads[base:]:
            server.store.append("tl_test", [payload])
            await asyncio.sleep(0.015)
        for _ in range(1200):
            if not proxy.left:
                break
            await asyncio.sleep(0.05)
        last = server.store.head("tl_test").seq
        out, _ = await asyncio.wait_for(node.communicate(f"{last}\n".encode()), 60)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(0.1)
    result = json.loads(out)
    assert not proxy.left, "every connection that was to be broken was broken"
    assert result["connections"] > 5
    assert result["state"] == server.store.state("tl_test").to_dict()
    assert len(result["changed"]["renamed"]) >= 3
    _check_markers(result)


def _check_markers(result: dict[str, Any]) -> None:
    renamed, deleted = set(result["changed"]["renamed"]), set(result["changed"]["deleted"])
    expected = {}
    for segment in result["state"]["segments"]:
        start = segment["start"]["frame"] * TICKS_PER_FRAME
        names = ", ".join(score["tag"] for score in segment["tags"][:3]) or f"Segment {segment['index'] + 1}"
        if start not in deleted:
            expected[start] = "use this take" if start in renamed else names
    assert {one["start"]: one["name"] for one in result["shown"]} == expected
    assert len(result["shown"]) == len(expected), "no segment has two markers"
    assert {one["color"] for one in result["shown"]} == {5}


@pytest.mark.skipif(not (PANEL / "node_modules").is_dir(), reason="needs `npm ci` in examples/premiere-uxp")
def test_the_panel_has_the_types_of_adobe_and_is_packed(tmp_path: Path) -> None:
    checked = subprocess.run([PANEL / "node_modules" / ".bin" / "tsc"], cwd=PANEL, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    spec = importlib.util.spec_from_file_location("panel_package", PANEL / "package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("one.ccx", "two.ccx"):
        module.package(tmp_path / name)
    assert (tmp_path / "one.ccx").read_bytes() == (tmp_path / "two.ccx").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.ccx") as archive:
        assert archive.namelist() == ["manifest.json", "index.html", "style.css", "index.js"]
        manifest = json.loads(archive.read("manifest.json"))
        assert "import " not in archive.read("index.js").decode()[:200]
    assert manifest["manifestVersion"] == 5
    assert manifest["host"]["app"] == "premierepro"
    assert "ws://127.0.0.1:8710" in manifest["requiredPermissions"]["network"]["domains"]
