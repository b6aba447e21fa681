"""Tag vocabularies: the tags one may choose from, each with a description, aliases and an axis."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamtags.core.errors import VocabularyError
from streamtags.core.events import VocabularyRef
from streamtags.core.measures import MEASURES
from streamtags.core.validation import first_mistake

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_ONE_LIMIT = re.compile(rf"(?P<measure>\w+)\s*(?P<sign>[<>])=?\s*(?P<limit>{_NUMBER})")
_TWO_LIMITS = re.compile(rf"(?P<low>{_NUMBER})\s*<=?\s*(?P<measure>\w+)\s*<=?\s*(?P<high>{_NUMBER})")
_WORDS = re.compile(r"(?P<measure>\w+)\s+is\s+(?P<words>.+)")

__all__ = ["Axis", "Condition", "Tag", "Vocabulary", "did_you_mean", "folded"]


def folded(name: str) -> str:
    """`name` as names are compared: NFKC, case folded, one space between words."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Advice on a name that is not one of `known`: the nearest, or else what there is."""
    names = list(islice(known, 2_000))
    near = difflib.get_close_matches(folded(name), {folded(n): n for n in names}, n=1, cutoff=0.6)
    if near:
        return f"did you mean {next(n for n in names if folded(n) == near[0])!r}?"
    shown = ", ".join(names[:20])
    return f"known are {shown}{' ...' if len(names) > 20 else ''}" if names else "there are none"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Condition(_Frozen):
    """`measure` of the evidence lies in `low` to `high`, either end open where None; or is one of the words `values`."""

    measure: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Condition:
        """A condition as people write it: `brightness_percent < 25`, `20 < tempo_bpm < 90`, `camera is static`; limits included.

        Raises:
            ValueError: not a condition, no such measure, or limits that nothing can meet; says which and what to write.
        """
        text = text.strip()
        if match := _ONE_LIMIT.fullmatch(text):
            side = "low" if match["sign"] == ">" else "high"
            condition = cls.model_validate({"measure": match["measure"], side: float(match["limit"])})
        elif match := _TWO_LIMITS.fullmatch(text):
            condition = cls(measure=match["measure"], low=float(match["low"]), high=float(match["high"]))
        elif match := _WORDS.fullmatch(text):
            condition = cls(measure=match["measure"], values=tuple(re.split(r"\s*,\s*|\s+or\s+", match["words"].strip())))
        else:
            raise ValueError(
                f"{text!r} is not a condition; write one such as 'loudness_lufs > -14', '80 < tempo_bpm < 120' or 'camera is static'"
            )
        condition._refuse_nonsense()
        return condition

    def _refuse_nonsense(self) -> None:
        measure = MEASURES.get(self.measure)
        if measure is None:
            raise ValueError(f"nothing is measured under the name {self.measure!r}; {did_you_mean(self.measure, MEASURES)}")
        if measure.values and not self.values:
            raise ValueError(f"{self.measure} is a word, not a number; write '{self.measure} is {measure.values[0]}'")
        if self.values and not measure.values:
            raise ValueError(f"{self.measure} is a number; write '{self.measure} > {measure.high:g}' with a limit of your own")
        for value in self.values:
            if value not in measure.values:
                raise ValueError(f"{self.measure} is never {value!r}; {did_you_mean(value, measure.values)}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"nothing lies between {self.low:g} and {self.high:g}; write the lower limit first")

    def __str__(self) -> str:
        if self.values:
            return f"{self.measure} is {' or '.join(self.values)}"
        if self.low is None:
            return f"{self.measure} below {self.high:g}"
        if self.high is None:
            return f"{self.measure} above {self.low:g}"
        return f"{self.measure} in {self.low:g} to {self.high:g}"


class Tag(_Frozen):
    """One entry. `when` are conditions on measured evidence, all of which must hold; empty if measurements do not decide."""

    name: str
    axis: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()


class Axis(_Frozen):
    """A kind of tag (mood, energy, setting). `exclusive`: at most one of its tags holds at a time."""

    name: str
    description: str = ""
    exclusive: bool = False


class Vocabulary(_Frozen):
    """The tags to choose from. `exclusive` are groups of tags of which one at most holds, in addition to exclusive axes."""

    id: str
    version: str
    title: str = ""
    axes: tuple[Axis, ...]
    tags: tuple[Tag, ...] = Field(min_length=1)
    exclusive: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def ref(self) -> VocabularyRef:
        """The name under which events refer to it."""
        return VocabularyRef(id=self.id, version=self.version, digest=self.digest[:16])

    @cached_property
    def by_name(self) -> dict[str, Tag]:
        """Tags by their own name."""
        return {tag.name: tag for tag in self.tags}

    @cached_property
    def _by_folded(self) -> dict[str, Tag]:
        return {folded(name): tag for tag in self.tags for name in (*tag.aliases, tag.name)}

    def find(self, name: str) -> Tag | None:
        """The tag of that name or alias, whatever its case and spacing; None if there is none."""
        return self.by_name.get(name) or self._by_folded.get(folded(name))

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Every set of tag names of which at most one holds: the exclusive axes, then the groups."""
        axes = (tuple(tag.name for tag in self.tags if tag.axis == axis.name) for axis in self.axes if axis.exclusive)
        return (*(names for names in axes if len(names) > 1), *self.exclusive)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; what is empty is left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Vocabulary:
        """What `to_dict` gave.

        Raises:
            VocabularyError: it is not that.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise VocabularyError(f"stored vocabulary is damaged: {first_mistake(error)}", hint="load it from its file again") from error

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, 64 hex digits: two vocabularies of the same digest tag alike."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
