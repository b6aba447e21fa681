"""Sentences by a language model in place of the grammar's: what it gets, what is kept of its answers, what happens when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.cli import main
from streamtags.soundscape.request import kept_sentence, user_message
from streamtags.testing.model_server import ModelServer, ReceivedRequest, replies, says, status
from tests.run.test_sound import tone, write_sound

pytest.importorskip("aiohttp", reason="the extra models is not installed")

ROW: dict[str, Any] = {
    "loudness": "loud",
    "content": {},
    "words": "",
    "instruments": [],
    "abstract": [],
    "color": "red",
    "prompt": "A draft.",
}


@pytest.fixture
def piece(tmp_path: Path) -> Path:
    """Three seconds: two of a tone, one of silence."""
    return write_sound(tmp_path / "piece.wav", np.concatenate([tone(220, 2, 0.2), np.zeros(44_100)]))


async def described(piece: Path, server: ModelServer, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[Any], str]:
    """Run the command beside the server; return its status, the windows and what it says on standard error."""
    import asyncio

    settings = ["--set", "sound.writer=openai", "--set", f"sound.base_url={server.base_url}", "--set", "sound.model=writer", *more]
    status_code = await asyncio.to_thread(main, ["sound", str(piece), "--json", *settings])
    out, err = capsys.readouterr()
    return status_code, json.loads(out)["windows"] if out else [], err


def data_of(request: ReceivedRequest) -> dict[str, Any]:
    """What a request says of its window."""
    lines = request.body["messages"][1]["content"].split("\n")
    assert (lines[0], lines[-1]) == ("<sound>", "</sound>")
    data: dict[str, Any] = json.loads(lines[1])
    return data


async def test_the_model_gets_what_is_heard_and_its_sentence_stands(piece: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(request: ReceivedRequest) -> str:
        if "messages" not in request.body:
            return "{}"
        return f"<think>A color.</think>**A lake in {data_of(request)['color']}** moves under the wind."

    async with ModelServer(replies(answer)) as server:
        code, windows, err = await described(piece, server, capsys, "--seed", "7")
    assert (code, "grammar" in err) == (0, False)
    assert [each["prompt"] for each in windows] == [f"A lake in {each['color']} moves under the wind." for each in windows]
    assert {each["writer"] for each in windows} == {"writer"}
    requests = [request.body for request in server.requests if request.body.get("messages")]
    assert [body["seed"] for body in requests] == [7, 7, 7]
    assert "text-to-video" in requests[0]["messages"][0]["content"]


@pytest.mark.parametrize(
    "answer",
    ["", "I'm sorry, but I can't help with that.", "<think>What now", "again and again " * 60, "...", '{"caption": ""}', "\x1b[2J\x07"],
)
async def test_an_answer_that_is_no_sentence_leaves_the_grammars(answer: str, piece: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with ModelServer(says(answer)) as server:
        code, windows, err = await described(piece, server, capsys)
    assert code == 0
    assert all(each["writer"] == "grammar" and each["prompt"].endswith("color palette.") for each in windows)
    assert "3 of 3 sentences are the grammar's: writer gave no usable answer for them" in err


async def test_a_server_that_refuses_ends_the_command(piece: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with ModelServer(status(401, "no such key")) as server:
        code, windows, err = await described(piece, server, capsys)
    assert (code, windows) == (4, [])
    assert server.base_url in err
    assert "Traceback" not in err


@given(words=st.text(max_size=900), label=st.text(max_size=50))
def test_words_of_a_recording_cannot_leave_their_place(words: str, label: str) -> None:
    message = user_message({**ROW, "words": words, "instruments": [{"label": label}]})
    assert message.count("<") == 2
    assert json.loads(message.split("\n")[1])["draft"] == "A draft."


@given(st.text(max_size=2000))
def test_one_printable_line_is_kept(text: str) -> None:
    kept = kept_sentence(text)
    assert kept.isprintable()
    assert len(kept) <= 400
    assert kept == "" or any(char.isalpha() for char in kept)


def test_a_long_answer_loses_its_last_sentences() -> None:
    assert kept_sentence("A red lake moves. " * 40) == " ".join(["A red lake moves."] * 22)
    assert len(kept_sentence("lake " * 200)) == 399
