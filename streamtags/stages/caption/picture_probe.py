"""Find out whether a model of an OpenAI-compatible server on this machine takes pictures, by sending it one: a gray square."""

from __future__ import annotations

import numpy as np

from streamtags.core.errors import ModelError
from streamtags.stages.caption.frames import data_urls, encode, video_url
from streamtags.stages.model_server.local_http import fetch_json

__all__ = ["picture_transport"]

_SIDE = 112
_SECONDS = 15.0


def picture_transport(address: str, model: str) -> str | None:
    """Return the `transport` in which `model` takes pictures, None if it takes none or does not answer; blocks.

    Args:
        address: of the server, without `/v1`.
        model: its name there.
    """
    jpeg = encode(np.full((_SIDE, _SIDE, 3), 128, np.uint8))
    parts = {
        "image_list": {"type": "image_url", "image_url": {"url": data_urls([jpeg])[0]}},
        "video_url": {"type": "video_url", "video_url": {"url": video_url([jpeg, jpeg])}},
    }
    for transport, part in parts.items():
        content = [part, {"type": "text", "text": "Describe it."}]
        body = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": content}]}
        try:
            answer = fetch_json(address, "/v1/chat/completions", body, seconds=_SECONDS)
        except ModelError:  # refused: the model does not take this form
            continue
        if isinstance(answer, dict) and answer.get("choices"):
            return transport
    return None
