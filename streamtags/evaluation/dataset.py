"""Labeled data: a JSON-lines file of items, and a TOML file that describes them.

An item is a caption, words of the film, measurements or a clip, with the tags that people chose for it and, for a clip, its shots.
"""

from __future__ import annotations

import json
import tomllib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from streamtags.core.answers import EXPRESSIONS
from streamtags.core.errors import UsageError
from streamtags.core.model import EvidenceValue
from streamtags.core.validation import first_mistake
from streamtags.core.vocabulary import Vocabulary

__all__ = ["Dataset", "Item", "Shots", "halves", "load_dataset"]

_HINT = "docs/howto/evaluate.md shows the format"
_MAX_LINE = 1_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shots(_Strict):
    """Where a clip's shots begin: decoded frames from 0, the first shot left out.

    Attributes:
        cuts: first frames of shots after a cut.
        gradual: first and last frame of each gradual transition.
    """

    cuts: tuple[int, ...] = ()
    gradual: tuple[tuple[int, int], ...] = ()


class Item(_Strict):
    """One labeled item. `clip` is relative to the dataset's folder; with it, no model sees `caption`.

    Attributes:
        id: its name; by default the number of its line.
        text: subtitles, titles or notes.
        evidence: measured numbers, for classifiers that use them.
        labels: the right tags, by vocabulary; a plain list is of the dataset's own. Left out, no tag is right, unless something else of
            the item is labeled: then its tags do not count.
        shots: of the clip; None where they are not labeled.
        transcript: every word that is spoken or sung in the clip, in order; "" for none, None where it is not labeled.
        content: shares of `speech`, `singing` and `music` in the clip, 0 to 1; those that are labeled.
        cues: where the clip wants music, from and to, in seconds from its start; empty for nowhere, None where it is not labeled.
        expression: the apparent expression of the faces in the clip, one of `EXPRESSIONS`; "" for none that is clear, None where it is
            not labeled.
        split: `dev` or `test`, if the dataset is split.
    """

    id: str = ""
    caption: str | None = None
    clip: str | None = None
    text: str = ""
    evidence: dict[str, EvidenceValue] = Field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] | tuple[str, ...] | None = None
    shots: Shots | None = None
    transcript: str | None = None
    content: dict[Literal["speech", "singing", "music"], Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    cues: tuple[tuple[Annotated[float, Field(ge=0)], float], ...] | None = None
    expression: str | None = None
    split: str | None = None

    @model_validator(mode="after")
    def _something(self) -> Item:
        if self.caption is None and self.clip is None and not self.text and not self.evidence:
            raise ValueError("an item has a caption, a text or a clip, or measurements")
        if self.shots is not None and self.clip is None:
            raise ValueError("shots are of a clip")
        if (self.transcript is not None or self.content) and self.clip is None:
            raise ValueError("transcript and content are of a clip")
        if self.cues is not None and self.clip is None:
            raise ValueError("cues are of a clip")
        if any(not start < end for start, end in self.cues or ()):
            raise ValueError("a cue ends after its start")
        if self.expression is not None and self.clip is None:
            raise ValueError("an expression is of a clip")
        if self.expression and self.expression not in EXPRESSIONS:
            raise ValueError(f"an expression is one of {', '.join(EXPRESSIONS)}")
        return self

    @property
    def _has_other_labels(self) -> bool:
        return bool(self.content) or any(label is not None for label in (self.shots, self.transcript, self.cues, self.expression))

    def tags(self, vocabulary: Vocabulary, own: str | None) -> tuple[str, ...] | None:
        """The labels as names of tags of `vocabulary`; None if the item is not labeled in it.

        Args:
            vocabulary: the vocabulary of the evaluation.
            own: id of the dataset's vocabulary.

        Raises:
            UsageError: a label that the vocabulary does not have.
        """
        if isinstance(self.labels, Mapping):
            labels = self.labels.get(vocabulary.id)
        elif self.labels is None:
            labels = None if self._has_other_labels else ()
        else:
            labels = self.labels if own in (None, vocabulary.id) else None
        if labels is None:
            return None
        tags = [(label, vocabulary.find(label)) for label in labels]
        unknown = [label for label, tag in tags if tag is None]
        if unknown:
            raise UsageError(f"label {unknown[0]!r} is no tag of {vocabulary.id}", where=f"item {self.id}", hint="correct the label")
        return tuple(tag.name for _, tag in tags if tag is not None)


class _About(_Strict):
    name: str
    title: str = ""
    license: str = Field("", validation_alias=AliasChoices("license", "licence"))  # earlier versions wrote `licence`
    vocabulary: str | None = None
    items: str = "items.jsonl"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Items and their description.

    Attributes:
        folder: clips are relative to it.
        vocabulary: a name or file, as `--tags` takes it; None leaves the choice to the command.
    """

    name: str
    title: str
    license: str
    folder: Path
    vocabulary: str | None
    items: tuple[Item, ...]

    def part(self, split: str | None) -> tuple[Item, ...]:
        """The items of one split; None gives all.

        Raises:
            UsageError: there is no such split.
        """
        kept = tuple(item for item in self.items if split is None or item.split == split)
        if not kept:
            known = sorted({item.split for item in self.items if item.split})
            raise UsageError(f"no items of split {split!r}", where=self.name, hint=f"it has {', '.join(known) or 'no splits'}")
        return kept


def load_dataset(path: Path) -> Dataset:
    """Read a dataset from its folder (with a `dataset.toml`), its TOML file, or a bare JSON-lines file of items.

    Raises:
        UsageError: a file cannot be read, a key is unknown, or an item has nothing to judge; the error names the line.
    """
    path = path.expanduser()
    if path.is_dir():
        path = path / "dataset.toml"
    if path.suffix == ".jsonl":
        return Dataset(path.stem, "", "", path.parent, None, _items(path))
    try:
        about = _About.model_validate(tomllib.loads(_read(path)))
    except ValidationError as error:
        raise UsageError(str(first_mistake(error)), where=str(path), hint=_HINT) from error
    except (ValueError, RecursionError) as error:  # no TOML, a number of thousands of digits, or nested too deep
        raise UsageError(f"is not TOML: {error}", where=str(path), hint=_HINT) from error
    vocabulary = about.vocabulary
    if vocabulary is not None and (path.parent / vocabulary).is_file():
        vocabulary = str(path.parent / vocabulary)
    return Dataset(about.name, about.title, about.license, path.parent, vocabulary, _items(path.parent / about.items))


def halves(items: Iterable[Item]) -> tuple[list[Item], list[Item]]:
    """Split items into one half to fit on and one to report on: by `split` (`dev`, `test`), or by a checksum if no item has a split."""
    items = list(items)
    if any(item.split for item in items):
        return [item for item in items if item.split == "dev"], [item for item in items if item.split == "test"]
    marked = [(zlib.crc32(f"{item.id} {item.caption or item.text or item.clip}".encode()) % 2, item) for item in items]
    return [item for odd, item in marked if not odd], [item for odd, item in marked if odd]


def _items(path: Path) -> tuple[Item, ...]:
    items: list[Item] = []
    for number, line in enumerate(_read(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            if len(line) > _MAX_LINE:
                raise ValueError("line too long")
            read: Any = json.loads(line)
            item = Item.model_validate(read)
        except ValidationError as error:
            raise UsageError(str(first_mistake(error)), where=f"{path}:{number}", hint=_HINT) from error
        except (ValueError, RecursionError) as error:
            raise UsageError(f"is not JSON: {error}", where=f"{path}:{number}", hint="one JSON object a line") from error
        items.append(item if item.id else item.model_copy(update={"id": str(number)}))
    if not items:
        raise UsageError("has no items", where=str(path), hint=_HINT)
    return tuple(items)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint=_HINT) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8 text", where=str(path)) from error
