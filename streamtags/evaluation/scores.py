"""From answers to figures. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict

from streamtags.core.model import Usage
from streamtags.core.vocabulary import Vocabulary
from streamtags.evaluation.dataset import Shots
from streamtags.evaluation.metrics import (
    Counts,
    Floats,
    Span,
    Truths,
    calibration_error,
    confidence_gap,
    count,
    macro_f1,
    mean_average_precision,
    reliability,
    shot_counts,
    span_counts,
    word_errors,
)

__all__ = [
    "AxisScores",
    "CueScores",
    "ExpressionScores",
    "ItemResult",
    "ReliabilityBin",
    "Scores",
    "ShotScores",
    "SoundScores",
    "confidence_pairs",
    "score",
]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """A profile's tags for one item, and the labels.

    Attributes:
        labels: the right tags; None if the item is not labeled in this vocabulary and only its shots count.
        confidences: by tag.
        milliseconds: time to caption and tag, one number per segment.
        shots: first frames of detected shots, and the labeled shots; None if either is missing.
        words: the labeled transcript, and what was transcribed; None if it is not labeled.
        content: labeled and heard share of each labeled kind of sound.
        cues: spans that were spotted for music, and the labeled ones; None if they are not labeled.
        expression: labeled and said apparent expression, "" for none; None if it is not labeled.
        failed: the error code if there is no answer, else "".
    """

    item: str
    labels: tuple[str, ...] | None
    confidences: dict[str, float]
    milliseconds: tuple[float, ...] = ()
    usage: Usage | None = None
    cost: dict[str, float] = field(default_factory=dict)
    shots: tuple[tuple[int, ...], Shots] | None = None
    words: tuple[str, str] | None = None
    content: dict[str, tuple[float, float]] = field(default_factory=dict)
    cues: tuple[tuple[Span, ...], tuple[Span, ...]] | None = None
    expression: tuple[str, str] | None = None
    failed: str = ""

    @property
    def is_labeled(self) -> bool:
        """Whether anything of the item is compared with a label."""
        labels = (self.labels, self.shots, self.words, self.cues, self.expression)
        return bool(self.content) or any(each is not None for each in labels)


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReliabilityBin(_Figures):
    """Given tags with confidences from `low` to `high`: how many, their mean confidence, and the share that is correct."""

    low: float
    high: float
    tags: int
    confidence: float
    right: float


class AxisScores(_Figures):
    """Figures of the tags of one axis.

    Attributes:
        labels: how often its tags are labeled.
        calibration_error: of the given tags, as of all axes together; None if no tag of the axis was given.
        confidence_gap: mean confidence less the share that is correct; above 0, the confidences are too high.
        reliability: the given tags by confidence.
    """

    axis: str
    labels: int
    mean_average_precision: float
    micro_f1: float
    calibration_error: float | None = None
    confidence_gap: float | None = None
    reliability: tuple[ReliabilityBin, ...] = ()


class ShotScores(_Figures):
    """Detected boundaries of shots, over all clips with labeled shots."""

    boundaries: int
    precision: float
    recall: float
    f1: float


class SoundScores(_Figures):
    """What was heard and said, over all clips in which it is labeled.

    Attributes:
        words: in the labeled transcripts.
        word_error_rate: wrong, missing and additional words, divided by `words`; None without labeled words.
        words_where_none: words transcribed of clips without speech.
        content_error: mean difference of labeled and heard share, by kind of sound.
    """

    words: int
    word_error_rate: float | None
    words_where_none: int
    content_error: dict[str, float]


class CueScores(_Figures):
    """Spans that were spotted for music, over all clips in which they are labeled.

    Attributes:
        labeled: spans that are labeled.
        seconds_apart: mean distance of the bounds of matching spans; None if none matches.
    """

    labeled: int
    precision: float
    recall: float
    f1: float
    seconds_apart: float | None


class ExpressionScores(_Figures):
    """Apparent expressions, over all clips in which they are labeled.

    Attributes:
        labeled: clips with a label other than none.
        said: clips of which an expression is said.
        right: clips of which the labeled expression is said.
        said_where_none: clips labeled as without a clear expression, of which one is said.
    """

    labeled: int
    said: int
    right: int
    said_where_none: int


class Scores(_Figures):
    """One profile's figures. Those of tags are None if no item is labeled in the vocabulary."""

    profile: str
    model: str
    vocabulary: str
    threshold: float
    items: int
    failed: int
    failures: tuple[str, ...]
    tags_per_item: float
    mean_average_precision: float | None
    micro_precision: float | None
    micro_recall: float | None
    micro_f1: float | None
    macro_f1: float | None
    calibration_error: float | None
    confidence_gap: float | None
    reliability: tuple[ReliabilityBin, ...]
    axes: tuple[AxisScores, ...]
    shots: ShotScores | None
    sound: SoundScores | None
    cues: CueScores | None
    expressions: ExpressionScores | None
    median_ms: float | None
    p95_ms: float | None
    prompt_tokens: int
    completion_tokens: int
    cost: dict[str, float]


