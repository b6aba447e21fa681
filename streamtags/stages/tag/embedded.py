"""The classifier that needs nothing but this package: rules on measurements, and words compared with the vocabulary's.

Measurements give tags by explicit rules only. Words count where they mean something: subtitles, titles, notes, and a caption by a
vision model or a person; a caption made of measurements is not embedded, since that gives confident nonsense. No tag is a fair answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import Field

from streamtags.config.options import Options, read_options
from streamtags.core.model import ClassifyRequest, TagSet, tag_scores
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.tag.rules import Rules, explain
from streamtags.stages.tag.text import Calibration, TagTexts, load_calibration, passages

__all__ = ["EmbeddedClassifier", "EmbeddedOptions", "create"]

_KEPT_VOCABULARIES = 8
_QUOTED = 160


class EmbeddedOptions(Options):
    """Options of the embedded classifier."""

    text: bool = Field(True, description="tags from subtitles, notes and captions, besides those from measurements")
    min_confidence: float = Field(0.0, ge=0, le=1, description="tags below it are left out")


class _Found(NamedTuple):
    """A tag with its confidence; `passage` are the words it comes from, None where it is measured."""

    tag: str
    confidence: float
    passage: tuple[str, str] | None


class _Prepared:
    """What is kept of a vocabulary from segment to segment."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.rules = Rules(vocabulary.tags)
        self.groups: dict[str, list[int]] = {}
        for number, group in enumerate(vocabulary.groups):
            for tag in group:
                self.groups.setdefault(tag, []).append(number)

    @cached_property
    def texts(self) -> TagTexts:
        """Embedded when first asked for: many sources have no words."""
        return TagTexts(self.vocabulary.tags)

    def settle(self, found: Iterable[_Found]) -> list[_Found]:
        """Each tag once, best first; of tags that shut each other out the best."""
        kept: list[_Found] = []
        taken: set[str | int] = set()
        for each in sorted(found, key=lambda each: (-each.confidence, each.tag)):
            places = (each.tag, *self.groups.get(each.tag, ()))
            if taken.isdisjoint(places):
                taken.update(places)
                kept.append(each)
        return kept


class EmbeddedClassifier:
    """See the module. `model` names the fit of its confidences, so that a new one is told from the old.

    Args:
        options: what to use and what to leave out.
        calibration: how a similarity becomes a confidence; the one that ships unless given.
    """

    def __init__(self, options: EmbeddedOptions | None = None, calibration: Calibration | None = None) -> None:
        self._options = options or EmbeddedOptions()
        self._calibration = calibration or load_calibration()
        self.model = f"embedded/rules+wordllama-{self._calibration.version}" if self._options.text else "embedded/rules"
        self._vocabularies: dict[str, _Prepared] = {}

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        """Tag one segment.

        Raises:
            ModelError: there are words to compare, and the embeddings cannot be loaded.
        """
        prepared = self._prepare(vocabulary)
        found = [_Found(tag.name, confidence, None) for tag, confidence in prepared.rules.apply(request.evidence)]
        words = _words(request) if self._options.text else []
        if words and "texts" not in vars(prepared):
            await asyncio.to_thread(lambda: prepared.texts)  # loading would hold up the event loop for a quarter of a second
        for passage in words:
            confidences = prepared.texts.confidences(passage[1], self._calibration)
            found += [_Found(vocabulary.tags[index].name, confidence, passage) for index, confidence in confidences.items()]
        kept = prepared.settle(each for each in found if each.confidence >= self._options.min_confidence)
        return TagSet(
            tags=tag_scores([(each.tag, each.confidence) for each in kept]),
            model=self.model,
            key_information=tuple(dict.fromkeys(_quote(each.passage[1]) for each in kept if each.passage)),
            reasoning=_reasoning(kept, request, vocabulary),
        )

    async def close(self) -> None:
        """Forget the vocabularies."""
        self._vocabularies.clear()

    def _prepare(self, vocabulary: Vocabulary) -> _Prepared:
        prepared = self._vocabularies.get(vocabulary.digest)
        if prepared is None:
            if len(self._vocabularies) >= _KEPT_VOCABULARIES:
                del self._vocabularies[next(iter(self._vocabularies))]
            prepared = self._vocabularies[vocabulary.digest] = _Prepared(vocabulary)
        return prepared


def create(options: Mapping[str, Any]) -> EmbeddedClassifier:
    """The classifier of a profile whose backend is `embedded`.

    Raises:
        ConfigError: an option is unknown or wrong.
    """
    return EmbeddedClassifier(read_options(EmbeddedOptions, options, "classifier embedded"))


def _words(request: ClassifyRequest) -> list[tuple[str, str]]:
    """(where from, passage) of all that was written by somebody who saw or heard."""
    words = [("text", passage) for passage in passages(request.text)]
    if not request.caption_model.startswith("embedded"):
        words += [("caption", passage) for passage in passages(request.caption)]
    return words


def _quote(passage: str) -> str:
    return passage if len(passage) <= _QUOTED else passage[: _QUOTED - 3].rstrip() + "..."


def _reasoning(kept: Sequence[_Found], request: ClassifyRequest, vocabulary: Vocabulary) -> str:
    """A sentence for each passage and what it called for, then one for each tag that was measured, with the numbers."""
    if not kept:
        return "Nothing measured or written calls for a tag of this vocabulary."
    sentences: list[str] = []
    for passage in dict.fromkeys(each.passage for each in kept if each.passage):
        tags = ", ".join(f"{each.tag} {each.confidence:.2f}" for each in kept if each.passage == passage)
        sentences.append(f'{tags}: near in meaning to the {passage[0]} "{_quote(passage[1])}".')
    measured = (each for each in kept if not each.passage)
    sentences += (f"{each.tag} {each.confidence:.2f}: {explain(vocabulary.by_name[each.tag], request.evidence)}." for each in measured)
    return " ".join(sentences)
