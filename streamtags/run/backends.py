"""Captioners and classifiers by name, imported when used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from streamtags.config.settings import PROFILES, BackendSettings, ProfileSettings, Settings
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import ConfigError
from streamtags.core.ports import Captioner, Classifier, Describer
from streamtags.run.tag import Tools
from streamtags.stages.caption.models import load_model_config, preset
from streamtags.stages.tag.calibration import CalibratedClassifier, CalibratedDescriber, load_confidences

__all__ = ["backend_names", "captioner_options", "classifier_options", "create_captioner", "create_classifier", "open_tools"]

_CAPTIONERS = "streamtags.captioners"
_CLASSIFIERS = "streamtags.classifiers"
# Backends that ask a server, whose classifier may share the captioner's.
_SERVED = frozenset({"openai", "openai-tags", "instructor"})

# Who tags a segment until its model has spoken.
_PROVISIONAL = ProfileSettings.model_validate(PROFILES["embedded"])


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[Tools]:
    """The captioner, classifier and vocabulary that the settings choose, released at the end.

    Raises:
        ConfigError: an unknown profile or backend.
        VocabularyError: the vocabulary has mistakes.
    """
    profile = settings.choose_profile()
    vocabulary = load_vocabulary(settings.tags)
    first = None if profile.classifier.backend == "embedded" else create_classifier(_PROVISIONAL)
    captioner, classifier = create_captioner(profile), create_classifier(profile)
    if profile.calibration is not None:
        captioner, classifier = _calibrated(captioner, classifier, profile.calibration)
    tools = Tools(captioner, classifier, vocabulary, profile, first)
    try:
        yield tools
    finally:
        await tools.close()


def create_captioner(profile: ProfileSettings) -> Captioner:
    """The captioner of a profile, made from its options.

    An option `preset` names a model's file in `configs/models`, or another: what it says stands under the profile's other options.

    Raises:
        ConfigError: no such backend or model, an option it does not know, or a package it needs is not installed.
    """
    return cast("Captioner", _create(_CAPTIONERS, profile.captioner.backend, captioner_options(profile)))


def create_classifier(profile: ProfileSettings) -> Classifier:
    """The classifier of a profile, made from its options; its confidences are as it tells them.

    Raises:
        ConfigError: no such backend, an option it does not know, or a package it needs is not installed.
    """
    return cast("Classifier", _create(_CLASSIFIERS, profile.classifier.backend, classifier_options(profile)))


def captioner_options(profile: ProfileSettings) -> dict[str, Any]:
    """The captioner's options, those of its preset included."""
    return _configured(profile.captioner)


def classifier_options(profile: ProfileSettings) -> dict[str, Any]:
    """The classifier's options. One that asks a server and names none asks the captioner's; a key is never sent to another server."""
    options = _configured(profile.classifier)
    if not {profile.captioner.backend, profile.classifier.backend} <= _SERVED or "base_url" in profile.classifier.options:
        return options
    shared = _configured(profile.captioner)
    return {**{key: shared[key] for key in ("base_url", "api_key_env", "model") if key in shared}, **options}


def backend_names() -> dict[str, list[str]]:
    """Names of installed backends, by entry-point group."""
    return {group: sorted(point.name for point in entry_points(group=group)) for group in (_CAPTIONERS, _CLASSIFIERS)}


def _calibrated(captioner: Captioner, classifier: Classifier, path: Path) -> tuple[Captioner, Classifier]:
    """Both, with the confidences corrected of the one that the calibration was fitted for.

    Raises:
        ConfigError: the file cannot be read, or was fitted for neither.
    """
    fit = load_confidences(path)
    if isinstance(captioner, Describer) and fit.model == captioner.model:
        return CalibratedDescriber(captioner, fit), classifier
    return captioner, CalibratedClassifier(classifier, fit)


def _configured(settings: BackendSettings) -> dict[str, Any]:
    options = settings.options
    if settings.backend == "transformers":
        return preset(options, "transformers")
    if settings.backend == "instructor":
        name = options.pop("preset", None)
        return options if name is None else {"model": load_model_config(str(name)).name, **options}
    return preset(options, "openai") if settings.backend in _SERVED else options


def _create(group: str, backend: str, options: Mapping[str, Any]) -> object:
    points: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=group)}
    point = points.get(backend)
    if point is None:
        raise ConfigError(f"no backend {backend!r}", where=group, hint=f"installed are {', '.join(sorted(points)) or 'none'}")
    try:
        create: Any = point.load()
        return cast("object", create(options))
    except ModuleNotFoundError as error:
        wanted = "transformers" if backend == "transformers" else "models"
        raise ConfigError(
            f"the backend {backend!r} needs the package {error.name}", where=group, hint=f"pip install 'streamtags[{wanted}]'"
        ) from error
