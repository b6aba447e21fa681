"""Tokens of a tag set before one was made, by rules of thumb."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamtags.core.model import Usage
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.tag.prompts import system_prompt
from streamtags.stages.tag.schema import response_model

if TYPE_CHECKING:
    from streamtags.stages.tag.instructor import InstructorOptions

__all__ = ["tag_usage", "vocabulary_tokens"]

# OpenAI's rule of thumb for English text (help.openai.com, "What are tokens and how to count them?").
_CHARACTERS_PER_TOKEN = 4
_SEGMENT_TOKENS = 300
"""Caption, subtitles and measurements of one segment."""
_DEFAULT_ANSWER_TOKENS = 500


def tag_usage(options: InstructorOptions, vocabulary: Vocabulary) -> Usage:
    """Tokens of one tag set: the vocabulary by the length of its text, the answer at its longest."""
    count = len(vocabulary.tags)
    shown = options.shortlist if count > options.shortlist_above else count
    return Usage(
        prompt_tokens=vocabulary_tokens(vocabulary, shown),
        completion_tokens=options.max_tokens or _DEFAULT_ANSWER_TOKENS,
    )


def vocabulary_tokens(vocabulary: Vocabulary, shown: int | None = None) -> int:
    """Prompt tokens of `shown` tags of a vocabulary (None: all), of their schema and of one segment."""
    count = len(vocabulary.tags)
    characters = len(system_prompt(vocabulary)) + len(json.dumps(response_model(vocabulary).model_json_schema()))
    return round(characters * (count if shown is None else shown) / count / _CHARACTERS_PER_TOKEN) + _SEGMENT_TOKENS
