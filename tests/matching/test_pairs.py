"""Files of pairs: what their rows mean, and which lines are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import UsageError
from streamtags.matching.pairs import Pairs, read_pairs


def read(tmp_path: Path, text: str, suffix: str = ".csv") -> Pairs:
    path = tmp_path / f"pairs{suffix}"
    path.write_text(text, "utf-8")
    return read_pairs(path)


def test_a_table_has_scenes_and_cues(tmp_path: Path) -> None:
    pairs = read(
        tmp_path,
        'track,timeline,cue,scene,tags,energy,text\na,,,"A boat in the rain.","Calm:0.8, Sea",0.2,slow piano\nb,last,1M2,,,,\n',
    )
    assert pairs.problems == []
    first, second = pairs.pairs
    assert first.scene is not None
    assert (first.track, first.text, first.scene.words, first.scene.energy) == ("a", "slow piano", "A boat in the rain.", 0.2)
    assert first.scene.tags == (("Calm", 0.8), ("Sea", 1.0))
    assert (second.track, second.cue, second.scene, second.text) == ("b", ("last", "1M2"), None, "")


def test_json_has_segments(tmp_path: Path) -> None:
    segments = [{"caption": "A man runs.", "tags": {"Tense": 0.9}, "energy": 0.8, "seconds": 4}, {"caption": "He falls."}]
    pairs = read(tmp_path, json.dumps({"track": "a", "scene": segments, "tags": ["Night"], "energy": 0.5}), ".jsonl")
    (pair,) = pairs.pairs
    assert pair.scene is not None
    assert [segment.words for segment in pair.scene.segments] == ["A man runs.", "He falls."]
    assert [segment.tags for segment in pair.scene.segments] == [(("Tense", 0.9),), (("Night", 1.0),)]
    assert [segment.energy for segment in pair.scene.segments] == [0.8, 0.5]
    assert pair.scene.words == "A man runs. He falls."


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no track": ({"scene": "x"}, "names no track"),
    "a track that is a list": ({"track": [1], "scene": "x"}, "track is no text"),
    "no scene": ({"track": "a", "text": "slow"}, "neither a scene nor tags nor a cue"),
    "a cue without a timeline": ({"track": "a", "cue": "1M1"}, "a cue without a timeline"),
    "a timeline without a cue": ({"track": "a", "timeline": "last"}, "a timeline without a cue"),
    "both": ({"track": "a", "timeline": "last", "cue": "1M1", "scene": "x"}, "both a scene and a cue"),
    "energy out of range": ({"track": "a", "scene": "x", "energy": 7}, "energy is 7, not 0 to 1"),
    "energy that is no number": ({"track": "a", "scene": "x", "energy": float("nan")}, "not a finite number"),
    "confidence out of range": ({"track": "a", "tags": {"Calm": -1}}, "confidence of a tag is -1"),
    "a segment that is a word": ({"track": "a", "scene": ["x"]}, "segment 1 is no object"),
    "a segment of no length": ({"track": "a", "scene": [{"caption": "x", "seconds": 0}]}, "segment 1: seconds are above 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_row_is_named_by_its_line_and_the_others_are_used(tmp_path: Path, name: str) -> None:
    row, message = WRONG[name]
    good = json.dumps({"track": "good", "scene": "A calm sea."})
    pairs = read(tmp_path, f"{good}\n{json.dumps(row)}\n{good}\n", ".jsonl")
    (problem,) = pairs.problems
    assert (problem.line, problem.is_skipped, pairs.skipped) == (2, True, 1)
    assert message in problem.message
    assert [pair.line for pair in pairs.pairs] == [1, 3]


def test_lines_that_are_no_json_are_named(tmp_path: Path) -> None:
    pairs = read(tmp_path, '{"track": "a", "scene": "x"}\n{"track": \n[]\n' + "[" * 100_000 + "\n", ".jsonl")
    assert [problem.line for problem in pairs.problems] == [2, 3, 4]
    assert len(pairs.pairs) == 1


@pytest.mark.parametrize("text", ["", "title,artist\nx,y\n", "track,text\na,slow\n"])
def test_a_file_without_the_columns_of_pairs_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="has no pairs"):
        read(tmp_path, text)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no kind of file"):
        read(tmp_path, "x", ".wav")
    with pytest.raises(UsageError, match="cannot be read"):
        read_pairs(tmp_path / "missing.csv")
