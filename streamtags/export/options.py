"""The options of an export, from the command line, an HTTP query or Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from streamtags.core.errors import UsageError
from streamtags.core.timebase import Rational, parse_rational
from streamtags.core.validation import first_mistake

__all__ = ["EDITING_OPTIONS", "OPTION_NAMES", "ExportOptions", "parse_options", "parse_rate"]

MAX_RATE = 1000
MAX_LIST = 1000
MAX_TEXT = 200
_NTSC_RATES = tuple(Fraction(base * 1000, 1001) for base in (24, 30, 48, 60, 96, 120))
_NTSC_TOLERANCE = Fraction(6, 1000)  # 23.98 and 23.976 both mean 24000/1001


def parse_rate(value: object) -> Fraction:
    """Parse a frame rate: `25`, `"24000/1001"` or the usual decimal of an NTSC rate, such as `"23.976"`.

    Raises:
        ValueError: `value` is not a number, or not above 0 and at most 1000.
    """
    if isinstance(value, float):
        value = f"{value:g}"
    try:
        rate = parse_rational(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a frame rate such as 25, 23.976 or 24000/1001") from error
    if not 0 < rate <= MAX_RATE:
        raise ValueError(f"a frame rate is above 0 and at most {MAX_RATE}, not {value}")
    if isinstance(value, str) and "." in value:
        rate = next((ntsc for ntsc in _NTSC_RATES if abs(ntsc - rate) < _NTSC_TOLERANCE), rate)
    return rate


_Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class ExportOptions(BaseModel):
    """The options of an export. A format declares which of them it uses; see `Format.options`.

    Attributes:
        rate: frame rate of the exported timeline; None keeps the rate of the source.
        start_timecode: SMPTE timecode of the first frame; None keeps the start timecode of the source.
        axes: only tags of these axes; empty for all.
        tags: only these tags; empty for all.
        min_confidence: only tags with at least this confidence, 0..1.
        colors: name of the marker color for each axis.
        format_version: version of the file format, where a format has several; None for its usual one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rate: Annotated[Rational, BeforeValidator(parse_rate)] | None = None
    start_timecode: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    axes: tuple[_Text, ...] = Field(default=(), max_length=MAX_LIST)
    tags: tuple[_Text, ...] = Field(default=(), max_length=MAX_LIST)
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    colors: dict[_Text, _Text] = Field(default_factory=dict, max_length=MAX_LIST)
    format_version: Annotated[str, Field(min_length=1, max_length=20)] | None = None

    @field_validator("start_timecode")
    @classmethod
    def _check_day(cls, value: str | None) -> str | None:
        """A label of the next day would come out as one of this day."""
        hours = "" if value is None else value.strip().partition(":")[0]
        if hours.isdecimal() and int(hours) > 23:
            raise ValueError(f"the hours of a timecode are 00 to 23, not {hours}")
        return value

    @field_validator("colors", mode="before")
    @classmethod
    def _parse_colors(cls, value: object) -> object:
        """Accept `["mood=Blue"]` as well as `{"mood": "Blue"}`."""
        if not isinstance(value, list | tuple):
            return value
        pairs = [str(text).partition("=") for text in value]
        for text, (axis, equals, color) in zip(value, pairs, strict=True):
            if not (equals and axis.strip() and re.fullmatch(r"[A-Za-z][A-Za-z ]*", color.strip())):
                raise ValueError(f"{text!r} is not AXIS=COLOR, for example mood=Blue")
        return {axis.strip(): color.strip() for axis, _, color in pairs}

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> ExportOptions:
        """Return the options with these fields.

        Raises:
            UsageError: a field is unknown or has a wrong value; the message says which.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            mistake = first_mistake(error)
            name = mistake.path[0] if mistake.path else ""
            shown = next((short for short, long in _REPEATED.items() if long == name), name)
            raise UsageError(mistake.text, where=f"export option {shown}") from error

    @property
    def selects_tags(self) -> bool:
        """Whether the options leave out tags."""
        return bool(self.axes or self.tags or self.min_confidence)

    @property
    def given(self) -> frozenset[str]:
        """Names of the options that differ from their default."""
        return frozenset(
            name for name, field in type(self).model_fields.items() if getattr(self, name) != field.get_default(call_default_factory=True)
        )


OPTION_NAMES = frozenset(ExportOptions.model_fields)
# What formats for editing systems use.
EDITING_OPTIONS = frozenset({"rate", "start_timecode", "axes", "tags", "min_confidence", "colors"})

# Names in a query and on the command line, where a list is given by repeating its name.
_REPEATED = {"axis": "axes", "tag": "tags", "color": "colors"}


def parse_options(pairs: Iterable[tuple[str, str | float | None]]) -> ExportOptions:
    """Build options from (name, value) pairs such as those of a query: `rate`, `start_timecode`, `axis`, `tag`, `min_confidence`, `color`.

    `axis`, `tag` and `color` may occur more than once. A value of None is ignored.

    Raises:
        UsageError: a name or a value is wrong; the message says which.
    """
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if value is None:
            continue
        if name in _REPEATED:
            fields.setdefault(_REPEATED[name], []).append(value)
        else:
            fields[name] = value
    return ExportOptions.read(fields)
