"""One model for both stages: a captioner whose one structured answer holds caption and tags.

It stands here because it needs both rooms: the pictures and prompts of the captioner, the schema and rules of the classifier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from streamtags.config.options import digest, read_options
from streamtags.core.errors import ModelError
from streamtags.core.model import Caption, CaptionRequest, ClassifyRequest, Described, TagSet
from streamtags.core.ports import Describer
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.caption.frames import choose
from streamtags.stages.caption.openai import OpenAICaptioner, OpenAIOptions
from streamtags.stages.caption.prompts import clean_caption, fields_of
from streamtags.stages.endpoint import Reply
from streamtags.stages.tag.prompts import RULES, system_prompt, user_prompt
from streamtags.stages.tag.schema import Answer, response_model, settle

__all__ = ["DescribeOptions", "OpenAIDescriber", "create"]

_BOTH = "Write that into `caption`, from the pictures: the caption in the data below is empty. Then choose the tags of this shot."
_MAX_KEY = 200
_MAX_REASONING = 1000


class DescribeOptions(OpenAIOptions):
    """What a profile may say of this captioner, besides what the captioner `openai` takes."""

    tags_tokens: int = Field(700, ge=16, description="most tokens of findings, reasoning and tags, beyond max_tokens of the caption")
    evidence: bool = Field(True, description="tell the model what was measured")
    min_confidence: float = Field(0.05, ge=0, le=1, description="tags below this confidence are left out")
    strict: bool = Field(True, description="ask the server to hold the model to the schema; off for servers that refuse the key")


class OpenAIDescriber(OpenAICaptioner):
    """A `Describer` that asks an OpenAI-compatible server for JSON of a schema made of the vocabulary, caption first."""

    def __init__(self, options: DescribeOptions) -> None:
        super().__init__(options)
        self._describing = options
        self.model = f"{self.model}+tags.{digest({'rules': RULES, 'both': _BOTH})}"
        self._prepared: tuple[Vocabulary, str, type[Answer], dict[str, Any]] | None = None

    async def describe(self, request: CaptionRequest, vocabulary: Vocabulary) -> Described:
        """Caption and tag one segment; may be called concurrently.

        Raises:
            ModelError: no answer could be had; `model.invalid_answer` where it is not of the form asked for, which may be asked again.
        """
        system, shape, schema = self._prepare(vocabulary)
        measured = request.measured
        stills = choose(measured.stills, self._options.frames)
        seen = await self._seen(stills)
        known = ClassifyRequest(measured.segment.id, "", "", measured.evidence, measured.text)
        asked = self._prompt.render(fields_of(request, len(stills), self._prompt.fields))
        words = f"{asked}\n{_BOTH}\n{user_prompt(known, self._describing.evidence)}"
        sampling = self._options.sampling()
        if "max_tokens" in sampling:
            sampling["max_tokens"] += self._describing.tags_tokens
        reply = await self._endpoint.reply(
            messages=[{"role": "system", "content": system}, {"role": "user", "content": [*seen, {"type": "text", "text": words}]}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "shot", "schema": schema, **({"strict": True} if self._describing.strict else {})},
            },
            **sampling,
        )
        text, told = self._read(reply, shape)
        return Described(
            Caption(text=text, model=self.model, frames=tuple(still.pts for still in stills), usage=reply.usage),
            TagSet(
                tags=settle(told, vocabulary, self._describing.min_confidence),
                model=self.model,
                key_information=tuple(line for key in told.key_information if (line := " ".join(key.split())[:_MAX_KEY])),
                reasoning=" ".join(told.reasoning.split())[:_MAX_REASONING],
            ),
        )

    def _prepare(self, vocabulary: Vocabulary) -> tuple[str, type[Answer], dict[str, Any]]:
        """The same objects for every segment, so that a server's prefix cache holds the long part."""
        if self._prepared is None or self._prepared[0] is not vocabulary:
            shape = response_model(vocabulary)
            schema = shape.model_json_schema()
            schema["properties"] = {"caption": {"type": "string", "description": "what happens"}, **schema["properties"]}
            schema["required"] = ["caption", *schema["required"]]
            self._prepared = (vocabulary, system_prompt(vocabulary), shape, schema)
        _, system, shape, schema = self._prepared
        return system, shape, schema

    def _read(self, reply: Reply, shape: type[Answer]) -> tuple[str, Answer]:
        try:
            read = json.loads(reply.text)
            text = clean_caption(str(read.pop("caption")), self._options.max_characters)
            if text:
                return text, shape.model_validate(read)
            reason = "caption: is empty"
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:200].lstrip(": ")
        except (ValueError, KeyError, AttributeError, TypeError):
            reason = "not a JSON object with a caption"
        raise ModelError(
            f"the answer is not of the form asked for: {reason}",
            where=self._endpoint.where,
            code="model.invalid_answer",
            retryable=True,
            usage=reply.usage,
            hint="choose a server with structured output (vLLM, OpenAI), raise tags_tokens, or use a profile with a classifier of its own",
        )


def create(options: Mapping[str, Any]) -> Describer:
    """The captioner of a profile whose backend is `openai-tags`.

    Raises:
        ConfigError: an option is unknown or wrong, openai is not installed, or the key is not set.
    """
    return OpenAIDescriber(read_options(DescribeOptions, options, "captioner openai-tags"))
