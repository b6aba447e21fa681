"""Captions from any OpenAI-compatible server, vLLM first.

The frames were chosen when the source was decoded. They are sent in order: in one `video_url` of JPEG pictures, which vLLM takes as a
video without sampling it again, or as a list of images for other servers and for models without video.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from pydantic import Field

from streamtags.config.options import digest
from streamtags.core.model import Caption, CaptionRequest, Still
from streamtags.stages.backend import BackendSpec
from streamtags.stages.caption.estimate import caption_usage
from streamtags.stages.caption.frames import Fit, choose, data_urls, encode, pictures, video_url
from streamtags.stages.caption.models import ModelConfig
from streamtags.stages.caption.prompts import caption_text, fields_of, load_prompt
from streamtags.stages.model_server.connection import Endpoint
from streamtags.stages.model_server.ollama import OllamaEndpoint
from streamtags.stages.model_server.options import EndpointOptions, check_api_key

__all__ = ["SPEC", "OpenAICaptioner", "OpenAIOptions"]


class OpenAIOptions(EndpointOptions):
    """Options of the captioner `openai`."""

    frames: int = Field(8, ge=1, le=64, description="most pictures shown of a segment")
    image_size: int = Field(336, ge=28, le=2048, description="pixels of the model's square, or of the longer side with fit = keep")
    fit: Fit = Field("stretch", description="stretch or letterbox to the square; keep leaves the proportions")
    transport: Literal["video_url", "image_list"] = Field("video_url", description="video_url is vLLM's; image_list any server's")
    prompt: str = Field("describe", description="a prompt template: the name of one that ships, or a .txt file")
    max_tokens: int | None = Field(160, ge=1, description="most tokens of a caption; none leaves it to the server")
    max_characters: int = Field(600, ge=40, le=4000, description="a longer caption is cut at a word")
    api: Literal["openai", "ollama"] = Field("openai", description="the server's interface; ollama is Ollama's own, with image_list")
    context_tokens: int = Field(8192, ge=1024, description="with api = ollama: longest prompt and answer together, in tokens")
    keep_alive: str = Field("10m", description="with api = ollama: how long the model stays in memory after a request, e.g. 10m")


# Options that change no caption, and those that have a meaning for one interface only.
_IRRELEVANT = {"base_url", "api_key_env", "timeout_seconds", "max_answer_bytes", "prompt", "keep_alive"}
_OF_OLLAMA = {"api", "context_tokens"}


class OpenAICaptioner:
    """A `Captioner` that sends requests to a server. `model` changes with every option that changes captions."""

    def __init__(self, options: OpenAIOptions) -> None:
        self._options = options
        self._prompt = load_prompt(options.prompt)
        self._endpoint = _endpoint(options)
        # One thread: several would wait for each other and for the event loop at every picture.
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="encode")
        relevant = options.model_dump(exclude=_IRRELEVANT | (set() if options.api == "ollama" else _OF_OLLAMA))
        self.model = f"{options.model}+{self._prompt.name}.{digest({**relevant, 'prompt': self._prompt.text})}"

    async def caption(self, request: CaptionRequest) -> Caption:
        """Caption one segment; may be called concurrently.

        Raises:
            ModelError: the server gives no usable caption.
        """
        stills = choose(request.measured.stills, self._options.frames)
        pictures_content = await self._picture_content(stills)
        prompt = self._prompt.render(fields_of(request, len(stills), self._prompt.fields))
        content = [*pictures_content, {"type": "text", "text": prompt}]
        reply = await self._endpoint.reply(messages=[{"role": "user", "content": content}], **self._options.sampling())
        text = caption_text(reply, self._options.max_characters, self._endpoint.where)
        return Caption(text=text, model=self.model, frames=tuple(still.pts for still in stills), usage=reply.usage)

    async def ready(self) -> None:
        """Return if the server answers and has the model.

        Raises:
            ModelError: the server cannot be reached, refuses, or lacks the model.
        """
        await self._endpoint.ready()

    async def close(self) -> None:
        """Release the connections; safe to call twice."""
        self._encoder.shutdown(wait=False)
        await self._endpoint.close()

    async def _picture_content(self, stills: list[Still]) -> list[dict[str, Any]]:
        """The pictures as parts of a message."""
        return await asyncio.get_running_loop().run_in_executor(self._encoder, self._content, stills)

    def _content(self, stills: list[Still]) -> list[dict[str, Any]]:
        jpegs = [encode(picture) for picture in pictures(stills, self._options.image_size, self._options.fit)]
        if self._options.transport == "video_url":
            return [{"type": "video_url", "video_url": {"url": video_url(jpegs)}}]
        return [{"type": "image_url", "image_url": {"url": url}} for url in data_urls(jpegs)]


def _endpoint(options: OpenAIOptions) -> Endpoint:
    if options.api == "ollama":
        return OllamaEndpoint(options, context_tokens=options.context_tokens, keep_alive=options.keep_alive)
    return Endpoint(options)


SPEC = BackendSpec(
    name="openai",
    kind="captioner",
    options=OpenAIOptions,
    create=OpenAICaptioner,
    is_remote=True,
    extra="models",
    requires=frozenset({"key", "server", "client packages"}),
    preset_options=ModelConfig.openai_options,
    estimate_usage=caption_usage,
    check=check_api_key,
)