def score(answers: Sequence[ItemResult], vocabulary: Vocabulary, *, profile: str, model: str, threshold: float = 0.0) -> Scores:
    """Figures of all answers together. An item that failed counts as one without tags.

    Args:
        answers: one for each item.
        vocabulary: of the labels and tags.
        profile: its name, for people.
        model: the classifier's name.
        threshold: tags below this confidence count as not given, in precision, recall and F1.
    """
    names = [tag.name for tag in vocabulary.tags]
    labeled = [answer for answer in answers if answer.labels is not None]
    right = np.array([[name in (answer.labels or ()) for name in names] for answer in labeled], dtype=bool).reshape(-1, len(names))
    confidence = np.array([[answer.confidences.get(name, 0.0) for name in names] for answer in labeled]).reshape(-1, len(names))
    micro = count(right, confidence, threshold)
    bins = reliability(right, confidence)
    times = [each for answer in answers for each in answer.milliseconds]
    spent: dict[str, float] = {}
    for answer in answers:
        for currency, amount in answer.cost.items():
            spent[currency] = spent.get(currency, 0.0) + amount
    any_labels = bool(labeled)
    return Scores(
        profile=profile,
        model=model,
        vocabulary=vocabulary.id,
        threshold=threshold,
        items=len(answers),
        failed=sum(bool(answer.failed) for answer in answers),
        failures=tuple(sorted({answer.failed for answer in answers if answer.failed})),
        tags_per_item=float(((confidence > 0) & (confidence >= threshold)).sum(axis=1).mean()) if any_labels else 0.0,
        mean_average_precision=mean_average_precision(right, confidence) if any_labels else None,
        micro_precision=micro.precision if any_labels else None,
        micro_recall=micro.recall if any_labels else None,
        micro_f1=micro.f1 if any_labels else None,
        macro_f1=macro_f1(right, confidence, threshold) if any_labels else None,
        calibration_error=calibration_error(bins) if bins else None,
        confidence_gap=confidence_gap(bins) if bins else None,
        reliability=tuple(ReliabilityBin(**each._asdict()) for each in bins),
        axes=tuple(_axes(right, confidence, vocabulary, threshold)),
        shots=_shots(answers),
        sound=_sound(answers),
        cues=_cues(answers),
        expressions=_expressions(answers),
        median_ms=float(np.median(times)) if times else None,
        p95_ms=float(np.percentile(times, 95)) if times else None,
        prompt_tokens=sum(answer.usage.prompt_tokens for answer in answers if answer.usage),
        completion_tokens=sum(answer.usage.completion_tokens for answer in answers if answer.usage),
        cost=spent,
    )


def _axes(right: Truths, confidence: Floats, vocabulary: Vocabulary, threshold: float) -> Iterator[AxisScores]:
    """Figures of each axis that has a label or a given tag; an axis without labels has average precision and F1 of 0."""
    for axis in vocabulary.axes:
        of = [place for place, tag in enumerate(vocabulary.tags) if tag.axis == axis.name]
        bins = reliability(right[:, of], confidence[:, of])
        if not right[:, of].any() and not bins:
            continue
        yield AxisScores(
            axis=axis.name,
            labels=int(right[:, of].sum()),
            mean_average_precision=mean_average_precision(right[:, of], confidence[:, of]),
            micro_f1=count(right[:, of], confidence[:, of], threshold).f1,
            calibration_error=calibration_error(bins) if bins else None,
            confidence_gap=confidence_gap(bins) if bins else None,
            reliability=tuple(ReliabilityBin(**each._asdict()) for each in bins),
        )


def confidence_pairs(answers: Sequence[ItemResult]) -> list[tuple[float, bool]]:
    """(confidence, is it correct) of every given tag of the labeled items, to fit confidences on."""
    return [
        (confidence, tag in answer.labels)
        for answer in answers
        if answer.labels is not None
        for tag, confidence in answer.confidences.items()
        if confidence > 0
    ]


def _shots(answers: Sequence[ItemResult]) -> ShotScores | None:
    each = [shot_counts(*answer.shots) for answer in answers if answer.shots is not None]
    if not each:
        return None
    total = _total(each)
    return ShotScores(boundaries=total.hits + total.missed, precision=total.precision, recall=total.recall, f1=total.f1)


def _total(counts: Sequence[Counts]) -> Counts:
    return Counts(sum(one.hits for one in counts), sum(one.false for one in counts), sum(one.missed for one in counts))


def _cues(answers: Sequence[ItemResult]) -> CueScores | None:
    each = [span_counts(*answer.cues) for answer in answers if answer.cues is not None]
    if not each:
        return None
    total, apart = _total([counts for counts, _ in each]), [seconds for _, distances in each for seconds in distances]
    return CueScores(
        labeled=total.hits + total.missed,
        precision=total.precision,
        recall=total.recall,
        f1=total.f1,
        seconds_apart=float(np.mean(apart)) if apart else None,
    )


def _expressions(answers: Sequence[ItemResult]) -> ExpressionScores | None:
    pairs = [answer.expression for answer in answers if answer.expression is not None]
    if not pairs:
        return None
    return ExpressionScores(
        labeled=sum(bool(label) for label, _ in pairs),
        said=sum(bool(said) for _, said in pairs),
        right=sum(bool(label) and said == label for label, said in pairs),
        said_where_none=sum(bool(said) for label, said in pairs if not label),
    )


def _sound(answers: Sequence[ItemResult]) -> SoundScores | None:
    pairs = [answer.words for answer in answers if answer.words is not None]
    if not pairs and not any(answer.content for answer in answers):
        return None
    counts = [word_errors(*pair) for pair in pairs]
    words = sum(total for _, total in counts)
    apart: dict[str, list[float]] = {}
    for answer in answers:
        for kind, (right, heard) in answer.content.items():
            apart.setdefault(kind, []).append(abs(right - heard))
    return SoundScores(
        words=words,
        word_error_rate=sum(errors for errors, total in counts if total) / words if words else None,
        words_where_none=sum(errors for errors, total in counts if not total),
        content_error={kind: float(np.mean(differences)) for kind, differences in apart.items()},
    )
