from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main
from streamtags.core.records import TimelineIdentity
from streamtags.store.opening import open_store


@pytest.fixture
def store(tmp_path: Path, make: Any) -> str:
    url = f"sqlite:///{tmp_path / 's.db'}"
    with open_store(url) as opened:
        opened.open_timeline("tl_a", TimelineIdentity("key"))
        opened.append("tl_a", [make.opened(), make.detected(0), make.measured(0), make.captioned(0, 1, "A boat\x1b[31m at sea.")])
    return url


def test_results_are_printed_without_control_characters(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "boat", "--store", store]) == 0
    out = capsys.readouterr().out
    assert "01:00:00:00  edit.mp4  tl_a s0000" in out
    assert "A boat" in out
    assert "\x1b" not in out


def test_json_has_the_fields_of_the_contract(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "boat", "--store", store, "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert {"timeline", "name", "segment", "start", "end", "score", "caption", "matched"} <= result.keys()
    assert result["timeline"] == "tl_a"


def test_nothing_to_search_for_is_a_usage_error(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "  ", "--store", store]) == 2
    assert "no word to search for" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("--min-confidence", "7"), ("--min-confidence", "nan"), ("--top", "0")])
def test_a_limit_out_of_range_is_a_usage_error(option: str, value: str, store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "boat", option, value, "--store", store]) == 2
    assert f"is {value}, not" in capsys.readouterr().err


def test_an_unknown_timeline_is_named(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "boat", "--timeline", "tl_x", "--store", store]) == 2
    assert "tl_x" in capsys.readouterr().err


def test_an_empty_store_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert main(["search", "boat", "--store", url]) == 0
    assert f"no timelines yet in {url}; `streamtags analyze" in capsys.readouterr().out
