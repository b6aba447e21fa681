"""Requests to an OpenAI-compatible server: one request, one answer or one error.

Captioner and classifier share an `Endpoint`. It never retries: the pipeline does, which knows the deadline. It posts with aiohttp and
reads only the parts of an answer that are used. aiohttp is imported when an endpoint is opened, openai's types when `complete` is called.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from streamtags.core.errors import ConfigError, ModelError
from streamtags.stages.cleaning import Reply, json_of
from streamtags.stages.model_server.listing import is_listed
from streamtags.stages.model_server.options import EndpointOptions, api_key
from streamtags.stages.model_server.responses import http_error, invalid_answer, read_body, read_reply, server_words

if TYPE_CHECKING:
    import aiohttp
    from openai.types.chat import ChatCompletion

__all__ = ["Endpoint"]

_READY_SECONDS = 10.0
# A server without a list of models, or too busy to give it, may still answer.
_NO_LIST = frozenset({"model.not_found", "model.refused", "model.bad_request", "model.busy", "model.server_error", "model.invalid_answer"})
# Codes that an address which is no model server gives to every request.
_NO_SERVER = frozenset({"model.not_found", "model.invalid_answer"})
_TLS_ALERT = "\\x15\\x03"  # how the bytes of an alert (RFC 8446, 6) look in aiohttp's message
_INSTALL = "pip install 'streamtags[models]'"

_log = logging.getLogger(__name__)


class Endpoint:
    """A connection to one model. Safe to share between concurrent requests of one event loop.

    The key is read from its environment variable at the first request.

    Raises:
        ConfigError: aiohttp is not installed.
    """

    def __init__(self, options: EndpointOptions) -> None:
        try:
            import aiohttp
        except ImportError as error:
            raise ConfigError(f"the package {error.name} is not installed", where=options.model, hint=_INSTALL) from error
        self.options = options
        self.where = options.where
        self._secret = ""
        self._aiohttp = aiohttp
        self._session: aiohttp.ClientSession | None = None  # opened in the event loop of the first request

    async def reply(self, **request: Any) -> Reply:
        """The cleaned answer of a chat completion, from exactly one request.

        Args:
            **request: keys of the request body without the model's name; those of `extra_body` are added to them.

        Raises:
            ModelError: no usable answer; `retryable` says whether another request may help, `retry_after` when.
            ConfigError: the environment variable of the key is not set.
        """
        return read_reply(await self._chat(request), where=self.where, secret=self._secret)

    async def complete(self, **request: Any) -> ChatCompletion:
        """A chat completion as openai's object, its content reduced to the JSON object in it; otherwise as `reply`.

        The object is built without validation; what `reply` reads is checked. An answer that is whole JSON counts as finished,
        whatever `finish_reason` says.
        """
        response = await self._chat(request)
        reply = read_reply(response, where=self.where, secret=self._secret)
        choice = response["choices"][0]
        message = {**choice["message"], "content": json_of(reply, self.where)}
        response = {**response, "choices": [{**choice, "message": message, "finish_reason": "stop"}]}
        from openai.types.chat import ChatCompletion

        try:
            return ChatCompletion.construct(**response)
        except (TypeError, ValueError, AttributeError) as error:
            raise invalid_answer("the answer is not a chat completion", self.where) from error

    async def models(self) -> list[str]:
        """The names of the models served.

        Raises:
            ModelError: the list cannot be fetched.
        """
        page = await self._fetch("GET", "/models")
        served = page.get("data") if isinstance(page, Mapping) else None
        return [str(model["id"]) for model in served if isinstance(model, Mapping) and "id" in model] if isinstance(served, list) else []

    async def post(self, path: str, content: bytes, content_type: str) -> Any:
        """Post bytes, such as a sound file, and return the JSON of the answer.

        Raises:
            ModelError: no usable answer; `retryable` says whether another request may help, `retry_after` when.
            ConfigError: the environment variable of the key is not set.
        """
        return await self._fetch("POST", path, content, content_type)

    async def ready(self) -> None:
        """Return if the server answers and takes requests for the model; a busy server is ready.

        A list of models that lacks the model is only a warning: a request with an empty conversation decides.

        Raises:
            ModelError: the server cannot be reached, refuses, lacks the model, or is no model server (code `model.not_found` or
                `model.invalid_answer`).
            ConfigError: the environment variable of the key is not set.
        """
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._check_model()
        except TimeoutError as error:
            raise ModelError(
                f"no answer within {_READY_SECONDS:g} s", where=self.where, code="model.timeout", hint="check the server's log and base_url"
            ) from error

    async def _check_model(self) -> None:
        try:
            served = await self.models()
        except ModelError as error:
            if error.code not in _NO_LIST:
                raise
            if error.code in _NO_SERVER:
                await self._probe(_NO_LIST - _NO_SERVER)
            return
        model = self.options.model
        if not served or is_listed(model, served):
            return
        listed = f"{', '.join(served[:5])}{' and more' if len(served) > 5 else ''}"
        if not await self._takes_model():
            start = f", or start another: streamtags model serve {model}" if self.options.is_local else ""
            raise ModelError(
                f"the server does not have {model}",
                where=self.options.base_url,
                code="model.not_found",
                hint=f"it has {server_words(listed)}; set `model`{start}",
            )
        message = "%s: the list of models lacks %s (it has %s), but the server takes requests for it"
        _log.warning(message, self.options.base_url, model, server_words(listed))

    async def _takes_model(self) -> bool:
        """Whether the server takes a request for a model that its list lacks."""
        try:
            response = await self._probe(_NO_LIST - {"model.not_found"})
        except ModelError as error:
            if error.code != "model.not_found":
                raise
            return False
        return response is None or (isinstance(response, Mapping) and "choices" in response)

    async def _probe(self, tolerated: frozenset[str]) -> object:
        """Send an empty conversation, which a model server refuses as such.

        Returns:
            The JSON of the response; None if the server refused with a code that is `tolerated`.

        Raises:
            ModelError: the server refused with another code.
        """
        try:
            return await self._fetch("POST", "/chat/completions", {"model": self.options.model, "messages": [], "max_tokens": 1})
        except ModelError as error:
            if error.code not in tolerated:
                raise
            return None

    async def close(self) -> None:
        """Release the connections; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _chat(self, request: Mapping[str, Any]) -> Any:
        body = {"model": self.options.model, **request, **request.get("extra_body", {})}
        body.pop("extra_body", None)
        return await self._fetch("POST", "/chat/completions", body)

    async def _fetch(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, content_type: str = "application/json"
    ) -> Any:
        """The JSON of one answer."""
        data = json.dumps(body).encode() if isinstance(body, Mapping) else body
        try:
            async with asyncio.timeout(self.options.timeout_seconds):
                status, headers, reason, content = await self._exchange(method, path, data, content_type)
        except TimeoutError as error:
            raise ModelError(
                f"no whole answer within {self.options.timeout_seconds:g} s",
                where=self.where,
                code="model.timeout",
                retryable=True,
                hint="raise timeout_seconds or lower concurrency",
            ) from error
        except self._aiohttp.InvalidURL as error:
            raise self._address_error() from error
        except self._aiohttp.ClientError as error:
            raise self._connection_error(error) from error
        except ValueError as error:  # of the libraries that take apart the addresses of server and proxy
            raise self._address_error() from error
        text = content.decode(errors="replace")
        if 200 <= status < 300:
            return read_body(text, where=self.where)
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = text
        raise http_error(status, headers, reason, answer, where=self.where, secret=self._secret)

    async def _exchange(self, method: str, path: str, data: bytes | None, content_type: str) -> tuple[int, Mapping[str, str], str, bytes]:
        """Status, headers, reason and body of one answer; an oversize one is refused before it is in memory."""
        limit = self.options.max_answer_bytes
        headers = {"Content-Type": content_type}
        # A redirect or a proxy would carry the pictures for a server of this machine to another one.
        follow = not self.options.is_local
        async with self._opened().request(method, self._url(path), data=data, headers=headers, allow_redirects=follow) as response:
            announced = response.content_length or 0
            if response.headers.get("content-encoding", "identity") != "identity" or announced > limit:
                raise self._oversize()
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > limit:
                    raise self._oversize()
            return response.status, response.headers, response.reason or "", bytes(content)

    def _url(self, path: str) -> str:
        return self.options.base_url + path

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._secret = api_key(self.options)
            # An answer is a few kilobytes; a compressed one could unpack to anything.
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            self._session = self._aiohttp.ClientSession(
                headers={**headers, "Authorization": f"Bearer {self._secret}"} if self._secret else headers,
                auto_decompress=False,
                timeout=self._aiohttp.ClientTimeout(total=None, sock_connect=None),  # `_fetch` has one timeout for the whole
                connector=self._aiohttp.TCPConnector(limit=0),  # the pipeline limits concurrency
                cookie_jar=self._aiohttp.DummyCookieJar(),
                trust_env=not self.options.is_local,
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

    def _connection_error(self, error: aiohttp.ClientError) -> ModelError:
        """The error of a request that got no HTTP answer from the server itself."""
        library = self._aiohttp
        words = server_words(_reason(error), self._secret)
        if isinstance(error, library.ClientProxyConnectionError | library.ClientHttpProxyError):
            hint = "correct HTTP_PROXY or HTTPS_PROXY, or name the server's host in NO_PROXY"
            return ModelError(f"the proxy does not connect: {words}", where=self.where, code="model.proxy", retryable=True, hint=hint)
        if isinstance(error, library.ClientConnectorDNSError) and self._has_proxy() and error.host != urlsplit(self._url("")).hostname:
            hint = "correct HTTP_PROXY or HTTPS_PROXY"
            return ModelError(
                f"the name of the proxy is not known: {words}", where=self.where, code="model.proxy", retryable=True, hint=hint
            )
        if isinstance(error, library.ClientResponseError) and _TLS_ALERT in error.message:
            return ModelError("the server speaks TLS there", where=self.where, code="model.tls", hint="write https:// in base_url")
        if isinstance(error, library.ClientResponseError):
            return invalid_answer(f"the answer is not valid HTTP: {server_words(error.message, self._secret)}", self.where)
        if isinstance(error, library.ClientSSLError):
            return self._tls_error(error, words)
        return ModelError(
            f"cannot be reached: {words}", where=self.where, code="model.unreachable", retryable=True, hint=self._reach_hint(error)
        )

    def _address_error(self) -> ModelError:
        """The error of an address that is none. That of a proxy is not shown: it may carry a password."""
        if self._has_proxy():
            what, hint = "the address of the proxy is not valid", "write HTTP_PROXY and HTTPS_PROXY as http://host:port"
            return ModelError(what, where=self.where, code="model.proxy", hint=hint)
        return ModelError("base_url is not valid", where=self.where, code="model.unreachable", hint="correct its host name and port")

    def _has_proxy(self) -> bool:
        return not self.options.is_local and urlsplit(self._url("")).scheme in getproxies()

    def _tls_error(self, error: Exception, words: str) -> ModelError:
        text = str(error).upper()
        if "CERTIFICATE" in text:
            hint = "its certificate is not trusted: name the authority's PEM file in SSL_CERT_FILE, or correct the host in base_url"
        elif "WRONG_VERSION_NUMBER" in text or "RECORD LAYER" in text or "HTTP_REQUEST" in text:
            hint = "the server does not speak TLS there: write http:// in base_url, or the port that speaks TLS"
        else:
            hint = "check that the server speaks TLS 1.2 or later on that port"
        return ModelError(f"TLS fails: {words}", where=self.where, code="model.tls", hint=hint)

    def _reach_hint(self, error: Exception) -> str:
        if isinstance(error, self._aiohttp.ClientConnectorDNSError):
            return "check the host name in base_url and the network"
        if self.options.is_local:
            return "check that the server runs and base_url is right; `streamtags model serve` starts one"
        return "check that the server runs, base_url is right, and no firewall or proxy is between"


def _reason(error: Exception) -> str:
    """What failed on the way to a server, in the operating system's words where it has some."""
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    return str(cause) or type(error).__name__
