"""The protocol as its documents say it is, without a look at the server: what must come back for what is sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from streamtags_server.reference.documents import asyncapi_document

from tests.server.fuzzing.messages import LONGEST, MESSAGE_BYTES, SHORTEST, SUBSCRIPTIONS, Sent, of_type, validator

sys.set_int_max_str_digits(0)  # numbers of any length are JSON

DEEPEST = 200  # of brackets within brackets that must be read; ten times as many must not
NOTICES = {"event", "heartbeat", "lagged", "snapshot", "removed"}  # come when they come
# What a request may be refused with: by the code of the error, never "internal".
REFUSALS = {"unknown_method", "invalid_params", "not_found", "conflict", "usage", "vocabulary", "config"}
REFUSALS |= {"source.refused", "source.missing", "source.unreadable"}


@dataclass
class Expected:
    """The answer to one message: the connection closed with `code`, or else the messages for which `fits` holds in turn."""

    code: int | None = None
    fits: list[Callable[[dict[str, Any]], bool]] = field(default_factory=list)
    request: str | None = None


def reply(type_: str, **fields: Any) -> Expected:
    return Expected(fits=[lambda got: got["type"] == type_ and all(got.get(name) == value for name, value in fields.items())])


class Model:
    """The protocol as the documents say it is."""

    def __init__(self, heads: dict[str, str]) -> None:
        self.epochs = heads
        self.identified = False
        self.subscriptions: dict[str, str] = {}

    def broken(self, sent: Sent) -> int | None:
        """The close code for a message that cannot be parsed."""
        if len(sent.data) > MESSAGE_BYTES:
            return 4413
        try:
            sent.data.decode()
        except UnicodeDecodeError:
            return None if sent.binary else 1007  # the WebSocket layer's own: RFC 6455, 8.1
        return None

    def expect(self, sent: Sent) -> Expected:
        code = self.broken(sent) or (4400 if sent.binary else None)
        if code is not None:
            return Expected(code)
        message = read(sent.data.decode())
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            return Expected(4400)
        schema = of_type("receive").get(message["type"])
        if schema is None or not validator(schema).is_valid(message):
            return Expected(4400)
        if not self.identified and message["type"] != "identify":
            return Expected(4401)
        return getattr(self, message["type"])(message)

    def identify(self, message: dict[str, Any]) -> Expected:
        if self.identified:
            return Expected(4400)
        if message["protocol"] != 1:
            return Expected(4406)
        self.identified = True
        return reply("identified", protocol=1, role="editor")

    def subscribe(self, message: dict[str, Any]) -> Expected:
        name, timeline, epoch = message["id"], message["timeline"], message.get("epoch")
        if name in self.subscriptions:
            return reply("subscribed", id=name) if self.subscriptions[name] == timeline else Expected(4409)
        if len(self.subscriptions) >= SUBSCRIPTIONS:
            return Expected(4429)
        if timeline != "*" and timeline not in self.epochs:
            return reply("error", code="not_found", reply_to=name)
        self.subscriptions[name] = timeline
        if timeline == "*":
            return reply("subscribed", id=name, timeline="*", recovered=False)
        after = message.get("after")
        if after is not None and epoch == self.epochs[timeline] and SHORTEST < after < LONGEST:
            return reply("subscribed", id=name, timeline=timeline, epoch=epoch)  # recovered or not: who knows how long the log is by now
        recovered = after is not None and epoch == self.epochs[timeline] and after <= SHORTEST
        expected = reply("subscribed", id=name, timeline=timeline, epoch=self.epochs[timeline], recovered=recovered)
        if not recovered:
            expected.fits.append(lambda got: got["type"] == "snapshot" and got["id"] == name and got["state"]["seq"] == got["seq"])
        return expected

    def unsubscribe(self, message: dict[str, Any]) -> Expected:
        name = message["id"]
        if self.subscriptions.pop(name, None) is None:
            return reply("error", code="not_found", reply_to=name)
        return reply("unsubscribed", id=name)

    def ping(self, message: dict[str, Any]) -> Expected:
        return reply("pong", n=message.get("n", 0))

    def request(self, message: dict[str, Any]) -> Expected:
        def fits(got: dict[str, Any]) -> bool:
            code = got["error"]["code"] if "error" in got else None
            known = message["method"] in asyncapi_document()["info"]["description"]
            return (
                got["type"] == "response"
                and got["id"] == message["id"]
                and (code is None or code in REFUSALS)
                and (known or code is not None)
            )

        return Expected(fits=[fits], request=message["id"])


def read(text: str) -> Any:
    """JSON as RFC 8259 has it: no NaN, no half of a character; None for what is not."""
    try:
        value = json.loads(text, parse_constant=lambda name: {}[name])
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, KeyError, RecursionError):
        return None
    return None if max(map(text.count, "[{")) > DEEPEST else value
