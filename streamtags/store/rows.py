"""Events as rows of the store: (seq, type, at, data), where `data` is the payload's JSON."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from streamtags.core.errors import StoreError
from streamtags.core.events import Event, Payload, parse_payload
from streamtags.core.records import Head
from streamtags.core.validation import first_mistake

__all__ = ["Encoded", "EventRow", "decode", "decode_payload", "encode", "lines", "new_epoch", "now", "rows_of", "time_text"]

EventRow = tuple[int, str, str, str]
_DATA = ',"data":'

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


def rows_of(timeline: str, lines: Sequence[str], head: Head, *, replace: bool) -> tuple[Head, list[EventRow]]:
    """Return where a log goes on, and the rows that it lacks of the events in `lines`, each as `Event.to_json` writes it.

    Args:
        timeline: its id.
        lines: consecutive events of one epoch.
        head: the end of the log; the position that is returned has seq 0 if the log is to be cleared first.
        replace: whether a log of another epoch may be cleared.

    Raises:
        StoreError: see `EventLog.restore`.
    """
    rows: list[EventRow] = []
    epoch = head.epoch
    for line in lines:
        event = json.loads(line)
        epoch = event["epoch"]
        # The payload's text is kept byte for byte. In a JSON string before it, the quotation marks of this pattern would be escaped.
        data = line[line.index(_DATA) + len(_DATA) : -1]
        rows.append((event["seq"], event["type"], event["at"], data))
    if epoch != head.epoch:
        if head.seq and not replace:
            hint = "pass --replace to lose the log that is there"
            raise StoreError("has another log, which does not begin as this one does", where=timeline, hint=hint, code="store.epoch")
        head = Head(epoch, 0)
    rows = [row for row in rows if row[0] > head.seq]
    if [row[0] for row in rows] != list(range(head.seq + 1, head.seq + 1 + len(rows))):
        raise StoreError(f"events are missing after {head.seq}", where=timeline, hint="copy the log from its beginning", code="store.gap")
    return head, rows


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
