"""`--set KEY=VALUE`: what a person types becomes what the setting takes."""

import pytest

from streamtags.cli.common import nested
from streamtags.config import load_settings
from streamtags.errors import ConfigError, UsageError


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
