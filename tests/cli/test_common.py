"""`--set KEY=VALUE`: what a person types becomes what the setting takes."""

from pathlib import Path

import pytest

from streamtags.cli.common import nested
from streamtags.config.settings import load_settings
from streamtags.core.errors import ConfigError, UsageError


def test_a_value_is_a_number_or_a_truth_value_where_it_reads_like_one() -> None:
    settings = load_settings(nested(["shots.options.cut=1.5", "shots.options.gradual=false", "segments.max_seconds=12"]))
    assert settings.shots.options == {"cut": 1.5, "gradual": False}
    assert settings.segments.max_seconds == 12


@pytest.mark.parametrize("text", ["2024", "film noir", "sqlite:////data/x.db", "1979-05-27", "'quoted'", "[unclosed"])
def test_anything_else_is_text_and_a_name_may_look_like_a_number(text: str) -> None:
    assert load_settings(nested([f"tags={text}"])).tags == text.strip("'")


@pytest.mark.parametrize("pair", ["novalue", "=3", "a..b=3"])
def test_what_is_no_pair_is_refused_with_an_example(pair: str) -> None:
    with pytest.raises(UsageError, match="for example"):
        nested([pair])


def test_a_value_and_a_table_under_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="set to a value already"):
        nested(["shots=3", "shots.detector=hash"])


def test_an_unknown_key_suggests_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match="did you mean 'detector'"):
        load_settings(nested(["shots.detecter=hash"]))


def test_a_bad_value_is_reported_with_its_origin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[server]\nport = 'x'\n")
    with pytest.raises(ConfigError, match=r"c\.toml: server\.port: input should be a valid integer"):
        load_settings({}, config)
    monkeypatch.setenv("STREAMTAGS_SERVER", '{"queue": "y"}')
    with pytest.raises(ConfigError, match=r"^environment variable STREAMTAGS_SERVER: server\.queue: "):
        load_settings({})
    monkeypatch.delenv("STREAMTAGS_SERVER")
    monkeypatch.setenv("STREAMTAGS_SERVER__PORT", "x")
    with pytest.raises(ConfigError, match=r"^environment variable STREAMTAGS_SERVER__PORT: server\.port: "):
        load_settings({}, config)
    with pytest.raises(ConfigError, match=r"^flag: server\.port: .*'z'"):
        load_settings(nested(["server.port=z"]), config)
