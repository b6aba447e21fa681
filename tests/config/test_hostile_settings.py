"""Settings from files, variables and flags of any shape raise only declared errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamtags.cli import main
from streamtags.cli.common import nested
from streamtags.config.settings import load_settings
from streamtags.core.errors import ConfigError, StreamtagsError
from streamtags.evaluation.dataset import load_dataset
from streamtags.stages.caption.models import load_model_config

DEEP = {"lists": "[" * 5000, "tables": '{"a":' * 5000, "inline tables": "{a=" * 5000}
NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0="), max_size=20)


@pytest.fixture
def usual_digits() -> Iterator[None]:
    """Numbers have at most as many digits as in a new interpreter, whatever other tests of this process have allowed."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("text", [f"tags = {text}" for text in (*DEEP.values(), "9" * 6000)] + ["a" + ".a" * 5000 + " = 1", "[[[["])
def test_a_file_that_no_parser_can_read_is_named(tmp_path: Path, text: str, usual_digits: None) -> None:
    path = tmp_path / "file.toml"
    path.write_text(text)
    for load in (lambda: load_settings({}, path), lambda: load_dataset(path), lambda: load_model_config(path)):
        with pytest.raises(StreamtagsError, match=r"file\.toml"):
            load()


@pytest.mark.parametrize("text", ["[" * 50_000, '{"a":' * 50_000, '{"caption": ' + "9" * 6000 + "}"])
def test_a_line_of_a_dataset_that_no_parser_can_read_is_named(tmp_path: Path, text: str, usual_digits: None) -> None:
    (tmp_path / "items.jsonl").write_text(text + "\n")
    with pytest.raises(StreamtagsError, match=r"items\.jsonl:1"):
        load_dataset(tmp_path / "items.jsonl")


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_a_value_of_the_environment_that_is_nested_too_deep_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMTAGS_SHOTS__OPTIONS", text)
    with pytest.raises(ConfigError, match="environment"):
        load_settings({})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, value=st.text(max_size=20) | st.sampled_from(["[" * 3000, "NaN", "9" * 5000, '{"a": 1}', "\x1b[31m"]))
def test_no_variable_raises_anything_but_a_declared_error(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, suppress(StreamtagsError):
        patch.setenv(f"STREAMTAGS_SHOTS__{name.upper()}", value.replace("\0", "").encode("utf-8", "replace").decode())
        load_settings({})


@settings(max_examples=40)
@given(key=NAMES, value=st.text(max_size=20) | st.sampled_from([*DEEP.values(), "9" * 6000, "1979-05-27", "'''"]))
def test_no_flag_raises_anything_but_a_declared_error(key: str, value: str) -> None:
    with suppress(StreamtagsError):
        load_settings(nested([f"{key}={value}"]))


def test_a_name_with_terminal_controls_is_printed_without_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STREAMTAGS_\x1b]0;gotcha\x07X", "1")
    assert main(["show", "last"]) == 2
    printed = capsys.readouterr()
    assert "no such setting" in printed.err
    assert not {"\x1b", "\x07"} & set(printed.err + printed.out)
