"""Labeled data as people write it, mistakes included."""

import json
from pathlib import Path

import pytest

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import UsageError
from streamtags.core.model import ClassifyRequest
from streamtags.evaluation.dataset import Item, halves, load_dataset
from streamtags.stages.tag.embedded import EmbeddedClassifier

SHIPPED = Path(__file__).parents[2] / "examples" / "datasets" / "film-captions"


def test_the_labels_of_the_dataset_that_ships_are_tags_of_both_vocabularies() -> None:
    dataset = load_dataset(SHIPPED)
    for name in ("seed-eight", "music-library"):
        vocabulary = load_vocabulary(name)
        labels = [item.tags(vocabulary, None) for item in dataset.items]
        assert None not in labels
        assert sum(bool(tags) for tags in labels) > 100
    dev, test = halves(dataset.items)
    assert len(dev) > 50
    assert len(test) > 50


def test_a_plain_list_of_labels_is_of_the_datasets_own_vocabulary_and_aliases_count() -> None:
    vocabulary = load_vocabulary("seed-eight")
    name, alias = next((tag.name, tag.aliases[0]) for tag in vocabulary.tags if tag.aliases)
    item = Item(id="1", caption="x", labels=(alias,))
    assert item.tags(vocabulary, "seed-eight") == (name,)
    assert item.tags(vocabulary, None) == (name,)
    assert item.tags(load_vocabulary("music-library"), "seed-eight") is None


def test_a_label_that_is_no_tag_is_refused() -> None:
    with pytest.raises(UsageError, match=r"item 7.*Hapy|Hapy.*item 7|item 7"):
        Item(id="7", caption="x", labels=("Hapy",)).tags(load_vocabulary("seed-eight"), None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not JSON"),
        ('{"labels": ["Happy"]}', "a caption, a text or a clip"),
        ('{"caption": "x", "label": ["Happy"]}', "label"),
        ('{"caption": "x", "shots": {"cuts": [3]}}', "shots are of a clip"),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(f'{{"caption": "fine", "labels": []}}\n{line}\n')
    with pytest.raises(UsageError, match=message) as error:
        load_dataset(file)
    assert error.value.where == f"{file}:2"


def test_a_dataset_without_splits_is_halved_the_same_way_each_time() -> None:
    items = [Item(id=str(i), caption=f"caption {i}") for i in range(100)]
    assert halves(items) == halves(items)
    assert 30 < len(halves(items)[0]) < 70
    assert sorted(int(item.id) for half in halves(items) for item in half) == list(range(100))


def test_splits_are_chosen_by_name() -> None:
    dataset = load_dataset(SHIPPED)
    assert {item.split for item in dataset.part("test")} == {"test"}
    with pytest.raises(UsageError, match="it has dev, test"):
        dataset.part("tset")


@pytest.mark.parametrize("key", ["license", "licence"])
def test_the_license_is_read_in_both_spellings(tmp_path: Path, key: str) -> None:
    (tmp_path / "items.jsonl").write_text('{"caption": "x", "labels": []}\n')
    (tmp_path / "dataset.toml").write_text(f'name = "d"\n{key} = "CC0"\n')
    assert load_dataset(tmp_path).license == "CC0"


def test_the_labels_of_the_measured_shots_are_tags_and_black_frames_have_none_about_the_picture() -> None:
    library = load_vocabulary("music-library")
    dataset = load_dataset(SHIPPED.with_name("measured-shots"))
    for item in dataset.items:
        tags = item.tags(library, None)
        assert tags is not None
        if item.evidence["brightness_percent"] == 0:
            assert {library.by_name[tag].axis for tag in tags} <= {"sound"}


def test_the_measured_shots_have_the_labels_of_their_list_and_a_public_source() -> None:
    folder = SHIPPED.with_name("measured-shots")
    shots, clips = (
        [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()] for name in ("shots.jsonl", "clips.jsonl")
    )
    assert len(shots) >= 120
    assert {shot["clip"] for shot in shots} == {clip["clip"] for clip in clips}
    assert all(len(clip["sha256"]) == 64 and clip["source"].startswith(("Debian ", "PyPI ", "GitHub ")) for clip in clips)
    names = {
        "low": "Low Energy",
        "medium": "Medium Energy",
        "high": "High Energy",
        "slow": "Slow",
        "moderate": "Moderate Pace",
        "fast": "Fast",
    }
    for shot, item in zip(shots, load_dataset(folder).items, strict=True):
        assert item.id == f"{shot['clip']} {shot['first']}-{shot['end']}"
        chosen = [names[shot[axis]] for axis in ("energy", "pace") if shot[axis]]
        assert list(item.labels) == [*chosen, *shot["light"], *shot["sound"]]


async def test_most_rule_tags_of_the_measured_shots_are_right() -> None:
    """Energy and pace, which are easily guessed wrong: a tag is left out rather than guessed."""
    library = load_vocabulary("music-library")
    classifier = EmbeddedClassifier()
    right: list[bool] = []
    for item in load_dataset(SHIPPED.with_name("measured-shots")).items:
        labels = item.tags(library, None) or ()
        tags = await classifier.classify(ClassifyRequest(item.id, "", "", item.evidence), library)
        right += [score.tag in labels for score in tags.tags if library.by_name[score.tag].axis in ("energy", "pace")]
    assert len(right) >= 40
    assert sum(right) / len(right) >= 0.75
