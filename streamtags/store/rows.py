"""Events as rows of the store: (seq, type, at, data), where `data` is the payload's JSON."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from streamtags.core.errors import StoreError
from streamtags.core.events import Event, Payload, parse_payload
from streamtags.core.validation import first_mistake

__all__ = ["Encoded", "EventRow", "decode", "decode_payload", "encode", "lines", "new_epoch", "now", "time_text"]

EventRow = tuple[int, str, str, str]

Encoded = list[tuple[Payload, str]]
"""Payloads, each with its JSON."""


def new_epoch() -> str:
    """Return an epoch that no log has had."""
    return secrets.token_hex(8)


def encode(payloads: Sequence[Payload]) -> Encoded:
    """Return the payloads with their JSON."""
    return [(payload, payload.model_dump_json()) for payload in payloads]


def now() -> datetime:
    """The moment, aware, in UTC."""
    return datetime.now(UTC)


def time_text(at: datetime) -> str:
    """A UTC moment as RFC 3339, as pydantic writes it in an event's JSON."""
    return at.isoformat().replace("+00:00", "Z")


def decode(timeline: str, epoch: str, row: EventRow) -> Event:
    """The event of a row.

    Raises:
        StoreError: the row does not hold what its type says.
    """
    seq, kind, at, _ = row
    return Event.model_construct(
        v=1, timeline=timeline, epoch=epoch, seq=seq, type=kind, at=datetime.fromisoformat(at), data=decode_payload(timeline, row)
    )


def decode_payload(timeline: str, row: EventRow) -> Payload:
    """The payload of a row's event.

    Raises:
        StoreError: the row does not hold what its type says.
    """
    seq, kind, _, data = row
    try:
        return parse_payload(kind, data)
    except ValidationError as error:
        raise StoreError(
            f"event {seq} cannot be read: {first_mistake(error).text}",
            where=timeline,
            hint="put back a copy of the store, or analyze with --fresh",
            code="store.corrupt",
        ) from error


def lines(timeline: str, epoch: str, rows: Iterable[EventRow]) -> list[str]:
    """The rows as `Event.to_json` writes them, without parsing anything."""
    head = f'{{"v":1,"timeline":{json.dumps(timeline, ensure_ascii=False)},"epoch":"{epoch}","seq":'
    return [f'{head}{seq},"type":"{kind}","at":"{at}","data":{data}}}' for seq, kind, at, data in rows]
