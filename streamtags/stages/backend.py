"""What a captioner or classifier declares about itself.

An entry point of the group `streamtags.captioners` or `streamtags.classifiers` names a `BackendSpec`. The rest of streamtags decides by
the attributes of the spec and never by a backend's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from streamtags.config.options import Options, read_options
from streamtags.core.errors import ConfigError
from streamtags.core.model import Usage
from streamtags.core.vocabulary import Vocabulary

if TYPE_CHECKING:
    from streamtags.stages.caption.models import ModelConfig

__all__ = ["ENTRY_POINT_GROUPS", "BackendKind", "BackendSpec", "Requirement"]

BackendKind = Literal["captioner", "classifier"]
Requirement = Literal["key", "server", "client packages", "in-process packages", "model files"]

ENTRY_POINT_GROUPS: Mapping[BackendKind, str] = {"captioner": "streamtags.captioners", "classifier": "streamtags.classifiers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSpec:
    """One captioner or classifier.

    Attributes:
        name: the `backend` key of a profile; equal to the entry point's name.
        kind: `captioner` or `classifier`.
        options: the pydantic model of the profile's other keys.
        create: makes the backend from validated options; may raise `ConfigError`.
        needs_frames: a captioner reads the segment's stills; without it, stills are kept at thumbnail size.
        needs_model: answers come from a model and take time. Without it, answers are immediate: tags need no provisional set before
            them, and a profile's deadline does not extend the server's stall timeout.
        is_remote: contacts the server at the options' `base_url`. A remote classifier that names no server uses the captioner's.
        extra: the extra of streamtags that installs the packages it imports.
        requires: checks of `streamtags doctor` that must pass for this backend.
        preset_options: the options that a model file (`preset` in a profile) stands for; None refuses presets.
        estimate_usage: tokens of one segment before anything was measured; None for a backend that counts no tokens.
        check: raises `ConfigError` if the options cannot work on this machine now (a key that is not set); not called by `--dry-run`.
    """

    name: str
    kind: BackendKind
    options: type[Options]
    create: Callable[[Any], Any]
    needs_frames: bool = True
    needs_model: bool = True
    is_remote: bool = False
    extra: str | None = None
    requires: frozenset[Requirement] = field(default_factory=frozenset)
    preset_options: Callable[[ModelConfig], Mapping[str, Any]] | None = None
    estimate_usage: Callable[[Any, Vocabulary], Usage | None] | None = None
    check: Callable[[Any], None] | None = None

    @property
    def where(self) -> str:
        """The backend in error messages, as in "captioner openai"."""
        return f"{self.kind} {self.name}"

    def with_preset(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options with those of the model file named by `preset` filled in below them; without that key, a copy.

        Raises:
            ConfigError: there is no such model file, or it has mistakes.
        """
        if self.preset_options is None or options.get("preset") is None:
            return dict(options)
        from streamtags.stages.caption.models import load_model_config

        own = {key: value for key, value in options.items() if key != "preset"}
        return {**self.preset_options(load_model_config(str(options["preset"]))), **own}

    def read(self, options: Mapping[str, Any]) -> Options:
        """Options of a profile, with those of a preset, validated.

        Raises:
            ConfigError: an option is unknown or has a wrong value.
        """
        return read_options(self.options, self.with_preset(options), self.where)

    def build(self, options: Mapping[str, Any], *, check: bool = True) -> Any:
        """Make the backend.

        Args:
            options: keys and values as in a profile.
            check: refuse options that cannot work on this machine now, such as a key that is not set.

        Raises:
            ConfigError: an option is unknown or wrong, a package is not installed, or `check` fails.
        """
        chosen = self.read(options)
        if check and self.check is not None:
            self.check(chosen)
        try:
            return self.create(chosen)
        except ModuleNotFoundError as error:
            hint = f"pip install 'streamtags[{self.extra}]'" if self.extra else f"install {error.name}"
            raise ConfigError(f"the package {error.name} is not installed", where=self.where, hint=hint) from error
