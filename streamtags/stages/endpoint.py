"""An OpenAI-compatible endpoint: how it is reached, how much it may answer, and what its failures mean.

Captioner and classifier both speak through an `Endpoint`. It never asks twice: waiting and retrying belong to the pipeline, which
knows the deadline. It posts by aiohttp and reads of an answer what it needs: openai's own client looks through every part of a request and
keeps retries, of which nothing is wanted here, and it and httpx2 below it cost four times what sending by aiohttp costs, on processors that
the server may need. aiohttp is imported when the first endpoint is opened, openai's types when somebody wants an answer as such.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from streamtags.config.options import Options
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.model import Usage

if TYPE_CHECKING:
    import aiohttp
    from openai.types.chat import ChatCompletion

__all__ = ["Endpoint", "EndpointOptions", "Reply", "retry_after_seconds", "status_error", "usage_of"]

_RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_READY_SECONDS = 10.0
# A server without a list of models, or too busy to give it, may still answer.
_NO_LIST = frozenset({"model.not_found", "model.refused", "model.bad_request", "model.busy", "model.server_error", "model.invalid_answer"})
# What an address answers that is no model server's, if it answers everything so.
_NO_SERVER = frozenset({"model.not_found", "model.invalid_answer"})
_SECRET = re.compile(r"\b(?:sk|pk|hf|key)[-_][\w*.-]{4,}")
_INSTALL = "pip install 'streamtags[models]'"


class EndpointOptions(Options):
    """Where a model is served and how it is asked. The key itself is never an option: only the name of the variable that holds it."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="address of the OpenAI-compatible server, up to and with /v1")
    model: str = Field(min_length=1, description="the name under which the server serves the model")
    api_key_env: str | None = Field(None, description="environment variable that holds the key, such as OPENAI_API_KEY; none sends no key")
    timeout_seconds: float = Field(120.0, gt=0, le=3600, description="the most one answer may take from first to last byte, in seconds")
    max_answer_bytes: int = Field(1_000_000, ge=1000, description="a longer answer is refused, in bytes")
    max_tokens: int | None = Field(None, ge=1, description="most tokens of an answer; none leaves it to the server")
    temperature: float | None = Field(0.0, ge=0, le=2, description="0 takes the likeliest words; none leaves it out")
    top_p: float | None = Field(None, gt=0, le=1, description="nucleus sampling; none leaves it out")
    seed: int | None = Field(None, description="for servers that can repeat themselves")
    extra_body: dict[str, Any] = Field(default_factory=dict, description="further keys of the request body, which only this server knows")

    @field_validator("max_tokens", "temperature", "top_p", "seed", mode="before")
    @classmethod
    def _none_in_words(cls, value: object) -> object:
        """TOML has no null."""
        return None if value == "none" else value

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not an http or https address")
        if parts.username or parts.password or parts.query:
            raise ValueError("must not carry credentials or a query; name the key's variable in api_key_env")
        return value.rstrip("/")

    @field_validator("api_key_env")
    @classmethod
    def _a_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", value):
            raise ValueError("is the name of an environment variable, not the key itself")
        return value

    def sampling(self) -> dict[str, Any]:
        """The request's keys that steer the words; what is None is left out."""
        chosen = {"max_tokens": self.max_tokens, "temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        request = {name: value for name, value in chosen.items() if value is not None}
        return {**request, "extra_body": self.extra_body} if self.extra_body else request


class Reply(NamedTuple):
    """What a model said, never blank, and the tokens that the server counted, None where it did not."""

    text: str
    usage: Usage | None


class Endpoint:
    """A connection to one model. Safe to share between concurrent askers of one event loop.

    Raises:
        ConfigError: aiohttp is not installed, or the variable that should hold the key is not set.
    """

    def __init__(self, options: EndpointOptions) -> None:
        try:
            import aiohttp
        except ImportError as error:
            raise ConfigError(f"the package {error.name} is not installed", where=options.model, hint=_INSTALL) from error
        self.options = options
        self.where = f"{options.model} at {options.base_url}"
        self._secret = ""
        if options.api_key_env is not None:
            self._secret = os.environ.get(options.api_key_env, "").strip()
            if not self._secret:
                raise ConfigError(
                    f"environment variable {options.api_key_env} is not set", where=self.where, hint=f"export {options.api_key_env}=..."
                )
        self._aiohttp = aiohttp
        self._session: aiohttp.ClientSession | None = None  # opened in the event loop that asks first

    async def reply(self, **request: Any) -> Reply:
        """What a chat completion says, from exactly one request.

        Args:
            **request: keys of the request's body, besides the model's name; those of `extra_body` are added to them.

        Raises:
            ModelError: no usable answer; `retryable` says whether asking again may help, `retry_after` when.
        """
        return self._read(await self._chat(request))

    async def ask(self, **request: Any) -> ChatCompletion:
        """A chat completion as openai's object, for those who want that; otherwise as `reply`.

        It is built without checking; what `reply` reads of it is checked.
        """
        told = await self._chat(request)
        self._read(told)
        from openai.types.chat import ChatCompletion

        try:
            return ChatCompletion.construct(**told)
        except (TypeError, ValueError, AttributeError) as error:
            raise self._garbled("the answer is not a chat completion") from error

    async def models(self) -> list[str]:
        """The names of the models served.

        Raises:
            ModelError: the server cannot be asked.
        """
        page = await self._fetch("GET", "/models")
        served = page.get("data") if isinstance(page, Mapping) else None
        return [str(model["id"]) for model in served if isinstance(model, Mapping) and "id" in model] if isinstance(served, list) else []

    async def ready(self) -> None:
        """Return if the server answers and has the model, as far as it says; a busy one is ready.

        Raises:
            ModelError: it cannot be reached, refuses, lacks the model, or is no model server (code `model.not_found` or
                `model.invalid_answer`).
        """
        try:
            async with asyncio.timeout(_READY_SECONDS):
                served = await self._listed()
        except TimeoutError as error:
            raise ModelError(
                f"no answer within {_READY_SECONDS:g} s", where=self.where, code="model.timeout", hint="check the server's log and base_url"
            ) from error
        if served and self.options.model not in served:
            raise ModelError(
                f"the server does not have {self.options.model}",
                where=self.options.base_url,
                code="model.not_found",
                hint=f"it has {', '.join(served[:5])}{' and more' if len(served) > 5 else ''}; set `model`, "
                f"or start another: streamtags model serve {self.options.model}",
            )

    async def _listed(self) -> list[str]:
        """The models served; none where the server keeps no list of them, and yet there is something to chat with."""
        try:
            return await self.models()
        except ModelError as error:
            if error.code not in _NO_LIST:
                raise
            listless = error.code in _NO_SERVER
        if listless:
            try:  # a conversation without a word: refused as such by a model server, and by no other
                await self._fetch("POST", "/chat/completions", {"model": self.options.model, "messages": [], "max_tokens": 1})
            except ModelError as error:
                if error.code not in _NO_LIST - _NO_SERVER:
                    raise
        return []

    async def close(self) -> None:
        """Release the connections; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _chat(self, request: Mapping[str, Any]) -> Any:
        body = {"model": self.options.model, **request, **request.get("extra_body", {})}
        body.pop("extra_body", None)
        return await self._fetch("POST", "/chat/completions", body)

    async def _fetch(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of one answer."""
        try:
            async with asyncio.timeout(self.options.timeout_seconds):
                status, headers, reason, content = await self._exchange(method, path, body)
        except TimeoutError as error:
            raise self._too_slow() from error
        except self._aiohttp.ClientResponseError as error:
            raise self._garbled(f"the answer is not HTTP as it should be: {self._clean(error.message)}") from error
        except self._aiohttp.ClientError as error:
            hint = "check that the server runs and base_url is right; `streamtags model serve` starts one"
            raise ModelError(
                f"cannot be reached: {self._clean(_reason(error))}", where=self.where, code="model.unreachable", retryable=True, hint=hint
            ) from error
        good = 200 <= status < 300
        try:
            answer = json.loads(content)
        except ValueError as error:
            if good:
                raise self._garbled("the answer is not JSON") from error
            answer = content.decode(errors="replace")
        if not good:
            raise self._refused(status, headers, reason, answer)
        return answer

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, Mapping[str, str], str, bytes]:
        """Status, headers, reason and body of one answer; an oversize one is refused before it is in memory."""
        limit = self.options.max_answer_bytes
        data = None if body is None else json.dumps(body).encode()
        async with self._opened().request(method, self.options.base_url + path, data=data) as response:
            announced = response.content_length or 0
            if response.headers.get("content-encoding", "identity") != "identity" or announced > limit:
                raise self._oversize()
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > limit:
                    raise self._oversize()
            return response.status, response.headers, response.reason or "", bytes(content)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # An answer is a few kilobytes; a compressed one could unpack to anything.
            headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Content-Type": "application/json"}
            self._session = self._aiohttp.ClientSession(
                headers={**headers, "Authorization": f"Bearer {self._secret}"} if self._secret else headers,
                auto_decompress=False,
                timeout=self._aiohttp.ClientTimeout(total=None, sock_connect=None),  # `_fetch` has one clock for the whole
                connector=self._aiohttp.TCPConnector(limit=0),  # how many ask at once is the pipeline's business
                cookie_jar=self._aiohttp.DummyCookieJar(),
                trust_env=True,
            )
        return self._session

    def _oversize(self) -> ModelError:
        limit = self.options.max_answer_bytes
        return ModelError(
            f"the answer is longer than {limit} bytes or compressed",
            where=self.where,
            code="model.oversize",
            hint="check that this is a model server",
        )

    def _too_slow(self) -> ModelError:
        seconds = self.options.timeout_seconds
        return ModelError(
            f"no whole answer within {seconds:g} s",
            where=self.where,
            code="model.timeout",
            retryable=True,
            hint="raise timeout_seconds or lower concurrency",
        )

    def _refused(self, status: int, headers: Mapping[str, str], reason: str, body: object) -> ModelError:
        told = body.get("error") if isinstance(body, Mapping) else None
        message = self._clean(_server_message(body, reason))
        failed = status_error(status, headers, message, where=self.where)
        if isinstance(told, Mapping) and told.get("code") == "insufficient_quota":
            return ModelError(failed.what, where=self.where, code="model.quota", hint="the account's credit is used up")
        return failed

    def _garbled(self, what: str) -> ModelError:
        return ModelError(
            what, where=self.where, code="model.invalid_answer", retryable=True, hint="check that base_url ends in /v1 of a model server"
        )

    def _read(self, told: object) -> Reply:
        """What the model said; of the answer, what is read is checked, and nothing else."""
        choices = told.get("choices") if isinstance(told, Mapping) else None
        if not isinstance(told, Mapping) or not isinstance(choices, list):
            raise self._garbled("the answer is not a chat completion")
        if not choices:
            raise self._garbled("the answer holds no choice")
        choice = choices[0] if isinstance(choices[0], Mapping) else {}
        message = choice.get("message")
        if not isinstance(message, Mapping) or not isinstance(content := message.get("content"), str | None):
            raise self._garbled("the answer's message is not text")
        if choice.get("finish_reason") == "content_filter" or message.get("refusal"):
            said = self._clean(str(message.get("refusal") or "content filter"))
            raise ModelError(f"the model declined: {said}", where=self.where, code="model.refusal")
        if content is None or not content.strip():
            raise self._garbled("the answer is empty")
        return Reply(content, _usage(told.get("usage")))

    def _clean(self, text: str) -> str:
        """A server's words, fit for a log: one line, short, no key in it."""
        if self._secret:
            text = text.replace(self._secret, "***")
        text = _SECRET.sub("***", text)
        return " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split())[:300]


