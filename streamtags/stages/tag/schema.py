"""Build the response model of a vocabulary: an answer cannot contain a tag outside it.

Its JSON schema uses only what servers with structured output understand (vLLM's grammars, OpenAI's strict mode): every field
required, nothing further allowed, no lengths of strings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from streamtags.core.model import TagScore, tag_scores
from streamtags.core.vocabulary import Vocabulary

__all__ = ["ScoredTag", "TagAnswer", "findings_of", "response_model", "settle"]

_MAX_KEYS = 12
_MAX_KEY_CHARACTERS = 200
_MAX_REASONING_CHARACTERS = 1000


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ScoredTag(_Shape):
    """A tag that holds and how sure that is. `response_model` narrows `tag` to a vocabulary."""

    tag: str
    confidence: float = Field(ge=0, le=1, description="0 surely not, 0.5 even odds, 1 surely")


class TagAnswer(_Shape):
    """The answer requested from a model, findings before conclusions."""

    key_information: list[str] = Field(max_length=_MAX_KEYS, description="the few facts of the segment that matter for choosing tags")
    reasoning: str = Field(description="one or two sentences: why these tags")
    tags: Sequence[ScoredTag] = Field(description="the tags that hold, best first; empty if none does")


def response_model(vocabulary: Vocabulary, names: Sequence[str] | None = None) -> type[TagAnswer]:
    """The shape of an answer in this vocabulary.

    Args:
        vocabulary: the tags to choose from.
        names: only these of them, for a shortlist; None allows all.

    Returns:
        A subclass of `TagAnswer`. Validating takes tags in other case or by alias for the tag they mean, and refuses unknown tags,
        confidences outside 0..1 and answers that leave open which tag of an exclusive group is meant.
    """
    allowed = tuple(vocabulary.by_name) if names is None else tuple(names)
    groups = [group for group in vocabulary.groups if len(set(group).intersection(allowed)) > 1]

    def resolve(value: object) -> object:
        tag = vocabulary.find(value) if isinstance(value, str) else None
        return value if tag is None else tag.name

    # Static types cannot express a Literal of values known only at run time.
    choice: Any = Annotated[Literal[allowed], BeforeValidator(resolve)]

    class Checked(TagAnswer):
        @model_validator(mode="after")
        def _decided(self) -> Checked:
            for group in groups:
                scores = sorted((scored.confidence, scored.tag) for scored in self.tags if scored.tag in group)
                best = {tag for confidence, tag in scores if confidence == scores[-1][0]}
                if len(best) > 1:
                    raise ValueError(f"{' and '.join(sorted(best))} shut each other out: keep one, or say which is likelier")
            return self

    scored = create_model("ScoredTag", __base__=ScoredTag, tag=(choice, Field(description="a tag of the vocabulary, spelt as there")))
    return create_model(
        "Tags",
        __base__=Checked,
        tags=(list[scored], Field(max_length=2 * len(allowed), description=TagAnswer.model_fields["tags"].description)),
    )


class Findings(TypedDict):
    """Fields of a `TagSet` that a model's answer fills."""

    key_information: tuple[str, ...]
    reasoning: str


def findings_of(answer: TagAnswer) -> Findings:
    """The facts and reasons of an answer, each on one line of bounded length."""
    return {
        "key_information": tuple(line for key in answer.key_information if (line := " ".join(key.split())[:_MAX_KEY_CHARACTERS])),
        "reasoning": " ".join(answer.reasoning.split())[:_MAX_REASONING_CHARACTERS],
    }


def settle(answer: TagAnswer, vocabulary: Vocabulary, least: float = 0.0) -> tuple[TagScore, ...]:
    """The tags of a validated answer, highest first: each once with its highest confidence, of exclusive groups the strongest.

    Args:
        answer: as validated by `response_model(vocabulary)`.
        vocabulary: the same.
        least: tags below this confidence are left out.
    """
    best: dict[str, float] = {}
    for scored in answer.tags:
        best[scored.tag] = max(scored.confidence, best.get(scored.tag, 0.0))
    kept = {tag: confidence for tag, confidence in best.items() if confidence >= least}
    for group in vocabulary.groups:
        rivals = sorted((tag for tag in kept if tag in group), key=lambda tag: (-kept[tag], tag))
        for weaker in rivals[1:]:
            del kept[weaker]
    return tag_scores(list(kept.items()))
