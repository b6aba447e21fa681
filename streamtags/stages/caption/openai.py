"""Captions from any OpenAI-compatible server, vLLM first.

The frames were chosen when the source was decoded, so they are sent as they are: in order, in one `video_url` of JPEG pictures, which vLLM
takes as a video without sampling it again, or as a list of images for servers and models without video.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from pydantic import Field

from streamtags.config.options import digest, read_options
from streamtags.core.errors import ModelError
from streamtags.core.model import Caption, CaptionRequest, Still
from streamtags.core.ports import Captioner
from streamtags.stages.caption.frames import Fit, choose, data_urls, encode, pictures, video_url
from streamtags.stages.caption.models import preset
from streamtags.stages.caption.prompts import clean_caption, fields_of, load_prompt
from streamtags.stages.endpoint import Endpoint, EndpointOptions

__all__ = ["OpenAICaptioner", "OpenAIOptions", "create"]


class OpenAIOptions(EndpointOptions):
    """What a profile may say of this captioner."""

    frames: int = Field(8, ge=1, le=64, description="most pictures shown of a segment")
    image_size: int = Field(336, ge=28, le=2048, description="pixels of the model's square, or of the longer side with fit = keep")
    fit: Fit = Field("stretch", description="stretch or letterbox to the square; keep leaves the proportions")
    transport: Literal["video_url", "image_list"] = Field("video_url", description="video_url is vLLM's; image_list any server's")
    prompt: str = Field("describe", description="a prompt template: the name of one that ships, or a .txt file")
    max_tokens: int | None = Field(160, ge=1, description="most tokens of a caption; none leaves it to the server")
    max_characters: int = Field(600, ge=40, le=4000, description="a longer caption is cut at a word")


class OpenAICaptioner:
    """A `Captioner` that asks a server. `model` changes with everything that bears on the words."""

    def __init__(self, options: OpenAIOptions) -> None:
        self._options = options
        self._prompt = load_prompt(options.prompt)
        self._endpoint = Endpoint(options)
        # One thread, as one decodes: several would wait for each other and for the event loop at every picture.
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="encode")
        bearing = options.model_dump(exclude={"base_url", "api_key_env", "timeout_seconds", "max_answer_bytes", "prompt"})
        self.model = f"{options.model}+{self._prompt.name}.{digest({**bearing, 'prompt': self._prompt.text})}"

    async def caption(self, request: CaptionRequest) -> Caption:
        """Caption one segment; may be called concurrently.

        Raises:
            ModelError: no caption could be had.
        """
        stills = choose(request.measured.stills, self._options.frames)
        seen = await self._seen(stills)
        words = self._prompt.render(fields_of(request, len(stills), self._prompt.fields))
        content = [*seen, {"type": "text", "text": words}]
        reply = await self._endpoint.reply(messages=[{"role": "user", "content": content}], **self._options.sampling())
        text = clean_caption(reply.text, self._options.max_characters)
        if not text:
            raise ModelError("the answer holds no words", where=self._endpoint.where, code="model.invalid_answer", retryable=True)
        return Caption(text=text, model=self.model, frames=tuple(still.pts for still in stills), usage=reply.usage)

    async def ready(self) -> None:
        """Return if the server answers and has the model.

        Raises:
            ModelError: it cannot be reached, refuses, or lacks the model.
        """
        await self._endpoint.ready()

    async def close(self) -> None:
        """Release the connections; safe to call twice."""
        self._encoder.shutdown(wait=False)
        await self._endpoint.close()

    async def _seen(self, stills: list[Still]) -> list[dict[str, Any]]:
        """The pictures as parts of a message."""
        return await asyncio.get_running_loop().run_in_executor(self._encoder, self._content, stills)

    def _content(self, stills: list[Still]) -> list[dict[str, Any]]:
        jpegs = [encode(picture) for picture in pictures(stills, self._options.image_size, self._options.fit)]
        if self._options.transport == "video_url":
            return [{"type": "video_url", "video_url": {"url": video_url(jpegs)}}]
        return [{"type": "image_url", "image_url": {"url": url}} for url in data_urls(jpegs)]


def create(options: Mapping[str, Any]) -> Captioner:
    """The captioner of a profile whose backend is `openai`. `preset` names a model file whose options stand below the profile's own.

    Raises:
        ConfigError: an option is unknown or wrong, openai is not installed, or the key is not set.
    """
    return OpenAICaptioner(read_options(OpenAIOptions, preset(options, "openai"), "captioner openai"))
