"""Backoff, files that are written whole, and validation errors as text."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from streamtags.core.backoff import Backoff
from streamtags.core.files import replacing, write_atomically
from streamtags.core.validation import first_mistake


def test_waits_double_up_to_the_longest_and_are_spread() -> None:
    waits = [[Backoff(0.5, 8.0).seconds(attempt) for _ in range(200)] for attempt in (0, 1, 4, 10_000)]
    assert [max(row) <= longest for row, longest in zip(waits, (0.5, 1.0, 8.0, 8.0), strict=True)] == [True] * 4
    assert min(waits[3]) < 2 < 6 < max(waits[3])
    assert {Backoff(1.0, 60.0, least_share=1.0).seconds(attempt) for attempt in (0, 3)} == {1.0, 8.0}
    assert min(Backoff(8.0, 8.0, least_share=0.5).seconds(0) for _ in range(100)) >= 4


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    with replacing(path) as partial:
        partial.write_bytes(b"newer")
        assert (path.read_bytes(), partial.suffix) == (b"new", ".csv")
    assert path.read_bytes() == b"newer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_stays_as_it_is_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def fail() -> None:
        with replacing(path) as partial:
            partial.write_bytes(b"half")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fail()
    with pytest.raises(OSError, match="absent"):
        write_atomically(tmp_path / "absent" / "a.csv", b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


class _Inner(BaseModel, extra="forbid"):
    rate: int

    @field_validator("rate")
    @classmethod
    def _positive(cls, rate: int) -> int:
        if rate <= 0:
            raise ValueError("a rate is above 0")
        return rate


class _Outer(BaseModel):
    items: list[_Inner]


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        ({"items": [{"rate": 1}, {"rate": "secret"}]}, "items.1.rate: Input should be a valid integer", "int_parsing"),
        ({"items": [{"rate": 0}]}, "items.0.rate: a rate is above 0", "value_error"),
        ({"items": [{"rate": 1, "x": 2}]}, "items.0.x: Extra inputs are not permitted", "extra_forbidden"),
        ([], "Input should be a valid dictionary or instance of _Outer", "model_type"),
    ],
)
def test_a_validation_error_says_where_and_what_without_the_value(value: object, text: str, kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _Outer.model_validate(value)
    mistake = first_mistake(caught.value)
    assert str(mistake).startswith(text)
    assert mistake.kind == kind
    assert "secret" not in str(mistake)
