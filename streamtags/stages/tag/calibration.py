"""Calibrated confidences: fitted on labeled data, kept in a file, applied to any classifier.

Platt scaling (J. Platt, "Probabilistic outputs for support vector machines", 1999) of the log odds of a model's confidence, with the
smoothed targets of that paper, so that few labels do not give extreme confidences. One fit of two numbers serves all tags.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamtags.core.errors import ConfigError, UsageError
from streamtags.core.model import Caption, CaptionRequest, ClassifyRequest, Described, TagSet, tag_scores
from streamtags.core.ports import Classifier, Describer, Readiness
from streamtags.core.vocabulary import Vocabulary

__all__ = ["CalibratedClassifier", "CalibratedDescriber", "Confidences", "fit_confidences", "load_confidences", "save_confidences"]

Inner = TypeVar("Inner", bound=Classifier | Describer)

# Confidences of 0 and 1 count as these, so that their log odds are finite.
_LEAST, _MOST = 0.01, 0.99
_FEWEST_PAIRS = 20


class Confidences(BaseModel):
    """A correction of confidences: logistic(slope * log odds + intercept).

    Attributes:
        model: the classifier whose confidences were fitted; the fit is valid for no other.
        vocabulary: id of the vocabulary of the labels.
        slope: at least 0, which keeps the order of tags.
        intercept: added to the log odds.
        pairs: number of given tags of the fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    v: Literal[1] = 1
    model: str
    vocabulary: str
    slope: float = Field(ge=0)
    intercept: float
    pairs: int = Field(ge=0)

    def apply(self, confidence: float) -> float:
        """The corrected confidence, in 0..1."""
        return float(1 / (1 + np.exp(-(self.slope * _log_odds(confidence) + self.intercept))))


def fit_confidences(pairs: Sequence[tuple[float, bool]], *, model: str, vocabulary: str) -> Confidences:
    """Fit on (confidence, whether a person agrees) pairs, by Newton's method.

    Raises:
        UsageError: too few pairs, or people agree with all or with none.
    """
    agreed = sum(right for _, right in pairs)
    if len(pairs) < _FEWEST_PAIRS or agreed in (0, len(pairs)):
        raise UsageError(
            f"{len(pairs)} given tags, {agreed} of them right, are too few to fit confidences on",
            where=model,
            hint=f"label at least {_FEWEST_PAIRS} given tags, right and wrong ones",
        )
    high, low = (agreed + 1) / (agreed + 2), 1 / (len(pairs) - agreed + 2)
    rows = np.array([[_log_odds(confidence), 1.0] for confidence, _ in pairs])
    target = np.array([high if right else low for _, right in pairs])
    # Start without the confidences. The small ridge keeps the slope finite if they separate right from wrong perfectly.
    weights, ridge = np.array([0.0, np.log(target.mean() / (1 - target.mean()))]), np.diag([1e-2, 0.0])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        bend = (rows * (probability * (1 - probability))[:, None]).T @ rows + ridge
        weights = weights - np.linalg.solve(bend, rows.T @ (probability - target) + ridge @ weights)
    if weights[0] < 0:  # the confidences are useless or inverted: only the share of right tags is left
        weights = np.array([0.0, _log_odds(float(target.mean()))])
    slope, intercept = (round(float(weight), 4) for weight in weights)
    return Confidences(model=model, vocabulary=vocabulary, slope=slope, intercept=intercept, pairs=len(pairs))


def save_confidences(fit: Confidences, path: Path) -> None:
    """Write the file that `load_confidences` reads.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.write_text(fit.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path), hint="check the folder and its permissions") from error


def load_confidences(path: Path) -> Confidences:
    """Read a fit from its file.

    Raises:
        ConfigError: the file cannot be read or is not one.
    """
    hint = "make one with `streamtags evaluate DATASET --fit-calibration FILE`"
    try:
        return Confidences.model_validate_json(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ConfigError("is not a calibration of confidences", where=str(path), hint=hint) from error


class _Calibrated(Generic[Inner]):
    """A model whose confidences are corrected. `model` names the correction too."""

    def __init__(self, inner: Inner, fit: Confidences) -> None:
        if fit.model != inner.model:
            raise ConfigError(
                f"was fitted for {fit.model}, and the classifier is {inner.model}",
                where="calibration",
                hint="fit it again with `streamtags evaluate DATASET --fit-calibration FILE`",
            )
        self._fit = fit
        self._inner: Inner = inner
        self.model = f"{inner.model}~{hashlib.sha256(fit.model_dump_json().encode()).hexdigest()[:8]}"

    async def ready(self) -> None:
        """Check the inner model, if it supports that.

        Raises:
            ModelError: the model cannot be reached or refuses.
        """
        inner: object = self._inner
        if isinstance(inner, Readiness):
            await inner.ready()

    async def close(self) -> None:
        """Release the inner model."""
        await self._inner.close()

    def _corrected(self, tags: TagSet) -> TagSet:
        scores = tag_scores([(score.tag, self._fit.apply(score.confidence)) for score in tags.tags])
        return replace(tags, tags=scores, model=self.model)


class CalibratedClassifier(_Calibrated[Classifier]):
    """A `Classifier` whose confidences are corrected. `model` names the correction too.

    Raises:
        ConfigError: the correction was fitted for another classifier.
    """

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        """The inner classifier's tags with corrected confidences.

        Raises:
            ModelError: the model gives no usable answer.
        """
        return self._corrected(await self._inner.classify(request, vocabulary))


class CalibratedDescriber(_Calibrated[Describer]):
    """A `Describer`, one model for caption and tags, whose confidences are corrected. `model` names the correction too.

    Raises:
        ConfigError: the correction was fitted for another model.
    """

    async def caption(self, request: CaptionRequest) -> Caption:
        """The inner model's caption.

        Raises:
            ModelError: the model gives no usable caption.
        """
        return replace(await self._inner.caption(request), model=self.model)

    async def describe(self, request: CaptionRequest, vocabulary: Vocabulary) -> Described:
        """The inner model's caption, and its tags with corrected confidences.

        Raises:
            ModelError: the model gives no usable answer.
        """
        described = await self._inner.describe(request, vocabulary)
        return Described(replace(described.caption, model=self.model), self._corrected(described.tags))


def _log_odds(confidence: float) -> float:
    bounded = min(_MOST, max(_LEAST, confidence))
    return float(np.log(bounded / (1 - bounded)))
