from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.config.vocabulary_file import check_vocabulary, load_vocabulary, shipped_vocabularies
from streamtags.core.errors import VocabularyError
from streamtags.core.measures import MEASURES
from streamtags.core.vocabulary import Axis, Condition, Tag, Vocabulary, did_you_mean

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "vocabularies.md"


def write(folder: Path, text: str | bytes, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def mistakes(folder: Path, text: str | bytes) -> list[tuple[int, str]]:
    return [(line, message) for line, severity, message in check_vocabulary(write(folder, text)) if severity == "mistake"]


def test_what_ships_has_nothing_to_complain_about() -> None:
    assert {"seed-eight", "music-library"} <= set(shipped_vocabularies())
    for name in shipped_vocabularies():
        assert check_vocabulary(name) == []
        assert load_vocabulary(name).id == name


def test_the_eight_tags() -> None:
    names = [tag.name for tag in load_vocabulary("seed-eight").tags]
    assert names == ["Happy", "Sad", "Angry", "Fearful", "Nature", "World", "Love", "Funny"]


def test_the_music_library_measures_only_what_physics_supports() -> None:
    library = load_vocabulary("music-library")
    assert {axis.name for axis in library.axes} == {"mood", "energy", "pace", "tone", "sound", "setting", "genre"}
    assert {tag.axis for tag in library.tags if tag.when} == {"energy", "pace", "tone", "sound"}
    assert all(tag.description and tag.aliases for tag in library.tags)


def test_a_bare_list_is_enough(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(write(tmp_path, "- No\n- 切ない\n- 1980\n- Café noir\n", "My tags.yaml"))
    assert [tag.name for tag in vocabulary.tags] == ["No", "切ない", "1980", "Café noir"]
    assert (vocabulary.id, vocabulary.version, [axis.name for axis in vocabulary.axes]) == ("My-tags", "1", ["tag"])


def test_names_with_descriptions_are_enough(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(write(tmp_path, "tags:\n  Happy: People smile.\n  Sad:\n"))
    assert [(tag.name, tag.description) for tag in vocabulary.tags] == [("Happy", "People smile."), ("Sad", "")]


def test_json_is_read_too(tmp_path: Path) -> None:
    assert load_vocabulary(write(tmp_path, json.dumps({"tags": ["a", "b"]}))).tags[1].name == "b"


FULL = """\
id: mine
version: 2
axes: [mood, tone]
tags:
  - name: Happy
    axis: mood
    description: People smile.
    aliases: [joyful]
"""


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("titel: x\ntags: [a]", 1, "did you mean 'title'"),
        (FULL + "  - name: Dark\n    axis: tone\n    descripton: x\n", 11, "did you mean 'description'"),
        (FULL + "  - name: happy\n    axis: mood\n", 9, "reads the same as tag 'Happy' on line 5"),
        (FULL + "  - name: Merry\n    axis: mood\n    aliases:\n      - JOYFUL\n", 12, "reads the same as alias 'joyful'"),
        (FULL + "  - name: Merry\n    axis: mood\n    aliases: [Happy]\n", 11, "reads the same as tag 'Happy' on line 5"),
        (FULL + "  - name: Dark\n    axis: tony\n", 10, "did you mean 'tone'"),
        (FULL + "  - name: Dark\n", 9, "names no axis"),
        (FULL + "  - axis: tone\n", 9, "needs a name"),
        (FULL + "exclusive:\n  - [Happy, Sadd]\n", 10, "no tag 'Sadd'"),
        (FULL + "exclusive:\n  - [Happy]\n", 10, "at least two"),
        (FULL + "exclusive:\n  - [Happy, Happy]\n", 10, "stands twice"),
        (FULL + "  - name: Dark\n    axis: tone\n    when: brightnes_percent < 3\n", 11, "did you mean 'brightness_percent'"),
        (FULL + "  - name: Dark\n    axis: tone\n    when:\n      - loudness_lufs >> 3\n", 12, "is not a condition"),
        (FULL + "  - name: Dark\n    axis: tone\n    when: 30 < tempo_bpm < 20\n", 11, "lower limit first"),
        (FULL + "  - name: Dark\n    axis: tone\n    when: camera > 3\n", 11, "is a word"),
        (FULL + "  - name: Dark\n    axis: tone\n    when: camera is steady\n", 11, "never 'steady'"),
        (FULL + "  - name: Dark\n    axis: tone\n    when: tempo_bpm is fast\n", 11, "is a number"),
        ("version: ''\ntags: [a]", 1, "version must be"),
        ("id: my tags\ntags: [a]", 1, "id must be"),
        ("tags: [a, '', b]", 1, "is empty"),
        ("tags:\n  - a\n  -\n", 3, "is empty"),
        ("tags:\n  - " + "x" * 81, 2, "81 characters long"),
        ('tags:\n  - "Hap\\u0007py"', 2, "U+0007"),
        ('tags:\n  - "Hap\\u202Epy"', 2, "U+202E"),
        ('tags:\n  - "Hap\\npy"', 2, "U+000A"),
        (b"tags:\n  - Hap\x07py", 2, "U+0007"),
        (b"tags:\n  - caf\xe9", 2, "UTF-8"),
        ("tags: []", 1, "no tags"),
        ("tags: {}", 1, "no tags"),
        ("id: x", 1, "no tags"),
        ("tags: Happy", 1, "must be a list"),
        ("just words", 1, "a vocabulary is a list"),
        ("", 1, "empty"),
        ("tags:\n  - [a, b]", 2, "must be text"),
        ("tags: [a\n", 2, "not YAML"),
        ("tags:\n\t- a", 2, "spaces, not tabs"),
        ("tags:\n  - name: a: b\n", 2, "in quotes"),
        ("tags: [a]\ntags: [b]", 2, "stands twice"),
        ("- a\n---\n- b", 2, "not YAML"),
        ("tags: [a]\naxes:\n  mood: {exclusive: maybe}", 3, "true or false"),
        ("- &x a\n- *x", 1, "anchors"),
        ("tags: !!python/object/apply:os.system [ls]", 1, "type tags"),
        ("[" * 1000, 1, "levels deep"),
        ("#" * (4 * 2**20 + 1), 1, "larger than 4 MiB"),
    ],
)
def test_every_mistake_is_reported_with_its_line(tmp_path: Path, text: str | bytes, line: int, says: str) -> None:
    results = mistakes(tmp_path, text)
    assert any(at == line and says in message for at, message in results), results
    with pytest.raises(VocabularyError) as caught:
        load_vocabulary(tmp_path / "mine.yaml")
    assert caught.value.mistakes == tuple(results)
    assert f"on line {results[0][0]}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    results = mistakes(tmp_path, "titel: x\naxes: [mood]\ntags:\n  - {name: A, axis: mod}\n  - {name: a, axis: mood, when: x}\n")
    assert [line for line, _ in results] == [1, 4, 5, 5]


def test_a_file_of_nothing_but_mistakes_ends(tmp_path: Path) -> None:
    results = mistakes(tmp_path, "tags: [a, b]\nexclusive:\n" + "  - [zzzz, yyyy]\n" * 50_000)
    assert len(results) == 100
    assert "more than 100" in results[-1][1]


def test_a_billion_laughs_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert mistakes(tmp_path, "\n".join(lines)) == [
        (1, "anchors (&) and aliases (*) are not allowed; put a text that begins with & or * in quotes")
    ]


def test_a_missing_description_is_a_warning_only(tmp_path: Path) -> None:
    path = write(tmp_path, FULL + "  - name: Dark\n    axis: tone\n")
    assert [(line, severity) for line, severity, _ in check_vocabulary(path)] == [(9, "warning")]
    assert load_vocabulary(path).tags[1].name == "Dark"


def test_a_list_without_descriptions_is_warned_of_once(tmp_path: Path) -> None:
    assert [severity for _, severity, _ in check_vocabulary(write(tmp_path, "- a\n- b\n- c\n"))] == ["warning"]


@pytest.mark.parametrize("name", ["no-such-file.yaml", "music-libary", "/", "\0", "x" * 5000, "~no-such-user/x.yaml", ""])
def test_what_is_no_file_is_said_to_be_none(name: str) -> None:
    with pytest.raises(VocabularyError) as caught:
        load_vocabulary(name)
    assert caught.value.exit_status == 2
    assert caught.value.mistakes == ()


def test_two_thousand_tags_load(tmp_path: Path) -> None:
    text = "axes: [a]\ntags:\n" + "".join(
        f"  - name: Tag {i}\n    axis: a\n    description: About {i}\n    aliases: [other {i}]\n" for i in range(2000)
    )
    assert len(load_vocabulary(write(tmp_path, text)).by_name) == 2000


def test_the_old_name_of_a_renamed_tag_of_the_library_still_finds_it() -> None:
    tag = load_vocabulary("music-library").find("Steady")
    assert tag is not None
    assert (tag.name, tag.when) == ("Moderate Pace", ())


def test_names_and_aliases_find_their_tag() -> None:
    library = load_vocabulary("music-library")
    for said in ("Happy", "happy", " JOYFUL ", "cheerful"):
        tag = library.find(said)
        assert tag is not None
        assert tag.name == "Happy"
    assert library.find("Happyish") is None


def test_groups_are_exclusive_axes_and_listed_groups() -> None:
    groups = load_vocabulary("music-library").groups
    assert ("Low Energy", "Medium Energy", "High Energy") in groups
    assert ("Dark", "Bright") in groups


def test_a_vocabulary_survives_json_with_its_digest() -> None:
    for name in shipped_vocabularies():
        vocabulary = load_vocabulary(name)
        again = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
        assert again == vocabulary
        assert again.digest == vocabulary.digest


def test_the_digest_changes_with_any_change() -> None:
    vocabulary = load_vocabulary("seed-eight")
    changed = [
        vocabulary.model_copy(update={"version": "2"}),
        vocabulary.model_copy(update={"tags": vocabulary.tags[1:]}),
        vocabulary.model_copy(update={"tags": (vocabulary.tags[0].model_copy(update={"description": "x"}), *vocabulary.tags[1:])}),
        vocabulary.model_copy(update={"exclusive": (("Happy", "Sad"),)}),
    ]
    assert len({each.digest for each in [vocabulary, *changed]}) == 5


def test_a_damaged_stored_vocabulary_is_an_error_of_ours() -> None:
    with pytest.raises(VocabularyError, match="damaged"):
        Vocabulary.from_dict({"id": "x"})


@given(
    measure=st.sampled_from(sorted(name for name, measure in MEASURES.items() if not measure.values)),
    low=st.integers(-10_000, 10_000),
    span=st.integers(0, 10_000),
)
def test_conditions_mean_what_is_written(measure: str, low: int, span: int) -> None:
    assert Condition.parse(f"{measure} > {low}") == Condition(measure=measure, low=low)
    assert Condition.parse(f" {measure}<= {low / 8} ") == Condition(measure=measure, high=low / 8)
    assert Condition.parse(f"{low} < {measure} <= {low + span}") == Condition(measure=measure, low=low, high=low + span)


@given(st.text(max_size=60))
def test_no_text_breaks_a_condition(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert Condition.parse(text).measure in MEASURES


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = write(tmp_path_factory.getbasetemp(), data, "fuzz.yaml")
    if any(severity == "mistake" for _, severity, _ in check_vocabulary(path)):
        with pytest.raises(VocabularyError):
            load_vocabulary(path)
    else:
        assert load_vocabulary(path).tags


def test_advice_names_the_nearest() -> None:
    assert did_you_mean("Brigth", ["Dark", "Bright"]) == "did you mean 'Bright'?"
    assert did_you_mean("zzz", ["Dark", "Bright"]) == "known are Dark, Bright"


def test_direct_construction_needs_a_tag() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Vocabulary(id="x", version="1", axes=(Axis(name="a"),), tags=())
    assert Vocabulary(id="x", version="1", axes=(Axis(name="a"),), tags=(Tag(name="t", axis="a"),)).groups == ()


def test_the_examples_of_the_howto_hold(tmp_path: Path) -> None:
    blocks = re.findall(r"```(yaml|text)\n(.*?)```", HOWTO.read_text("utf-8"), re.DOTALL)
    kinds = [kind for kind, _ in blocks]
    assert kinds == ["yaml", "yaml", "yaml", "yaml", "text"]
    for _, text in blocks[:3]:
        assert mistakes(tmp_path, text) == []
    reported = "".join(f"{line}: {severity}: {message}\n" for line, severity, message in check_vocabulary(write(tmp_path, blocks[3][1])))
    assert reported == blocks[4][1]


def test_the_howto_lists_every_measure() -> None:
    text = HOWTO.read_text("utf-8")
    rows = [f"| `{name}` | {measure.unit or '-'} | {measure.description} |" for name, measure in MEASURES.items() if not measure.values]
    assert [row for row in rows if row not in text] == []
    for measure in MEASURES.values():
        for value in measure.values:
            assert f"`{value}`" in text
