"""Training a matcher: it learns what no likeness says, goes on after an interruption, and its files are checked."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from streamtags.core.errors import UsageError
from streamtags.matching.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from streamtags.matching.features import Query, query_of, track_features
from streamtags.matching.options import MatcherSizes, TrainingOptions, parameter_shapes
from streamtags.matching.recall import chance, ranks_of, retrieval_of
from streamtags.music.guide import Guide, parse_guide
from streamtags.music.ranking import rank
from streamtags.music.wanted import Wanted
from tests.matching import toy

pytest.importorskip("torch", reason="needs the extra streamtags[matching]")
pytest.importorskip("safetensors", reason="needs the extra streamtags[matching]")

from streamtags.matching.matcher import TrainedMatcher
from streamtags.matching.training import Epoch, Example, train

SIZES = MatcherSizes(embedder=toy.EMBEDDER.name, dimensions=24, width=16, layers=1, heads=2)
OPTIONS = TrainingOptions(epochs=30, batch=32, learning_rate=0.01, text_dropout=0.5, seed=3)
INDEX = toy.index(90)


def examples(count: int = 90, text: str = "") -> list[Example]:
    queries = [query_of(toy.scene(place), text, toy.EMBEDDER) for place in range(count)]
    return [Example((query,), place) for place, query in enumerate(queries)]


def trained(options: TrainingOptions = OPTIONS, pairs: Sequence[Example] = (), **more: object) -> dict[str, np.ndarray]:
    return train(pairs or examples(), track_features(INDEX), SIZES, options, **more)


@pytest.fixture(scope="module")
def matcher() -> TrainedMatcher:
    return TrainedMatcher(Checkpoint(SIZES, trained(), {}), toy.EMBEDDER, "test")


def test_it_learns_which_scenes_want_which_tracks(matcher: TrainedMatcher) -> None:
    """The tracks and scenes are others than those it was trained on; only their kinds are the same."""
    others = toy.index(60, seed=2)
    right = []
    for place in range(60):
        best = int(matcher.fits(others, toy.scene(place + 600), Guide()).argmax())
        right.append(best % len(toy.KINDS) == place % len(toy.KINDS))
    assert np.mean(right) > 0.8  # chance is 1 in 6


def test_the_ranking_uses_it_and_says_so(matcher: TrainedMatcher) -> None:
    wanted = toy.scene(0)
    plain = rank(INDEX, toy.EMBEDDER, wanted)
    ranked = rank(INDEX, toy.EMBEDDER, wanted, matcher=matcher)
    assert "matcher" not in plain[0].parts
    assert ranked[0].parts["matcher"] > 1
    assert int(ranked[0].track[1:]) % len(toy.KINDS) == 0
    assert ranked == rank(INDEX, toy.EMBEDDER, wanted, matcher=matcher)


def test_the_words_of_the_guide_count(matcher: TrainedMatcher) -> None:
    without = matcher.fits(INDEX, toy.scene(0), Guide())
    wished = matcher.fits(INDEX, toy.scene(0), parse_guide("+harp"))
    harps = [place for place in range(90) if place % len(toy.KINDS) == 2]
    assert wished[harps].mean() > without[harps].mean() + 0.1


def test_an_interrupted_training_goes_on_to_the_same_result(tmp_path: Path) -> None:
    options = OPTIONS.model_copy(update={"epochs": 4})
    whole, state, losses = trained(options), tmp_path / "state.safetensors", []

    def stop(epoch: Epoch) -> None:
        losses.append(epoch.loss)
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(options, state=state, notice=stop)
    rest: list[int] = []
    again = trained(options, state=state, notice=lambda epoch: rest.append(epoch.number))
    assert rest == [3, 4]
    assert set(again) == set(whole)
    assert all(np.array_equal(again[name], whole[name]) for name in whole)
    assert not state.exists()


def test_an_interrupted_training_of_other_pairs_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"

    def stop(_: Epoch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(state=state, notice=stop)
    for pairs, options in ((examples(80), OPTIONS), (examples(text="x"), OPTIONS), (examples(), OPTIONS.model_copy(update={"seed": 4}))):
        with pytest.raises(UsageError, match="other pairs or options"):
            trained(options, pairs, state=state)
    with pytest.raises(UsageError, match="two pairs"):
        trained(pairs=examples(1))


def test_a_matcher_survives_its_file(matcher: TrainedMatcher, tmp_path: Path) -> None:
    path, arrays = tmp_path / "m.safetensors", trained(OPTIONS.model_copy(update={"epochs": 1}))
    write_checkpoint(path, Checkpoint(SIZES, arrays, {"pairs": 90}))
    read = read_checkpoint(path)
    assert (read.sizes, read.facts) == (SIZES, {"pairs": 90})
    assert all(np.array_equal(read.arrays[name], arrays[name]) for name in arrays)


class _Words(toy.DrawnWords):
    name = "other"


def test_a_matcher_of_other_vectors_is_refused(matcher: TrainedMatcher) -> None:
    with pytest.raises(UsageError, match="other"):
        TrainedMatcher(Checkpoint(SIZES, trained(OPTIONS.model_copy(update={"epochs": 1})), {}), _Words(), "m.safetensors")


def header(path: Path, **changed: object) -> bytes:
    """The file of a matcher with other texts in its header."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    fields = json.loads(data[8 : 8 + size])
    fields["__metadata__"] |= {name: value for name, value in changed.items() if value is not None}
    for name, value in changed.items():
        if value is None:
            del fields["__metadata__"][name]
    text = json.dumps(fields).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def test_hostile_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "good.safetensors"
    arrays = {name: np.zeros(shape, np.float32) for name, shape in parameter_shapes(SIZES).items()}
    write_checkpoint(path, Checkpoint(SIZES, arrays, {}))
    good, wide = path.read_bytes(), SIZES.model_copy(update={"width": 1024})

    def file_of(**changed: np.ndarray) -> bytes:
        write_checkpoint(path, Checkpoint(SIZES, {**arrays, **changed}, {}))
        return path.read_bytes()

    hostile = {
        "empty": (b"", "no file of safetensors"),
        "a pickle": (b"\x80\x04\x95cposix\nsystem\n", "no file of safetensors"),
        "a zip of torch": (b"PK\x03\x04" + b"\0" * 200, "no file of safetensors"),
        "cut": (good[: len(good) // 2], "no file of safetensors"),
        "a header of 2^60 bytes": (struct.pack("<Q", 1 << 60) + good[8:], "no file of safetensors"),
        "another format": (header(path, format=None), "is no matcher"),
        "another version": (header(path, version="9"), "version '9'"),
        "sizes that are no JSON": (header(path, sizes="{"), "header is wrong"),
        "nested sizes": (header(path, sizes="[" * 90_000), "header is wrong"),
        "sizes beyond the limits": (header(path, sizes='{"embedder": "x", "dimensions": 24, "width": 1000000}'), "header is wrong"),
        "heads that do not divide": (header(path, sizes='{"embedder": "x", "dimensions": 24, "width": 16, "heads": 3}'), "header is wrong"),
        "other sizes than the arrays": (header(path, sizes=wide.model_dump_json()), "not F32"),
        "another shape": (file_of(shares=np.zeros(4, np.float32)), "shares is F32"),
        "another type": (file_of(shares=np.zeros(3, np.float64)), "shares is F64"),
        "an array too many": (file_of(extra=np.zeros(3, np.float32)), "unknown array 'extra'"),
        "not a number": (file_of(shares=np.full(3, np.nan, np.float32)), "no finite numbers"),
    }
    for name, (data, message) in hostile.items():
        path.write_bytes(data)
        with pytest.raises(UsageError, match=message):
            read_checkpoint(path)
        assert name
    path.write_bytes(good)
    assert read_checkpoint(path).facts == {}
    with pytest.raises(UsageError, match="cannot be read"):
        read_checkpoint(tmp_path / "missing.safetensors")
    with pytest.raises(UsageError, match="lacks 'state"):
        read_checkpoint(path, ("state.mean.",))


def test_ranks_count_the_middle_of_equals() -> None:
    fits = np.array([[0.9, 0.5, 0.1], [0.2, 0.2, 0.2]])
    assert ranks_of(fits, [1, 0]).tolist() == [2, 2]
    assert retrieval_of(np.array([1, 2, 7])).recall == (1 / 3, 2 / 3, 1)
    assert chance(200).recall == (0.005, 0.025, 0.05)


def test_scenes_of_any_length_have_features() -> None:
    empty = query_of(Wanted(), "", toy.EMBEDDER)
    assert empty.segments.shape == (1, 53)
    assert empty.phrases.shape == (0, 24)
    assert isinstance(query_of(Wanted(words="x", tags=(("y", 0.0),)), " , .", toy.EMBEDDER), Query)
