"""Tokens of a caption before one was made, by rules of thumb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamtags.core.model import Usage
from streamtags.core.vocabulary import Vocabulary

if TYPE_CHECKING:
    from streamtags.stages.caption.describe import DescribeOptions
    from streamtags.stages.caption.openai import OpenAIOptions

__all__ = ["caption_usage", "describe_usage"]

# LLaVA-NeXT-Video pools 14-pixel patches 2 x 2 (144 tokens for 336 x 336 pixels); Qwen2-VL merges them likewise.
_PIXELS_PER_TOKEN = 28 * 28
_PROMPT_TOKENS = 80
_DEFAULT_ANSWER_TOKENS = 160


def caption_usage(options: OpenAIOptions, vocabulary: Vocabulary) -> Usage:
    """Tokens of one caption: pictures by their pixels, the answer at its longest."""
    pictures = options.frames * round(options.image_size**2 / _PIXELS_PER_TOKEN)
    return Usage(prompt_tokens=pictures + _PROMPT_TOKENS, completion_tokens=options.max_tokens or _DEFAULT_ANSWER_TOKENS)


def describe_usage(options: DescribeOptions, vocabulary: Vocabulary) -> Usage:
    """Tokens of one answer with caption and tags."""
    from streamtags.stages.tag.estimate import vocabulary_tokens

    caption = caption_usage(options, vocabulary)
    return Usage(
        prompt_tokens=caption.prompt_tokens + vocabulary_tokens(vocabulary),
        completion_tokens=caption.completion_tokens + options.tags_tokens,
    )
