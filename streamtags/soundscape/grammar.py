"""The grammar of the sentences: a data file, so that words change without code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamtags.core.errors import ConfigError
from streamtags.core.validation import first_mistake

__all__ = ["Color", "Grammar", "Instrument", "Sentences", "load_grammar", "shipped_grammar"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Instrument(_Strict):
    """What is known of an instrument: its family, which chooses the verb, and an abstract word."""

    family: str = "other"
    abstract: str


class Color(_Strict):
    """A color and the lowest frequency that it stands for, in Hz."""

    hertz: float = Field(0.0, ge=0)
    name: str
    hex: str = Field(pattern="^#[0-9a-f]{6}$")


class Sentences(_Strict):
    """Templates of the parts of a sentence."""

    voice: str
    object: str
    voice_background: str
    instruments: str
    noise_loud: str
    noise_medium: str
    noise_quiet: str
    silence: str


class _Words(_Strict):
    words: tuple[str, ...] = Field(min_length=1)


class Grammar(_Strict):
    """A grammar file."""

    actions: tuple[str, ...] = Field(min_length=1)
    volumes: dict[str, str]
    voices: dict[str, str]
    palette: str
    determiners: frozenset[str]
    empty_words: frozenset[str]
    sentences: Sentences
    verbs: dict[str, tuple[str, str]]
    instruments: dict[str, Instrument]
    abstract: _Words
    adjectives: dict[str, str] = Field(default_factory=dict)
    colors: tuple[Color, ...] = Field(min_length=1)
    silence: Color

    def color(self, hertz: float | None) -> Color:
        """Return the color of a frequency; that of silence for None."""
        if hertz is None:
            return self.silence
        return max((color for color in self.colors if color.hertz <= hertz), key=lambda color: color.hertz, default=self.colors[0])


def load_grammar(path: Path | None = None) -> Grammar:
    """Return the grammar of a file; the shipped one for None.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a key is unknown, missing or wrong.
    """
    if path is None:
        return shipped_grammar()
    try:
        return Grammar.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not TOML: {error}", where=str(path)) from error
    except ValidationError as error:
        mistake = first_mistake(error)
        raise ConfigError(mistake.text, where=f"{path}: {'.'.join(mistake.path)}") from error


@cache
def shipped_grammar() -> Grammar:
    """Return the grammar that ships."""
    return Grammar.model_validate(tomllib.loads((files("streamtags.soundscape") / "grammar.toml").read_text("utf-8")))
