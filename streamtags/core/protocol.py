"""The WebSocket messages of `streamtags.v1`, and the codes a connection may close with. Pure: text in, values out.

JSON text frames, one message each, `{"type": ..., ...}`. Unknown fields are ignored, unknown types are refused.
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, WithJsonSchema

from streamtags.core.errors import StreamtagsError
from streamtags.core.events import Event
from streamtags.core.validation import first_mistake

__all__ = [
    "PATH",
    "PROTOCOL_VERSION",
    "RECONNECT_CODES",
    "SUBPROTOCOL",
    "ClientMessage",
    "CloseCode",
    "ErrorBody",
    "ErrorMessage",
    "EventMessage",
    "Filter",
    "Heartbeat",
    "Hello",
    "Identified",
    "Identify",
    "Lagged",
    "Limits",
    "Ping",
    "Pong",
    "ProtocolError",
    "Removed",
    "Request",
    "Response",
    "Role",
    "ServerMessage",
    "Snapshot",
    "Subscribe",
    "Subscribed",
    "Unsubscribe",
    "Unsubscribed",
    "event_frame",
    "matches",
    "parse_client_message",
    "parse_server_message",
]

SUBPROTOCOL = "streamtags.v1"
PATH = "/v1/stream"
PROTOCOL_VERSION = 1

Role = Literal["viewer", "editor"]
"""What a client may do: a viewer reads, an editor also changes."""


class CloseCode(IntEnum):
    """Why a connection was closed."""

    GOING_AWAY = 1001
    INTERNAL = 1011
    RESTARTING = 1012
    INVALID_MESSAGE = 4400
    NOT_AUTHENTICATED = 4401
    NOT_ALLOWED = 4403
    NO_COMMON_VERSION = 4406
    IDENTIFY_TIMEOUT = 4408
    ID_IN_USE = 4409
    MESSAGE_TOO_LARGE = 4413
    TOO_MANY = 4429
    SERVER_FAULT = 4500


RECONNECT_CODES = frozenset({1001, 1006, 1011, 1012, 4500})
"""A client comes back, with backoff, after these and no other. 1006 is what it sees when the connection just broke."""


class ProtocolError(StreamtagsError):
    """A message that breaks the protocol; `close_code` says how the connection ends."""

    code = "protocol"

    def __init__(self, what: str, close_code: CloseCode = CloseCode.INVALID_MESSAGE) -> None:
        super().__init__(what)
        self.close_code = close_code


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    def to_json(self) -> str:
        """The message as a text frame; fields that are None are left out."""
        return self.model_dump_json(exclude_none=True)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WHOLE = BeforeValidator(_whole)  # 1.0 is an integer to JSON Schema, and all that some clients can write

Id = Annotated[str, Field(min_length=1, max_length=200)]
"""A name the client chooses for a subscription or a request."""


_Names = Annotated[frozenset[str], WithJsonSchema({"type": "array", "items": {"type": "string"}})]  # said twice is said


class Filter(_Message):
    """Which events a subscription wants; what is not named is not filtered.

    `types` are event types. `tags` and `min_confidence` apply to `segment.tagged` alone: an event passes if it holds one of the tags
    with at least that confidence.
    """

    types: _Names | None = None
    tags: _Names | None = None
    min_confidence: float | None = Field(None, ge=0, le=1)


# From the client


class Identify(_Message):
    """The first message of a client."""

    type: Literal["identify"] = "identify"
    protocol: Annotated[int, _WHOLE]
    client: str = Field("", max_length=200)
    token: str | None = Field(None, max_length=1000)


class Subscribe(_Message):
    """Follow a timeline, by its id, a unique beginning of it or `last`; `*`: all. `after` and `epoch` resume. A known `id`: new filter."""

    type: Literal["subscribe"] = "subscribe"
    id: Id
    timeline: str = Field(min_length=1, max_length=200)
    after: Annotated[int, Field(ge=0, lt=2**63), _WHOLE] | None = None
    epoch: str | None = Field(None, max_length=200)
    filter: Filter | None = None


class Unsubscribe(_Message):
    """End a subscription."""

    type: Literal["unsubscribe"] = "unsubscribe"
    id: Id


class Ping(_Message):
    """Are you there?"""

    type: Literal["ping"] = "ping"
    n: Annotated[int, Field(ge=-(2**53), le=2**53), _WHOLE] = 0


class Request(_Message):
    """Ask for something to be done; answered by one `response` with the same id."""

    type: Literal["request"] = "request"
    id: Id
    method: str = Field(max_length=100)
    params: dict[str, JsonValue] = Field(default_factory=dict)


# From the server


class Limits(_Message):
    """What the server takes: bytes a message, subscriptions a connection, events it queues before it calls a reader lagged."""

    message_bytes: int
    subscriptions: int
    queue_events: int


class Hello(_Message):
    """The first message of the server."""

    type: Literal["hello"] = "hello"
    protocol: int = PROTOCOL_VERSION
    server: str
    heartbeat_seconds: float
    limits: Limits
    auth: Literal["none", "token"]


class Identified(_Message):
    """The client is known, and what it may do."""

    type: Literal["identified"] = "identified"
    protocol: int = PROTOCOL_VERSION
    role: Role


class Subscribed(_Message):
    """A subscription to `timeline`, a whole id. `recovered`: every event after `seq` of the log `epoch` follows, with no snapshot.

    `seq` is where the client stands: what `after` named where `recovered`, else what the snapshot that comes next holds. For `*` it says
    nothing (`epoch` "", `seq` 0, never `recovered`): the snapshot of each timeline says where that one stands. A known `id` with another
    filter is `recovered`, at the last event it has passed.
    """

    type: Literal["subscribed"] = "subscribed"
    id: str
    timeline: str
    epoch: str
    seq: int
    recovered: bool


class Snapshot(_Message):
    """A timeline's state at `seq`; events after it follow. In a `*` subscription one comes for each timeline."""

    type: Literal["snapshot"] = "snapshot"
    id: str
    timeline: str
    epoch: str
    seq: int
    state: dict[str, Any]