def _reason(error: Exception) -> str:
    """What went wrong on the way to a server, in the operating system's words where it has some."""
    cause = getattr(error, "os_error", error)
    return str(cause) or type(error).__name__


def status_error(status: int, headers: Mapping[str, str], message: str, *, where: str) -> ModelError:
    """What an HTTP status from a model server means.

    Args:
        status: 300 or more.
        headers: of the response, names in lower case or case-insensitive.
        message: what the server said, already cleaned.
        where: model and address.
    """
    code, hint = {
        400: ("model.bad_request", "the server does not take this request; check model, frames, max_tokens and the prompt's length"),
        401: ("model.unauthorised", "name the variable that holds a valid key in api_key_env"),
        403: ("model.forbidden", "the key may not use this model"),
        404: ("model.not_found", "check base_url (it ends in /v1) and the model's name; `streamtags doctor` lists what is served"),
        413: ("model.too_large", "send fewer or smaller frames"),
        422: ("model.bad_request", "the server does not take this request; check extra_body"),
        429: ("model.busy", "lower concurrency, or wait"),
    }.get(status, ("model.server_error", "look at the server's log") if status >= 500 else ("model.refused", None))
    said = f": {message}" if message else ""
    return ModelError(
        f"HTTP {status}{said}",
        where=where,
        hint=hint,
        code=code,
        retryable=status in _RETRYABLE,
        retry_after=retry_after_seconds(headers) if status in _RETRYABLE else None,
    )


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds a server asked to be left alone: `Retry-After` as seconds or a date (RFC 9110, 10.2.3), or `retry-after-ms`.

    Args:
        headers: of the response.
        now: for tests.
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        return seconds if 0 <= seconds < float("inf") else None
    try:
        when = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def usage_of(answer: ChatCompletion) -> Usage | None:
    """The tokens a server counted, None where it did not or not in whole numbers."""
    return _usage({name: getattr(answer.usage, name, None) for name in ("prompt_tokens", "completion_tokens")})


def _usage(told: object) -> Usage | None:
    if not isinstance(told, Mapping):
        return None
    prompt, completion = told.get("prompt_tokens"), told.get("completion_tokens")
    if type(prompt) is int and type(completion) is int and prompt >= 0 and completion >= 0:
        return Usage(prompt_tokens=prompt, completion_tokens=completion)
    return None


def _server_message(body: object, fallback: str) -> str:
    """The message out of the shapes servers send: `{"message"}`, `{"error": {"message"}}`, `{"detail"}`, or plain text."""
    if isinstance(body, Mapping):
        for key in ("message", "error", "detail"):
            value = body.get(key)
            if isinstance(value, Mapping):
                value = value.get("message")
            if isinstance(value, str):
                return value
        return json.dumps(body, default=str)
    return body if isinstance(body, str) and "<html" not in body[:500].lower() else ("" if isinstance(body, str) else fallback)
