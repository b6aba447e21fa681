"""What `streamtags doctor` says about extras: what each adds, whether it is installed, whether its weights are here."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from streamtags.cli import extras, main
from streamtags.cli.extras import EXTRAS, ExtraState, extra_states
from streamtags.config.settings import Settings, load_settings


def states(settings: Settings | None = None) -> dict[str, ExtraState]:
    return {state.name: state for state in extra_states(settings or Settings())}


def test_an_extra_that_is_not_installed_says_what_it_would_add_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    for name, state in states().items():
        assert not state.ok
        assert "would add: " in state.detail
        assert state.hint == f"pip install 'streamtags[{name}]'"


def test_every_extra_is_one_that_can_be_installed_with_the_packages_it_names() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    optional = tomllib.loads(project.read_text("utf-8"))["project"]["optional-dependencies"]
    for extra in EXTRAS:
        for package in extra.packages:
            assert any(requirement.startswith(package) for requirement in optional[extra.name]), (extra.name, package)


def test_weights_inside_a_package_are_here_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: object())
    for name in ("text", "hearing", "multilingual"):
        assert states()[name].ok
        assert "weights inside the package" in states()[name].detail


def test_weights_of_speech_are_looked_for_where_they_are_downloaded_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: object())
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "the weights of base are not here" in states()["speech"].detail
    assert "transcribe.backend=faster-whisper" in states()["speech"].hint
    model = tmp_path / "models--Systran--faster-whisper-base" / "snapshots" / "0a" / "model.bin"
    model.parent.mkdir(parents=True)
    model.touch()
    assert states()["speech"].ok
    assert not states(load_settings({"transcribe": {"model": "small"}}))["speech"].ok
    assert states(load_settings({"transcribe": {"model": str(tmp_path)}}))["speech"].ok


def test_the_sentence_model_that_was_not_pulled_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: object())
    assert states()["sentence"].hint == "streamtags model pull all-minilm-l6-v2"


def test_doctor_lists_every_extra(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--store", f"sqlite:///{tmp_path}/s.db", "--profile", "embedded"]) == 0
    printed = capsys.readouterr().out
    assert all(f"extra {extra.name} " in printed for extra in EXTRAS)