class Unsubscribed(_Message):
    """A subscription has ended, on request or because its timeline was removed."""

    type: Literal["unsubscribed"] = "unsubscribed"
    id: str


class Removed(_Message):
    """A timeline of a `*` subscription was removed; the subscription goes on."""

    type: Literal["removed"] = "removed"
    id: str
    timeline: str


class EventMessage(_Message):
    """One event of a subscription."""

    type: Literal["event"] = "event"
    id: str
    event: Event


class Lagged(_Message):
    """The reader fell behind after `seq`; it is read forward from the store, in order, nothing left out."""

    type: Literal["lagged"] = "lagged"
    id: str
    seq: int


class Heartbeat(_Message):
    """Nothing new; `seqs` says how far each subscribed timeline reaches."""

    type: Literal["heartbeat"] = "heartbeat"
    seqs: dict[str, int]


class Pong(_Message):
    """Yes."""

    type: Literal["pong"] = "pong"
    n: int


class ErrorBody(_Message):
    """What went wrong: a stable code, a message for people, and details where there are any."""

    code: str
    message: str
    detail: JsonValue = None


class Response(_Message):
    """The answer to a request: a result or an error."""

    type: Literal["response"] = "response"
    id: str
    result: JsonValue = None
    error: ErrorBody | None = None


class ErrorMessage(_Message):
    """An error that leaves the session open."""

    type: Literal["error"] = "error"
    code: str
    message: str
    reply_to: str | None = None


ClientMessage = Annotated[Identify | Subscribe | Unsubscribe | Ping | Request, Field(discriminator="type")]
ServerMessage = Annotated[
    Hello
    | Identified
    | Subscribed
    | Unsubscribed
    | Snapshot
    | Removed
    | EventMessage
    | Lagged
    | Heartbeat
    | Pong
    | Response
    | ErrorMessage,
    Field(discriminator="type"),
]

_CLIENT: TypeAdapter[Any] = TypeAdapter(ClientMessage)
_SERVER: TypeAdapter[Any] = TypeAdapter(ServerMessage)


def parse_client_message(text: str | bytes) -> Identify | Subscribe | Unsubscribe | Ping | Request:
    """What a client sent, which must be as the published schemas say: "1" is not 1.

    Raises:
        ProtocolError: not a text frame, not JSON, or no message of the protocol.
    """
    message: Identify | Subscribe | Unsubscribe | Ping | Request = _parse(_CLIENT, text, strict=True)
    return message


def parse_server_message(text: str | bytes) -> _Message:
    """What a server sent.

    Raises:
        ProtocolError: not a text frame, not JSON, or no message of the protocol.
    """
    message: _Message = _parse(_SERVER, text, strict=False)
    return message


def _parse(adapter: TypeAdapter[Any], text: str | bytes, *, strict: bool) -> Any:
    if isinstance(text, bytes):
        raise ProtocolError("a binary frame; messages are JSON text")
    try:
        return adapter.validate_json(text, strict=strict)
    except ValidationError as error:
        mistake = first_mistake(error)
        place = ".".join(mistake.path[1:]) or "message"  # the first part is the message's type
        raise ProtocolError(f"{place}: {mistake.text}") from error


def event_frame(subscription: str, event_json: str) -> str:
    """The frame that carries an event already encoded: encoded once, sent to all."""
    return f'{{"type":"event","id":{json.dumps(subscription)},"event":{event_json}}}'


def matches(filter_: Filter | None, event: Event) -> bool:
    """Whether a subscription with that filter wants `event`."""
    if filter_ is None:
        return True
    if filter_.types is not None and event.type not in filter_.types:
        return False
    if event.type != "segment.tagged" or (filter_.tags is None and filter_.min_confidence is None):
        return True
    least = filter_.min_confidence or 0.0
    scores = getattr(event.data, "tags", ())
    return any(score.confidence >= least and (filter_.tags is None or score.tag in filter_.tags) for score in scores)
