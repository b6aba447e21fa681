"""The music tagger that the settings choose."""

from __future__ import annotations

from streamtags.config.stages import MusicSettings
from streamtags.core.errors import ConfigError
from streamtags.stages.music.endpoint import MusicEndpoint
from streamtags.stages.music.musicnn import load_tagger
from streamtags.stages.music.tagger import MusicTagger
from streamtags.stages.music.weights import pulled_folder

__all__ = ["PULL_COMMAND", "lacks_weights", "make_tagger"]

PULL_COMMAND = "streamtags model pull music-tagger"


def make_tagger(settings: MusicSettings) -> MusicTagger | None:
    """Return the tagger of the settings; None if it is off, or on its own choice and not pulled.

    Raises:
        ConfigError: its weights are missing or damaged, or a package is.
    """
    if settings.backend == "off" or lacks_weights(settings):
        return None
    if settings.backend == "openai":
        return MusicEndpoint(settings)
    folder = settings.weights or pulled_folder()
    if folder is None:
        raise ConfigError("its weights were not fetched", where="hear.music.backend=musicnn", hint=PULL_COMMAND)
    return load_tagger(folder)


def lacks_weights(settings: MusicSettings) -> bool:
    """Whether music goes without tags only because the weights were not pulled."""
    return settings.backend == "auto" and settings.weights is None and pulled_folder() is None
