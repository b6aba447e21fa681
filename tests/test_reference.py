"""The generated reference: current, valid, and true to the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from streamtags_server.reference.documents import asyncapi_document, main, openapi_document, reference_files

from streamtags.core.events import PAYLOADS
from streamtags.core.protocol import CloseCode, Identify, Subscribe
from streamtags.operations.table import METHODS
from streamtags.testing import make_events

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


@pytest.mark.parametrize("name", ["asyncapi.json", "openapi.json", "protocol.md"])
def test_reference_is_current(name: str) -> None:
    current = (REFERENCE / name).read_text(encoding="utf-8") == reference_files()[name]
    assert current, "run: python -m streamtags_server.reference --write"


def test_check_says_which_file_is_stale(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    monkeypatch.setattr("streamtags_server.reference.documents.reference_files", lambda: {"protocol.md": "old"})
    assert main(["--check"]) == 1
    assert "protocol.md is not current" in capsys.readouterr().err


def test_openapi_document_is_valid() -> None:
    validate(openapi_document())


def test_openapi_document_names_what_the_server_answers_to() -> None:
    from starlette.routing import Route
    from streamtags_server.http.routes import Routes

    routes = Routes(None, None, {}).routes()  # type: ignore[arg-type]  # only the paths are compared
    answered = {(method, route.path) for route in routes if isinstance(route, Route) for method in (route.methods or set()) - {"HEAD"}}
    documented = {(method.upper(), path) for path, operations in openapi_document()["paths"].items() for method in operations}
    assert documented == answered | {("GET", "/")}  # the page is files in a folder, not a route


def _dangling(document: dict[str, Any]) -> list[str]:
    def refs(node: Any) -> list[str]:
        if isinstance(node, dict):
            here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return here + [ref for value in node.values() for ref in refs(value)]
        return [ref for value in node for ref in refs(value)] if isinstance(node, list) else []

    def there(ref: str) -> bool:
        node: Any = document
        for part in ref.removeprefix("#/").split("/"):
            node = node.get(part) if isinstance(node, dict) else None
        return node is not None

    return [ref for ref in refs(document) if not there(ref)]


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    assert _dangling(asyncapi_document()) == []
    assert _dangling(openapi_document()) == []
    assert _dangling({"a": {"$ref": "#/b"}}) == ["#/b"]


def test_asyncapi_document_names_every_message_method_code_and_event() -> None:
    document = asyncapi_document()
    assert {"hello", "identify", "subscribe", "snapshot", "event", "lagged", "response"} <= set(document["components"]["messages"])
    description = document["info"]["description"]
    assert all(method in description for method in METHODS)
    assert all(str(code.value) in description for code in CloseCode)
    types = {schema.get("properties", {}).get("type", {}).get("const") for schema in document["components"]["schemas"].values()}
    assert set(PAYLOADS) <= types


def test_schemas_take_what_is_sent_and_refuse_what_is_not() -> None:
    from jsonschema import Draft202012Validator

    def checker(name: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": f"#/components/schemas/{name}", **asyncapi_document()})

    for event in make_events(10):
        assert checker("Event").is_valid(json.loads(event.to_json())), event
    assert checker("Identify").is_valid(json.loads(Identify(protocol=1).to_json()))
    assert checker("Subscribe").is_valid(json.loads(Subscribe(id="a", timeline="*").to_json()))
    assert not checker("Subscribe").is_valid({"type": "subscribe", "timeline": "*"})
    assert not checker("Subscribe").is_valid({"id": "a", "timeline": "*"})
    strange = json.loads(make_events(1)[0].to_json()) | {"type": "segment.tagged"}
    assert not checker("Event").is_valid(strange)
