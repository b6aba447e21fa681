"""From a vocabulary to the shape of an answer, and from an answer to tags."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.stages.tag.schema import response_model, settle

NAMES = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), min_size=2, max_size=12, unique_by=str.casefold)


def vocabulary(names: list[str], exclusive: bool = False, groups: tuple[tuple[str, ...], ...] = ()) -> Vocabulary:
    axes = (Axis(name="a", exclusive=exclusive),)
    return Vocabulary(id="v", version="1", axes=axes, tags=tuple(Tag(name=name, axis="a") for name in names), exclusive=groups)


def parse(words: Vocabulary, *tags: tuple[str, float], names: tuple[str, ...] | None = None) -> list[tuple[str, float]]:
    text = json.dumps({"key_information": [], "reasoning": "", "tags": [{"tag": tag, "confidence": c} for tag, c in tags]})
    answer = response_model(words, names).model_validate_json(text)
    return [(score.tag, score.confidence) for score in settle(answer, words)]


@given(NAMES, st.data())
def test_whatever_is_answered_only_tags_of_the_vocabulary_come_out_each_once_highest_first(names: list[str], data: st.DataObject) -> None:
    words = vocabulary(names)
    tags = data.draw(st.lists(st.tuples(st.sampled_from(names), st.floats(0, 1)), max_size=len(names)))
    scores = parse(words, *tags)
    assert {tag for tag, _ in scores} == {tag for tag, _ in tags}
    assert scores == sorted(scores, key=lambda score: (-score[1], score[0]))
    for tag, confidence in scores:
        assert confidence == pytest.approx(max(c for t, c in tags if t == tag), abs=1e-4)


@given(NAMES, st.text(max_size=10))
def test_a_tag_that_is_not_in_the_vocabulary_cannot_be_expressed(names: list[str], other: str) -> None:
    words = vocabulary(names)
    if words.find(other) is not None:
        return
    with pytest.raises(ValidationError):
        parse(words, (other, 0.5))


@given(NAMES, st.data())
def test_at_most_one_of_an_exclusive_axis_comes_out_and_it_is_the_strongest(names: list[str], data: st.DataObject) -> None:
    words = vocabulary(names, exclusive=True)
    confidences = data.draw(st.lists(st.integers(0, 100), min_size=len(names), max_size=len(names), unique=True))
    tags = [(name, confidence / 100) for name, confidence in zip(names, confidences, strict=True)]
    assert parse(words, *tags) == [max(tags, key=lambda tag: tag[1])]


def test_equals_of_an_exclusive_group_are_refused() -> None:
    words = vocabulary(["Dark", "Bright", "Warm"], groups=(("Dark", "Bright"),))
    with pytest.raises(ValidationError, match="Bright and Dark shut each other out"):
        parse(words, ("Dark", 0.5), ("Bright", 0.5))
    assert parse(words, ("Dark", 0.6), ("Bright", 0.5), ("Warm", 0.6)) == [("Dark", 0.6), ("Warm", 0.6)]


def test_a_shortlist_narrows_what_can_be_said() -> None:
    words = vocabulary(["Dark", "Bright", "Warm"])
    assert parse(words, ("Warm", 0.6), names=("Warm", "Dark")) == [("Warm", 0.6)]
    with pytest.raises(ValidationError):
        parse(words, ("Bright", 0.6), names=("Warm", "Dark"))


def test_the_schema_keeps_to_what_strict_servers_take() -> None:
    """OpenAI's strict mode: every property required, none additional, no lengths of strings, no defaults."""
    schema = response_model(vocabulary(["Dark", "Bright"])).model_json_schema()
    nodes = [schema, *schema["$defs"].values()]
    for node in nodes:
        assert node["additionalProperties"] is False
        assert sorted(node["required"]) == sorted(node["properties"])
    text = json.dumps(schema)
    for keyword in ("minLength", "maxLength", "default", "pattern", "oneOf"):
        assert f'"{keyword}"' not in text
    assert list(schema["properties"]) == ["key_information", "reasoning", "tags"], "findings come before conclusions"
    assert {"minimum": 0, "maximum": 1}.items() <= schema["$defs"]["ScoredTag"]["properties"]["confidence"].items()


def test_a_vocabulary_of_two_thousand_tags_has_a_schema() -> None:
    words = vocabulary([f"tag {i}" for i in range(2000)])
    assert parse(words, ("tag 1999", 0.5)) == [("tag 1999", 0.5)]
