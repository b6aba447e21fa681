"""The session that docs/reference/assistant-session.md shows is one that happens: it is run here and compared.

After a change that is meant, write the page anew with `UPDATE_DOCS=1 pytest tests/server/mcp/test_transcript.py` and read the diff.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from streamtags.testing import ShotSpec, make_video
from tests.server.conftest import Serve
from tests.server.mcp.test_mcp import client_of

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "assistant-session.md"
HEAD = """\
# A session of an assistant

Made by `tests/server/mcp/test_transcript.py`, which runs this session with the client of the MCP SDK and compares it with this page.
The film is generated; its segments are described by the profile `embedded`. `notice` stands in every result and is shown once; long
results are cut, and confidences and tokens rounded.
"""


class Session:
    """Calls tools and writes down what was said."""

    def __init__(self, client: Any, film: Path) -> None:
        self._client = client
        self._film = film
        self._ids: dict[str, str] = {}
        self.parts = [HEAD]
        self.progress: list[str] = []

    async def call(self, why: str, tool: str, **arguments: Any) -> Any:
        async def note(done: float, total: float | None, message: str | None) -> None:
            self.progress.append(message or "")

        result = await self._client.call_tool(tool, arguments, progress_callback=note)
        assert not result.is_error, result.content
        content = dict(result.structured_content)
        if len(self.parts) > 1:
            del content["notice"]
        answer = self._plain(json.dumps(content, indent=2, ensure_ascii=False))
        request = self._plain(json.dumps(arguments))
        self.parts.append(f"## {why}\n\n`{tool}` with\n\n```json\n{request}\n```\n\n```json\n{answer}\n```\n")
        return result.structured_content["data"]

    def _plain(self, text: str) -> str:
        """Replace what differs from run to run."""
        text = text.replace(str(self._film), "/films/film.mp4")
        for timeline in re.findall(r"tl_\w+", text):
            self._ids.setdefault(timeline, f"tl_{len(self._ids) + 1}")
        for timeline, name in self._ids.items():
            text = text.replace(timeline, name)
        text = re.sub(r'"epoch": "[^"]+"', '"epoch": "..."', text)
        text = re.sub(r'"score": [0-9.]+', '"score": 0.9', text)
        # Rounded: a changed word of a prompt, or another encoding of the film by threads of x264, does not change the page.
        text = re.sub(r"(?<=[A-Za-z] )0\.\d\d\b", lambda match: f"{float(match[0]):.1f}", text)
        text = re.sub(r'"(\w+_tokens)": (\d+)', lambda match: f'"{match[1]}": {round(int(match[2]), -2)}', text)
        text = re.sub(r'"state": "(queued|running)"', '"state": "queued"', text)
        lines = [line if len(line) <= 160 else line[:156] + " ..." for line in text.splitlines()]
        return "\n".join(lines if len(lines) <= 70 else [*lines[:66], "..."])


async def test_the_session_in_the_docs_is_one_that_happens(serve: Serve, tmp_path: Path) -> None:
    film = tmp_path / "media" / "film.mp4"
    film.parent.mkdir()
    make_video(film, [ShotSpec(frames=50, look=look) for look in ("texture", "stripes")], rate=25, size=(320, 180))
    async with client_of(serve(profile="embedded", media_roots=[film.parent])) as client:
        session = Session(client, film)
        timeline = (await session.call("Analyze a film", "analyze", uri=str(film)))["id"]
        state = await session.call("Look at its segments, one at a time", "get", id=timeline, limit=1)
        assert state["state"] == "completed"
        await session.call("What would a vision model cost?", "analyze", uri=str(film), profile="vllm")
        await session.call("Correct a tag", "correct", id=timeline, segment="s0001", tags=[{"tag": "Dreamy", "confidence": 0.9}])
        matches = await session.call("Search", "search", q="dreamy", top=1)
        assert matches["results"][0]["segment"] == "s0001"
        table = await session.call("Export", "export", id=timeline, format="vtt")
        assert "Dreamy 0.90" in table["text"]
    assert any("segments tagged" in message for message in session.progress)
    text = "\n".join(session.parts)
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")
    if not PAGE.exists():
        pytest.fail(f"{PAGE} is missing; run with UPDATE_DOCS=1")
    assert text == PAGE.read_text(encoding="utf-8")
