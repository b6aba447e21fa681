"""Sentences for a text-to-video model by a language model at an OpenAI-compatible server, in place of those by the grammar."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from streamtags.config.options import read_options
from streamtags.config.stages import SoundSettings
from streamtags.core.errors import ModelError
from streamtags.run.lanes import Lane
from streamtags.soundscape.request import RULES, kept_sentence, user_message
from streamtags.stages.cleaning import description_of
from streamtags.stages.model_server.connection import Endpoint
from streamtags.stages.model_server.options import EndpointOptions
from streamtags.stages.stage import LaneLimits

__all__ = ["SentenceWriter"]

# The server answered, but not with a sentence: that of the grammar stays.
_UNUSABLE = frozenset({"model.cut_off", "model.invalid_answer", "model.loop", "model.reasoning", "model.refusal"})
_FIELDS = ("base_url", "model", "api_key_env", "timeout_seconds", "temperature", "max_tokens")


class SentenceWriter:
    """Writes the sentences of windows, several at once.

    Args:
        settings: the server and its model.
        seed: sent with each request, for servers with reproducible sampling.

    Attributes:
        model: its name.

    Raises:
        ConfigError: a setting is wrong, or the package for requests is not installed.
    """

    def __init__(self, settings: SoundSettings, seed: int) -> None:
        options = {name: getattr(settings, name) for name in _FIELDS}
        self._endpoint = Endpoint(read_options(EndpointOptions, {**options, "seed": seed}, "sound"))
        limits = LaneLimits(settings.concurrency, retries=2, deadline_seconds=3 * settings.timeout_seconds)
        self._lane = Lane("sound", limits)
        self.model = settings.model

    async def ready(self) -> None:
        """Return if the server answers and has the model.

        Raises:
            ModelError: it cannot be reached, refuses, or lacks the model.
        """
        await self._endpoint.ready()

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return a sentence for each row, in order; "" where the model's answer is none (a refusal, a loop, nothing).

        Args:
            rows: windows as `Description.to_dict` returns them.

        Raises:
            ModelError: the server cannot be reached, refuses the request, or is busy for too long.
        """
        tasks = [asyncio.create_task(self._sentence(row)) for row in rows]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _sentence(self, row: Mapping[str, Any]) -> str:
        messages = [{"role": "system", "content": RULES}, {"role": "user", "content": user_message(row)}]

        async def ask() -> str:
            reply = await self._endpoint.reply(messages=messages, **self._endpoint.options.sampling())
            return kept_sentence(description_of(reply, self._endpoint.where))

        try:
            return await self._lane.ask(ask, where=f"{row['start']:g} s")
        except ModelError as error:
            if error.code in _UNUSABLE:
                return ""
            raise

    async def close(self) -> None:
        """Release the connections."""
        await self._endpoint.close()
