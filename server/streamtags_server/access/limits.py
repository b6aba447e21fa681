"""Limits per client address: connections at once, and requests and messages a second."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamtags.config.settings import ServerSettings
from streamtags.core.protocol import CloseCode
from streamtags_server.access.gate import HEADERS, close_with_reason
from streamtags_server.http.problems import problem
from streamtags_server.metrics import Metrics

__all__ = ["AddressLimits", "Throttle", "address_of"]

# Defaults. A page with a thousand thumbnails requests them all at once; no client needs hundreds of pages.
_CONNECTIONS = 256
_PER_SECOND = 200.0
# An address that was quiet may use the allowance of so many seconds at once.
_BURST_SECONDS = 10.0
# Addresses remembered; the one not seen for longest is forgotten first, and may burst again.
_ADDRESSES = 10_000


def address_of(client: Any) -> str:
    """Return what a connection counts for: its IPv4 address, or the /64 network of its IPv6 address, which is what one subscriber gets.

    Args:
        client: the `client` of an ASGI scope.
    """
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except (TypeError, ValueError):
        return ""  # a Unix socket: a proxy
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False)) if not address.is_loopback else "127.0.0.1"
        address = address.ipv4_mapped
    return str(address) if not address.is_loopback else "127.0.0.1"


class AddressLimits:
    """Counts connections and requests by address. Used from one event loop.

    Connections from this machine are not limited unless the settings say so: they are the user's own, or those of a proxy.

    Args:
        settings: the limits.
        clock: monotonic seconds, for tests.
    """

    def __init__(self, settings: ServerSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections, self._per_second = settings.connections_per_address, settings.requests_per_second
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()  # the part of the burst that is used, and when that was

    @contextmanager
    def connected(self, address: str) -> Iterator[bool]:
        """Count a connection while the context lasts; yield False if the address has too many already."""
        most = _limit(self._connections, _CONNECTIONS, address)
        if most and self._open[address] >= most:
            yield False
            return
        self._open[address] += 1
        try:
            yield True
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    def wait(self, address: str) -> int:
        """Count a request; return 0 if it is allowed, else the whole seconds after which to try again."""
        rate = _limit(self._per_second, _PER_SECOND, address)
        if not rate:
            return 0
        now = self._clock()
        spent, at = self._spent.pop(address, (0.0, now))
        spent = max(0.0, spent - (now - at) * rate)
        allowed = spent + 1 <= max(1.0, rate * _BURST_SECONDS)
        self._spent[address] = (spent + allowed, now)
        while len(self._spent) > _ADDRESSES:
            self._spent.popitem(last=False)
        return 0 if allowed else math.ceil(1 / rate)


def _limit(setting: float | None, default: float, address: str) -> float:
    """Return the limit for an address; 0: none."""
    return setting if setting is not None else 0 if address in ("", "127.0.0.1") else default


class Throttle:
    """Answers requests over the limits with 429, and closes WebSockets over the limits with 4429; passes everything else on."""

    def __init__(self, app: ASGIApp, limits: AddressLimits, metrics: Metrics) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        address = address_of(scope.get("client"))
        with self._limits.connected(address) as free:
            if scope["type"] == "websocket":
                await (self._websocket(scope, receive, send, address) if free else self._refuse(scope, receive, send))
            elif wait := self._limits.wait(address) if free else 1:
                self._metrics.add("streamtags_http_responses_total", label='code="429"')
                answer = problem(429, "too_many", f"too many requests from {address}", headers={**HEADERS, "retry-after": str(wait)})
                await answer(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        async def receive_counted() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and self._limits.wait(address):
                self._count()
                await send({"type": "websocket.close", "code": CloseCode.TOO_MANY.value, "reason": "too many messages"})
                return {"type": "websocket.disconnect", "code": CloseCode.TOO_MANY.value}
            return message

        await self._app(scope, receive_counted, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._count()
        await close_with_reason(scope, receive, send, CloseCode.TOO_MANY, "too many connections from this address")

    def _count(self) -> None:
        self._metrics.add("streamtags_closed_total", label=f'code="{CloseCode.TOO_MANY.value}"')
