"""Captioners and classifiers by name, from entry points, loaded when used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from pydantic import ConfigDict

from streamtags.config.options import Options
from streamtags.config.profiles import PROFILES
from streamtags.config.settings import ProfileSettings, Settings
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import ConfigError
from streamtags.core.ports import Captioner, Classifier, Describer
from streamtags.stages.backend import ENTRY_POINT_GROUPS, BackendKind, BackendSpec
from streamtags.stages.tag.calibration import CalibratedClassifier, CalibratedDescriber, load_confidences
from streamtags.stages.tools import Tools

__all__ = [
    "backend_names",
    "captioner_options",
    "captioner_spec",
    "classifier_options",
    "classifier_spec",
    "create_captioner",
    "create_classifier",
    "find_backend",
    "needs_model",
    "open_tools",
]

# Chooses the tags of a segment until its model has answered.
_PROVISIONAL = ProfileSettings.model_validate(PROFILES["embedded"])


@asynccontextmanager
async def open_tools(settings: Settings, *, check: bool = True, captioner: Captioner | None = None) -> AsyncIterator[Tools]:
    """Open the captioner, classifier and vocabulary that the settings choose, and close them at the end.

    Args:
        settings: profile and vocabulary.
        check: refuse a profile that cannot work on this machine now, such as one whose key is not set.
        captioner: used instead of the one that the profile names, which another process has loaded.

    Raises:
        ConfigError: an unknown profile or backend.
        VocabularyError: the vocabulary has mistakes.
    """
    profile = settings.choose_profile()
    vocabulary = load_vocabulary(settings.tags)
    provisional = create_classifier(_PROVISIONAL) if classifier_spec(profile).needs_model else None
    captioner, classifier = captioner or create_captioner(profile, check=check), create_classifier(profile, check=check)
    if profile.calibration is not None:
        captioner, classifier = _calibrated(captioner, classifier, profile.calibration)
    tools = Tools(
        captioner, classifier, vocabulary, profile, provisional, needs_frames=captioner_spec(profile).needs_frames, settings=settings
    )
    try:
        yield tools
    finally:
        await tools.close()


def create_captioner(profile: ProfileSettings, *, check: bool = True) -> Captioner:
    """Create the captioner of a profile from its options.

    An option `preset` names a shipped model file or the path of one; its values stand below the profile's own options.

    Raises:
        ConfigError: no such backend or model, an unknown option, or a package that is not installed.
    """
    return cast("Captioner", captioner_spec(profile).build(captioner_options(profile), check=check))


def create_classifier(profile: ProfileSettings, *, check: bool = True) -> Classifier:
    """Create the classifier of a profile from its options, without the profile's calibration.

    Raises:
        ConfigError: no such backend, an unknown option, or a package that is not installed.
    """
    return cast("Classifier", classifier_spec(profile).build(classifier_options(profile), check=check))


def captioner_spec(profile: ProfileSettings) -> BackendSpec:
    """The spec of the profile's captioner."""
    return find_backend("captioner", profile.captioner.backend)


def classifier_spec(profile: ProfileSettings) -> BackendSpec:
    """The spec of the profile's classifier."""
    return find_backend("classifier", profile.classifier.backend)


def captioner_options(profile: ProfileSettings) -> dict[str, Any]:
    """The captioner's options, those of its preset included."""
    return captioner_spec(profile).with_preset(profile.captioner.options)


def classifier_options(profile: ProfileSettings) -> dict[str, Any]:
    """The classifier's options, those of its preset included.

    A remote classifier that names no server uses the captioner's server, key and model. A key is never sent to another server.
    """
    options = classifier_spec(profile).with_preset(profile.classifier.options)
    if not (captioner_spec(profile).is_remote and classifier_spec(profile).is_remote) or "base_url" in profile.classifier.options:
        return options
    shared = captioner_options(profile)
    return {**{key: shared[key] for key in ("base_url", "api_key_env", "model") if key in shared}, **options}


def needs_model(profile: ProfileSettings) -> bool:
    """Whether the captioner or the classifier of a profile waits for a model."""
    return captioner_spec(profile).needs_model or classifier_spec(profile).needs_model


def backend_names() -> dict[str, list[str]]:
    """Names of installed backends, by entry-point group."""
    return {group: sorted(point.name for point in entry_points(group=group)) for group in ENTRY_POINT_GROUPS.values()}


def find_backend(kind: BackendKind, name: str) -> BackendSpec:
    """Load the spec of an installed backend.

    A plugin's entry point may also name a bare `create(options)` function. It gets a spec with default attributes: its options are
    passed on without validation.

    Raises:
        ConfigError: no such backend, or a plugin that cannot be imported or names something else.
    """
    group = ENTRY_POINT_GROUPS[kind]
    points: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=group)}
    point = points.get(name)
    if point is None:
        raise ConfigError(f"no backend {name!r}", where=group, hint=f"installed are {', '.join(sorted(points)) or 'none'}")
    where = f"entry point {point.value!r} of {point.dist.name if point.dist else 'an installed package'}"
    try:
        target: object = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"the {kind} {name!r} cannot be loaded: {error}", where=where, hint="update or remove that package") from error
    if isinstance(target, BackendSpec):
        if (target.kind, target.name) != (kind, name):
            raise ConfigError(
                f"names the {target.where}, not the {kind} {name}", where=where, hint="correct the entry point's group or name"
            )
        return target
    if callable(target):
        create: Any = target
        return BackendSpec(name=name, kind=kind, options=_AnyOptions, create=lambda options: create(options.model_dump()))
    raise ConfigError(f"is neither a BackendSpec nor a function ({type(target).__name__})", where=where, hint="see `Write a captioner`")


class _AnyOptions(Options):
    """Options of a plugin without a spec; the plugin validates them."""

    model_config = ConfigDict(extra="allow")


def _calibrated(captioner: Captioner, classifier: Classifier, path: Path) -> tuple[Captioner, Classifier]:
    """Both, with the confidences corrected of the one that the calibration was fitted for.

    Raises:
        ConfigError: the file cannot be read, or was fitted for neither.
    """
    fit = load_confidences(path)
    if isinstance(captioner, Describer) and fit.model == captioner.model:
        return CalibratedDescriber(captioner, fit), classifier
    return captioner, CalibratedClassifier(classifier, fit)
