"""Specs of backends, from entry points."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from streamtags.config.profiles import PROFILES
from streamtags.config.settings import ProfileSettings
from streamtags.core.errors import ConfigError
from streamtags.run import backends
from streamtags.run.backends import backend_names, find_backend, needs_model
from streamtags.stages.backend import ENTRY_POINT_GROUPS, BackendSpec
from streamtags.testing import ScriptedCaptioner


def old_create(options: Mapping[str, Any]) -> ScriptedCaptioner:
    """The form of an entry point without a spec."""
    return ScriptedCaptioner(model=str(options["model"]))


def installed(monkeypatch: pytest.MonkeyPatch, value: str, name: str = "mine") -> None:
    point = EntryPoint(name=name, value=value, group="streamtags.captioners")
    monkeypatch.setattr(backends, "entry_points", lambda group: [point] if group == point.group else [])


@pytest.mark.parametrize("kind", ["captioner", "classifier"])
def test_every_installed_backend_has_a_spec_of_its_kind_and_name(kind: Any) -> None:
    for name in backend_names()[ENTRY_POINT_GROUPS[kind]]:
        spec = find_backend(kind, name)
        assert (spec.kind, spec.name) == (kind, name)
        assert all(field.description for field in spec.options.model_fields.values()), name


def test_only_the_embedded_profile_needs_no_model() -> None:
    assert {name for name, profile in PROFILES.items() if not needs_model(ProfileSettings.model_validate(profile))} == {"embedded"}


def test_a_bare_function_of_a_plugin_becomes_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, f"{__name__}:old_create")
    monkeypatch.setattr(EntryPoint, "load", lambda _: old_create)
    spec = find_backend("captioner", "mine")
    assert spec.build({"model": "m"}).model == "m"
    assert (spec.needs_frames, spec.is_remote) == (True, False)


@pytest.mark.parametrize(
    ("value", "says"),
    [("no_such_module_anywhere:SPEC", "No module named"), ("json:SPEC", "SPEC"), ("math:pi", "neither a BackendSpec nor a function")],
)
def test_a_plugin_that_cannot_be_used_is_named_as_the_one_at_fault(monkeypatch: pytest.MonkeyPatch, value: str, says: str) -> None:
    installed(monkeypatch, value)
    with pytest.raises(ConfigError, match=says) as caught:
        find_backend("captioner", "mine")
    assert value in str(caught.value)


def test_a_spec_under_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "streamtags.stages.caption.embedded:SPEC")
    with pytest.raises(ConfigError, match="names the captioner embedded, not the captioner mine"):
        find_backend("captioner", "mine")


def test_an_unknown_backend_lists_those_installed() -> None:
    with pytest.raises(ConfigError, match="embedded, openai, openai-tags"):
        find_backend("captioner", "opnai")


def test_a_package_that_is_missing_names_the_extra() -> None:
    def create(_: Any) -> object:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    spec = find_backend("captioner", "embedded")
    missing = BackendSpec(name="x", kind="captioner", options=spec.options, create=create, extra="transformers")
    with pytest.raises(ConfigError, match=r"streamtags\[transformers\]"):
        missing.build({})


def test_presets_are_refused_by_backends_without_model_files() -> None:
    with pytest.raises(ConfigError, match="'preset'"):
        find_backend("captioner", "embedded").build({"preset": "llava-next-video-7b"})
