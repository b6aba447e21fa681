"""The music tagger at a server that takes sound."""

from __future__ import annotations

import base64
import io
import json
import wave

import numpy as np
import pytest

from streamtags.config.stages import MusicSettings
from streamtags.core.errors import ModelError
from streamtags.stages.music.endpoint import MusicEndpoint, read_tags
from streamtags.testing.model_server import ModelServer, says

pytest.importorskip("aiohttp", reason="the extra models is not installed")


async def test_the_server_gets_sound_and_its_tags_are_ranked() -> None:
    answer = {"instruments": {"Oboe": 0.4, "harp": 0.9}, "genres": {"waltz": 0.7}, "moods": {"tender": 0.5}}
    async with ModelServer(says(f"```json\n{json.dumps(answer)}\n```")) as server:
        tagger = MusicEndpoint(MusicSettings(backend="openai", base_url=server.base_url, model="audio"))
        ranked = await tagger.rank(np.zeros(16_000 * 30, np.float32))
        await tagger.close()
    assert [(tag.kind, tag.label) for tag in ranked] == [
        ("instrument", "harp"),
        ("genre", "waltz"),
        ("mood", "tender"),
        ("instrument", "oboe"),
    ]
    (request,) = server.requests
    _, sound = request.body["messages"][0]["content"]
    with wave.open(io.BytesIO(base64.b64decode(sound["input_audio"]["data"]))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (16_000, 1, 16_000 * 20)


def test_damaged_answers_lose_only_what_is_damaged() -> None:
    text = '{"instruments": {"harp": "much", "a\\u0007 b": 7, "": 1, "x": NaN}, "genres": ["rock"], "moods": null}'
    (only,) = read_tags(text, "here")
    assert (only.label, only.score) == ("a b", 1.0)
    for broken in ("", "[]", "no music", "[" * 100_000):
        with pytest.raises(ModelError):
            read_tags(broken, "here")
