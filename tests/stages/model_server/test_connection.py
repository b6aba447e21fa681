"""Ways to fail before a server answers, and lists of models that lack the model."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from streamtags.core.errors import ConfigError, ModelError
from streamtags.testing.model_server import Act, ModelServer, raw, status

pytest.importorskip("aiohttp", reason="needs the extra streamtags[models]")

from streamtags.stages.model_server.connection import Endpoint
from streamtags.stages.model_server.options import EndpointOptions


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


async def failure(base_url: str) -> ModelError:
    endpoint = Endpoint(EndpointOptions(base_url=base_url, model="m", timeout_seconds=60))
    with pytest.raises(ModelError) as caught:
        await endpoint.reply(messages=[])
    await endpoint.close()
    return caught.value


@asynccontextmanager
async def tls_server(*names: str) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert(*names).configure_cert(context)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def listing(*names: str) -> Act:
    return raw(json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode())


async def test_a_certificate_that_is_not_trusted_names_the_variable_that_trusts_it() -> None:
    async with tls_server("127.0.0.1") as port:
        error = await failure(f"https://127.0.0.1:{port}/v1")
    assert (error.code, error.retryable) == ("model.tls", False)
    assert "SSL_CERT_FILE" in str(error)


async def test_tls_to_a_server_without_tls_says_to_write_http() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        error = await failure(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    assert error.code == "model.tls"
    assert "http://" in str(error)


async def test_a_proxy_that_is_not_there_is_named_as_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed.getsockname()[1]}")
    error = await failure("http://models.example/v1")
    assert error.code == "model.proxy"
    assert "HTTP_PROXY" in str(error)
    assert "NO_PROXY" in str(error)


async def test_a_proxy_that_wants_a_login_is_named_as_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ModelServer(status(407, "Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.base_url.removesuffix("/v1"))
        error = await failure("http://models.example/v1")
    assert error.code == "model.proxy"


@pytest.mark.parametrize(
    "proxy",
    ["user:secret@127.0.0.1:9", "http://127.0.0.1:port", "http://[::1", "http://127.0.0.1:99999", "http://proxy.invalid:3128"],
)
async def test_an_address_of_a_proxy_that_is_wrong_is_named_as_the_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    error = await failure("https://models.example/v1")
    assert error.code == "model.proxy"
    assert "HTTPS_PROXY" in str(error)
    assert "secret" not in str(error)


async def test_a_host_name_that_cannot_be_one_is_no_crash() -> None:
    error = await failure(f"http://{'a' * 300}.example/v1")
    assert error.code == "model.unreachable"
    assert "base_url" in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses_the_server_is_named_as_the_proxy(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ModelServer(status(407, "Proxy Authentication Required")) as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", proxy.base_url.removesuffix("/v1"))
        error = await failure(f"{scheme}://models.example/v1")
    assert error.code == "model.proxy"


async def test_http_to_a_server_that_speaks_tls_says_to_write_https() -> None:
    async def alert(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(bytes.fromhex("15030100020246"))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(alert, "127.0.0.1", 0) as server:
        silent = await failure(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    async with ModelServer(status(400, "The plain HTTP request was sent to HTTPS port")) as helpful:
        polite = await failure(helpful.base_url)
    for error in (silent, polite):
        assert error.code == "model.tls"
        assert "write https://" in str(error)


async def test_a_page_in_place_of_an_answer_is_named_as_a_page() -> None:
    async with ModelServer(raw(b"<!DOCTYPE html><html><title>Log in to the network</title></html>")) as server:
        error = await failure(server.base_url)
    assert error.code == "model.invalid_answer"
    assert "is a web page" in str(error)
    assert "login page" in str(error)


def events(*payloads: object) -> Act:
    return raw("".join(f": ping\n\ndata: {json.dumps(each)}\n\n" for each in payloads).encode() + b"data: [DONE]\n\n")


async def test_a_stream_that_was_not_requested_is_read_whole() -> None:
    parts = [{"choices": [{"delta": {"content": part}, "finish_reason": end}]} for part, end in (("A boat ", None), ("lies", "length"))]
    async with ModelServer(events(*parts, {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})) as server:
        endpoint = Endpoint(EndpointOptions(base_url=server.base_url, model="m"))
        reply = await endpoint.reply(messages=[])
        await endpoint.close()
    assert (reply.text, reply.cut_off) == ("A boat lies", True)
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 7


async def test_an_error_in_a_stream_is_that_error() -> None:
    async with ModelServer(events({"error": {"message": "Rate limit exceeded", "code": 429}})) as server:
        error = await failure(server.base_url)
    assert (error.code, error.retryable) == ("model.busy", True)


@pytest.mark.parametrize(("base_url", "suggested"), [("http://127.0.0.1:9/v1", True), ("http://models.invalid/v1", False)])
async def test_only_a_server_of_this_machine_can_be_started_here(base_url: str, suggested: bool) -> None:
    error = await failure(base_url)
    assert error.code == "model.unreachable"
    assert ("streamtags model serve" in str(error)) == suggested


async def test_a_model_that_the_list_lacks_is_a_warning_if_the_server_takes_it(caplog: pytest.LogCaptureFixture) -> None:
    async with ModelServer(listing("other"), status(400, "messages must not be empty")) as server:
        endpoint = Endpoint(EndpointOptions(base_url=server.base_url, model="m"))
        with caplog.at_level(logging.WARNING):
            await endpoint.ready()
        await endpoint.close()
    assert "lacks m (it has other)" in caplog.text


async def test_a_model_that_list_and_server_lack_is_refused_with_the_list() -> None:
    async with ModelServer(listing("other"), status(404, "no such model")) as server:
        endpoint = Endpoint(EndpointOptions(base_url=server.base_url, model="m"))
        with pytest.raises(ModelError, match="it has other") as caught:
            await endpoint.ready()
        await endpoint.close()
    assert caught.value.code == "model.not_found"


async def test_a_pattern_in_the_list_needs_no_second_request() -> None:
    async with ModelServer(listing("openai/*")) as server:
        endpoint = Endpoint(EndpointOptions(base_url=server.base_url, model="openai/gpt-4o"))
        await endpoint.ready()
        await endpoint.close()
        assert len(server.requests) == 1


async def test_the_key_is_read_at_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    endpoint = Endpoint(EndpointOptions(model="m", api_key_env="SOME_KEY"))
    with pytest.raises(ConfigError, match="SOME_KEY is not set"):
        await endpoint.ready()
    await endpoint.close()
