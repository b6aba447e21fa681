"""What a client may say and what it should not, made from the AsyncAPI document."""

from __future__ import annotations

import json
import re
from functools import cache
from random import Random
from typing import Any, NamedTuple

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from schemathesis import GenerationMode
from streamtags_server.reference.documents import asyncapi_document, openapi_document

MESSAGE_BYTES, SUBSCRIPTIONS, REQUESTS = 4096, 3, 4
TIMELINES = ("tl_a", "tl_b", "tl_live")
SHORTEST, LONGEST = 9, 10**6  # no log is shorter, and none gets as long
EPOCH = "the epoch of tl_a"  # stands in a strategy for what only a store knows


@cache
def document() -> dict[str, Any]:
    return {**openapi_document()["components"]["schemas"], **asyncapi_document()["components"]["schemas"]}


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": document()}})


@cache
def of_type(action: str) -> dict[str, str]:
    """Schemas by type of message: what the server receives, or what it sends."""
    said = asyncapi_document()
    messages = [name for name, operation in said["operations"].items() if operation["action"] == action]
    return {name: said["components"]["messages"][name]["payload"]["$ref"].rpartition("/")[2] for name in messages}


class Corpus(NamedTuple):
    """What a generator made of the document: messages by type, parameters of requests, and what is no message."""

    valid: dict[str, list[Any]]
    params: list[Any]
    invalid: list[Any]


def generated(schema: str, mode: GenerationMode, count: int) -> list[Any]:
    """Values that fit a schema of the document, or that just do not."""
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}
    paths = {"/": {"post": {"requestBody": body, "responses": {"200": {"description": ""}}}}}
    operation = schemathesis.openapi.from_dict(
        {"openapi": "3.1.0", "info": {"title": "", "version": ""}, "paths": paths, "components": {"schemas": document()}}
    )["/"]["POST"]
    bodies = []

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        bodies.append(case.body)

    collect()
    return bodies


def corpus(count: int) -> Corpus:
    """So many of each kind."""
    valid = {name: generated(schema, GenerationMode.POSITIVE, count) for name, schema in of_type("receive").items()}
    invalid = [value for schema in of_type("receive").values() for value in generated(schema, GenerationMode.NEGATIVE, count)]
    bodies = [value for schema in ("Analyze", "Correct", "Retag") for mode in GenerationMode for value in generated(schema, mode, count)]
    return Corpus(valid, [body for body in bodies if isinstance(body, dict)], [value for value in invalid if not isinstance(value, bytes)])


# What chance alone would never name.
LIKELY: dict[str, list[Any]] = {
    "id": ["a", "b", "c", "d"],
    "protocol": [1],
    "timeline": [*TIMELINES, "*", "tl_none"],
    "after": [0, SHORTEST, LONGEST],
    "epoch": [EPOCH],
    "method": re.findall(r"`([a-z]+\.[a-z]+)`", asyncapi_document()["info"]["description"]),
}
LIKELY_PARAMS: dict[str, list[Any]] = {
    "id": [*TIMELINES, "tl_none", "tl_"],
    "segment": ["s0000", "s9999"],
    "uri": ["film.mp4", "/etc/passwd", "http://127.0.0.1:1/x", "http://[", "concat:a|b", "file:///etc/passwd", "-", "rtsp://127.0.0.1/x"],
    "tags": ["no such thing", "/etc/passwd", "tags:\n  - a: &x [*x]\n", "music-library\x00", [{"tag": "Calm", "confidence": 0.5}]],
    "profile": ["embedded", "no such thing"],
}


def message(chance: Random, made: Corpus) -> dict[str, Any]:
    """A valid message, often one that names what is there."""
    fields = dict(chance.choice(made.valid[chance.choice([*made.valid, "subscribe", "request"])]))
    for name, values in LIKELY.items():
        if name in fields and chance.random() < 0.75:
            fields[name] = chance.choice(values)
    if fields["type"] == "request":
        fields["params"] = dict(chance.choice(made.params))
        for name, values in LIKELY_PARAMS.items():
            if chance.random() < 0.5:
                fields["params"][name] = chance.choice(values)
    return fields


def nested(depth: int) -> Any:
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}
    return value


