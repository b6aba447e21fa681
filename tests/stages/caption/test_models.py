"""Model files: what ships is whole, mistakes are explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamtags.core.errors import ConfigError
from streamtags.stages.caption.models import load_model_config, shipped_models
from streamtags.stages.caption.prompts import load_prompt


@pytest.mark.parametrize("name", shipped_models())
def test_every_model_that_ships_is_whole(name: str) -> None:
    config = load_model_config(name)
    assert config.name == name
    assert config.license
    load_prompt(config.caption.prompt)
    options = config.openai_options()
    assert options["model"] == name
    json.dumps(options)
    assert config.transformers_options()["model"] == config.model


def test_the_required_models_ship() -> None:
    known = " ".join(load_model_config(name).model for name in shipped_models())
    for wanted in ("LLaVA-NeXT-Video-7B", "LLaVA-NeXT-Video-34B", "llava-onevision", "Qwen2.5-VL", "Qwen3-VL", "SmolVLM2"):
        assert wanted in known


def test_options_are_taken_by_the_captioners() -> None:
    pytest.importorskip("openai", reason="needs the extra streamtags[models]")
    from streamtags.stages.caption.openai import SPEC

    for name in shipped_models():
        assert SPEC.build({"preset": name}).model == SPEC.build(load_model_config(name).openai_options()).model
        assert SPEC.build({"preset": name, "frames": 3}).model != SPEC.build({"preset": name}).model
    with pytest.raises(ConfigError, match="no model 'tiniest'"):
        SPEC.build({"preset": "tiniest"})


def test_the_test_model_is_here() -> None:
    folder = Path(load_model_config("tiny-llava-next-video").model)
    assert (folder / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title = 'x'", "model"),
        ("title = 'x'\nmodel = 'm'\nlicense = 'l'\nweights_gib = 1\n[caption]\nfrmes = 3", "did you mean 'frames'"),
        ("title = 'x'\nmodel = 'm'\nlicense = 'l'\nweights_gib = 1\n[serve]\ndtype = 'int3'", "dtype"),
        ("title = 'x'\nmodel = 'm'\nlicense = 'l'\nweights_gib = -1", "weights_gib"),
        ("title = ", "TOML"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_model_config(path)
    assert complaint in str(caught.value)
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize("name", ["no-such-model", "missing.toml", "../tiny"])
def test_models_that_are_not_there_are_explained(name: str) -> None:
    with pytest.raises(ConfigError):
        load_model_config(name)


@pytest.mark.parametrize("key", ["license", "licence"])
def test_the_license_of_a_model_is_read_in_both_spellings(tmp_path: Path, key: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'title = "Mine"\nmodel = "a/b"\n{key} = "MIT"\nweights_gib = 1.0\n')
    assert load_model_config(file).license == "MIT"
