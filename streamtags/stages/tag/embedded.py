"""The classifier that needs no model server: rules on measurements, and words compared with the vocabulary's.

Measurements give tags by explicit rules only. Words are compared if a person or a vision model wrote them: subtitles, titles, notes and
captions. A caption made of measurements is not compared, because that gives confident nonsense. An empty tag set is a valid answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from streamtags.config.options import Options
from streamtags.core.answers import framing_words, heard_evidence, heard_shares, heard_tags, screen_text, transcript_text
from streamtags.core.model import ClassifyRequest, TagScore, TagSet, is_measured, tag_scores
from streamtags.core.vocabulary import Tag, Vocabulary, folded
from streamtags.stages.backend import BackendSpec
from streamtags.stages.tag.encoders import TextEncoder, choose_encoder, open_encoder
from streamtags.stages.tag.rules import CERTAIN, DOUBTFUL, HEARD, Rules, explain
from streamtags.stages.tag.text import Calibration, TagTexts, load_calibration, passages

__all__ = ["ENCODERS", "SPEC", "EmbeddedClassifier", "EmbeddedOptions"]

_KEPT_VOCABULARIES = 8
_QUOTED = 160
# By the origin of a passage.
_SOURCES = {
    "text": "subtitle",
    "caption": "caption",
    "screen": "screen",
    "transcript": "transcript",
    "heard": "heard",
    "music": "heard",
    "faces": "measurement",
}
_NAMES = {"screen": "text on screen"}
_HOW = {"music": "the music sounds", "faces": "the height of the faces says"}
_HEARD_AXES = frozenset({"mood", "energy", "sound", "music", "instrument", "instruments"})  # music of a genre makes no film of a genre
# For each choice its encoders: the last, and before it one that is better at English.
ENCODERS = {"wordllama": ("wordllama",), "multilingual": ("wordllama+use", "use"), "sentence": ("wordllama+minilm",)}


class EmbeddedOptions(Options):
    """Options of the embedded classifier."""

    text: bool = Field(True, description="tags from subtitles, notes and captions, in addition to those from measurements")
    min_confidence: float = Field(0.0, ge=0, le=1, description="tags below it are left out")
    embeddings: Literal["wordllama", "multilingual", "sentence"] = Field(
        "wordllama",
        description="wordllama: English, nothing to install; multilingual: 16 languages; sentence: English, a model that is pulled",
    )
    sentence_model: Path | None = Field(
        None, description="folder with model.onnx and tokenizer.json of all-MiniLM-L6-v2, for sentence; none takes the pulled one"
    )


class _Match(NamedTuple):
    """A tag with its confidence. `passage` is (origin, words), None for a measured tag; words are empty for a rule on what was heard."""

    tag: str
    confidence: float
    passage: tuple[str, str] | None


class _Prepared:
    """Data of a vocabulary that is the same for all segments."""

    def __init__(self, vocabulary: Vocabulary, encoders: Sequence[TextEncoder]) -> None:
        self.vocabulary = vocabulary
        self._encoders = encoders
        self.rules = Rules(vocabulary.tags)
        self.heard: dict[str, Tag] = {}
        for tag in reversed(vocabulary.tags):
            if tag.axis in _HEARD_AXES:
                self.heard |= {folded(name): tag for name in (tag.name, *tag.aliases)}
        self.named = {folded(name): tag for tag in reversed(vocabulary.tags) for name in (tag.name, *tag.aliases)}
        self.groups: dict[str, list[int]] = {}
        for number, group in enumerate(vocabulary.groups):
            for name in group:
                self.groups.setdefault(name, []).append(number)

    @cached_property
    def texts(self) -> tuple[TagTexts, ...]:
        """The tags' embeddings by each encoder, computed at first use: many sources have no words."""
        return tuple(TagTexts(self.vocabulary.tags, encoder) for encoder in self._encoders)

    def confidences(self, text: str, calibrations: Sequence[Calibration]) -> dict[int, float]:
        """Tags by index for a passage, by the encoder that suits its language."""
        place = choose_encoder(self._encoders, text)
        return self.texts[place].confidences(text, calibrations[place])

    def settle(self, matches: Iterable[_Match]) -> list[_Match]:
        """Each tag once, best first; the best tag of each exclusive group."""
        kept: list[_Match] = []
        taken: set[str | int] = set()
        for each in sorted(matches, key=lambda each: (-each.confidence, each.tag)):
            places = (each.tag, *self.groups.get(each.tag, ()))
            if taken.isdisjoint(places):
                taken.update(places)
                kept.append(each)
        return kept