ODD: list[Any] = [
    None,
    True,
    -1,
    0.5,
    "",
    "1",
    [],
    {},
    [[]],
    {"": None},
    2**53,
    2**63,
    -(2**64),
    10**400,
    "\x00",
    "\U0010ffff",
    "*",
    nested(20),
] + [text * times for text, times in (("x", 201), ("x", 1001), ("x", 2 * MESSAGE_BYTES), ("é", MESSAGE_BYTES // 2))]


def mutated(chance: Random, made: Corpus) -> Any:
    """A message with a field too few, too many, of another type or of a size that no client needs."""
    fields = message(chance, made)
    place = chance.choice(sorted(fields))
    match chance.choice(["drop", "set", "add", "type", "wrap"]):
        case "drop":
            del fields[place]
        case "set":
            fields[place] = chance.choice(ODD)
        case "add":
            fields[chance.choice(["", "x", "token", "client", "filter", "n"])] = chance.choice(ODD)
        case "type":
            fields["type"] = chance.choice([*of_type("send"), *of_type("receive"), "", "IDENTIFY", "hello\n"])
        case "wrap":
            return chance.choice([[fields], [fields] * 2, {"message": fields}, fields.get("id"), json.dumps(fields)])
    return fields


class Sent(NamedTuple):
    """One message on the wire: in fragments that end at `cuts`."""

    data: bytes
    binary: bool = False
    cuts: tuple[int, ...] = ()


RAW = [b"", b" ", b"{", b"null", b"[]", b"NaN", b'{"type":"ping","n":NaN}', b'{"type":"ping","n":1e999}', b"\xff\xfe{}", b"\xef\xbb\xbf{}"]
RAW += [b'{"type":"ping"}{"type":"ping"}', b'{"type":"ping","n":1}\n', b'{"type":"unsubscribe","id":"\\ud800"}', b'{"type":"ping",}']
RAW += [b"[" * 2000, b'{"type":' * 400, b'{"type":"ping","n":' + b"9" * 4000 + b"}", b"\x00" * 9, b"x" * (MESSAGE_BYTES + 1)]
RAW += [b'{"type":"request","id":"a","method":"timelines.get","params":{"id":' + b"[" * 1900 + b"]" * 1900 + b"}}"]
RAW += [b'{"type":"request","id":"a","method":"timelines.get","params":{"id":' + b"9" * 3900 + b"}}"]


KINDS = ["valid"] * 20 + ["invalid", "mutated"] * 2 + ["raw", "cut", "flip", "binary", "padded"]


def frame(number: int, made: Corpus) -> Sent:
    """Something to send; the same for the same number."""
    chance = Random(number)
    kind = chance.choice(KINDS)
    if kind == "raw":
        return Sent(chance.choice(RAW))
    value = chance.choice(made.invalid) if kind == "invalid" else mutated(chance, made) if kind == "mutated" else message(chance, made)
    data = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    if kind == "cut":
        data = data[: chance.randrange(len(data))]
    elif kind == "flip":
        at = chance.randrange(len(data))
        data = data[:at] + chance.randbytes(1) + data[at + 1 :]
    elif kind == "padded":
        data += b" " * chance.choice([1, MESSAGE_BYTES - len(data), MESSAGE_BYTES + 1 - len(data), 60_000])
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 4))) if chance.random() < 0.2 else []
    return Sent(data, kind == "binary", tuple(cuts))


IDENTIFY = Sent(b'{"type": "identify", "protocol": 1, "client": "fuzz"}')


@st.composite
def sessions(draw: st.DrawFn, made: Corpus) -> list[Sent]:
    """What one client sends, some of it twice or later than it should."""
    sent = [frame(number, made) for number in draw(st.lists(st.integers(0, 2**48), min_size=1, max_size=30))]
    if draw(st.booleans()):
        at = draw(st.integers(0, len(sent) - 1))
        sent[at : at + 1] = [sent[at]] * draw(st.integers(2, 4))
    if draw(st.booleans()):
        sent.insert(draw(st.integers(0, len(sent))), sent.pop(draw(st.integers(0, len(sent) - 1))))
    return [IDENTIFY, *sent] if draw(st.integers(0, 7)) else sent