class EmbeddedClassifier:
    """A `Classifier` by rules and word embeddings. `model` names the fit of its confidences, so a new fit has a new name.

    Args:
        options: the profile's options.
        calibration: how a similarity becomes a confidence; None uses the shipped one.
    """

    def __init__(self, options: EmbeddedOptions | None = None, calibration: Calibration | None = None) -> None:
        self._options = options or EmbeddedOptions()
        names = ENCODERS[self._options.embeddings] if self._options.text else ()
        self._encoders = [open_encoder(name, self._options.sentence_model) for name in names]
        self._calibrations = [calibration or load_calibration(name) for name in names]
        fits = zip(names, self._calibrations, strict=True)
        self.model = "/".join(["embedded", "+".join(["rules", *(f"{name}-{fit.version}" for name, fit in fits)])])
        self._vocabularies: dict[str, _Prepared] = {}

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        """Tag one segment.

        Raises:
            ModelError: the segment has words, and the embeddings cannot be loaded.
        """
        prepared = self._prepare(vocabulary)
        has_listened = bool(request.answers) and bool(heard_shares(request.answers))
        if has_listened:
            request = replace(request, evidence=heard_evidence(request.evidence, request.answers))
        matches = [
            _Match(tag.name, confidence, ("heard", "") if has_listened and _is_heard(tag) else None)
            for tag, confidence in prepared.rules.apply(request.evidence)
        ]
        if has_listened:
            matches += _of_music(prepared, request)
        matches += _of_faces(prepared, request)
        words = _words(request) if self._options.text else []

        def compared() -> list[dict[int, float]]:
            return [prepared.confidences(passage[1], self._calibrations) for passage in words]

        # Loading takes long enough to delay the event loop, and so do the slower encoders.
        quick = "texts" in vars(prepared) and all(encoder.is_quick for encoder in self._encoders)
        for passage, confidences in zip(words, compared() if quick or not words else await asyncio.to_thread(compared), strict=True):
            matches += [_Match(vocabulary.tags[index].name, confidence, passage) for index, confidence in confidences.items()]
        kept = prepared.settle(each for each in matches if each.confidence >= self._options.min_confidence)
        return TagSet(
            tags=_scores(kept),
            model=self.model,
            key_information=tuple(dict.fromkeys(_quote(each.passage[1]) for each in kept if each.passage and each.passage[1])),
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
            prepared = self._vocabularies[vocabulary.digest] = _Prepared(vocabulary, self._encoders)
        return prepared


def _is_heard(tag: Tag) -> bool:
    """Whether the rule of a tag is about what a stage has listened for."""
    return any(condition.measure in HEARD for condition in tag.when)


def _of_music(prepared: _Prepared, request: ClassifyRequest) -> list[_Match]:
    """Return tags that are named like an instrument, a genre or a mood of the music; the confidence is that of a weak rule."""
    heard = [each for tags in heard_tags(request.answers).values() for each in tags]
    best = max((score for _, score in heard), default=0.0)
    return [
        _Match(tag.name, DOUBTFUL + (CERTAIN - DOUBTFUL) * score / best, ("music", label))
        for label, score in heard
        if best > 0 and (tag := prepared.heard.get(folded(label))) is not None
    ]


def _of_faces(prepared: _Prepared, request: ClassifyRequest) -> list[_Match]:
    """Return the tag that is named like the shot size, where faces were looked for."""
    words = framing_words(request.answers) if request.answers else ()
    named = (tag for word in words if (tag := prepared.named.get(folded(word))) is not None)
    return [_Match(tag.name, CERTAIN, ("faces", words[0])) for tag in named][:1]


def _words(request: ClassifyRequest) -> list[tuple[str, str]]:
    """(origin, passage) of all words that a person or a vision model wrote."""
    texts = {"text": request.text}
    if request.answers:
        texts |= {"transcript": transcript_text(request.answers), "screen": screen_text(request.answers)}
    words = [(origin, passage) for origin, text in texts.items() for passage in passages(text)]
    if not is_measured(request.caption_model):
        words += [("caption", passage) for passage in passages(request.caption)]
    return words


def _scores(kept: Sequence[_Match]) -> tuple[TagScore, ...]:
    """Return the tags with what each comes from."""
    sources = {each.tag: _SOURCES[each.passage[0]] if each.passage else "measurement" for each in kept}
    return tag_scores([(each.tag, each.confidence) for each in kept], sources)


def _quote(passage: str) -> str:
    return passage if len(passage) <= _QUOTED else passage[: _QUOTED - 3].rstrip() + "..."


def _reasoning(kept: Sequence[_Match], request: ClassifyRequest, vocabulary: Vocabulary) -> str:
    """A sentence for each passage and its tags, then one for each measured tag, with the numbers."""
    if not kept:
        return "Nothing measured or written calls for a tag of this vocabulary."
    sentences: list[str] = []
    for passage in dict.fromkeys(each.passage for each in kept if each.passage and each.passage[1]):
        tags = ", ".join(f"{each.tag} {each.confidence:.2f}" for each in kept if each.passage == passage)
        how = _HOW.get(passage[0]) or f"near in meaning to the {_NAMES.get(passage[0], passage[0])}"
        sentences.append(f'{tags}: {how} "{_quote(passage[1])}".')
    measured = (each for each in kept if not each.passage or not each.passage[1])
    sentences += (f"{each.tag} {each.confidence:.2f}: {explain(vocabulary.by_name[each.tag], request.evidence)}." for each in measured)
    return " ".join(sentences)


SPEC = BackendSpec(
    name="embedded",
    kind="classifier",
    options=EmbeddedOptions,
    create=EmbeddedClassifier,
    needs_model=False,
)
