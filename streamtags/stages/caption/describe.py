"""One model for both stages: a captioner whose structured answer contains the caption and the tags.

It uses the pictures and prompts of the captioner and the schema and rules of the classifier.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field, ValidationError

from streamtags.config.options import digest
from streamtags.core.errors import ModelError
from streamtags.core.model import Caption, CaptionRequest, ClassifyRequest, Described, TagSet
from streamtags.core.validation import first_mistake
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.backend import BackendSpec
from streamtags.stages.caption.estimate import describe_usage
from streamtags.stages.caption.frames import choose
from streamtags.stages.caption.models import ModelConfig
from streamtags.stages.caption.openai import OpenAICaptioner, OpenAIOptions
from streamtags.stages.caption.prompts import caption_text, fields_of
from streamtags.stages.cleaning import Reply, json_of
from streamtags.stages.model_server.options import check_api_key
from streamtags.stages.tag.prompts import RULES, system_prompt, user_prompt
from streamtags.stages.tag.schema import TagAnswer, findings_of, response_model, settle

__all__ = ["SPEC", "DescribeOptions", "OpenAIDescriber"]

_BOTH = "Write that into `caption`, from the pictures: the caption in the data below is empty. Then choose the tags of this shot."


class DescribeOptions(OpenAIOptions):
    """Options of the captioner `openai-tags`: those of `openai` and these."""

    tags_tokens: int = Field(
        700, ge=16, description="most tokens of findings, reasoning and tags, in addition to max_tokens of the caption"
    )
    evidence: bool = Field(True, description="include measurements in the prompt")
    min_confidence: float = Field(0.05, ge=0, le=1, description="tags below this confidence are left out")
    strict: bool = Field(True, description="request strict structured output; off for servers that refuse the key")


class OpenAIDescriber(OpenAICaptioner):
    """A `Describer` that requests JSON in a schema made of the vocabulary, caption first, from an OpenAI-compatible server."""

    def __init__(self, options: DescribeOptions) -> None:
        super().__init__(options)
        self._describing = options
        self.model = f"{self.model}+tags.{digest({'rules': RULES, 'both': _BOTH})}"
        self._prepared: tuple[Vocabulary, str, type[TagAnswer], dict[str, Any]] | None = None

    async def describe(self, request: CaptionRequest, vocabulary: Vocabulary) -> Described:
        """Caption and tag one segment; may be called concurrently.

        Raises:
            ModelError: the server gives no usable answer; with `model.invalid_answer` it does not fit the schema, and a retry may help.
        """
        system, shape, schema = self._prepare(vocabulary)
        measured = request.measured
        stills = choose(measured.stills, self._options.frames)
        pictures = await self._picture_content(stills)
        known = ClassifyRequest(measured.segment.id, "", "", measured.evidence, measured.text)
        prompt = self._prompt.render(fields_of(request, len(stills), self._prompt.fields))
        words = f"{prompt}\n{_BOTH}\n{user_prompt(known, self._describing.evidence)}"
        sampling = self._options.sampling()
        if "max_tokens" in sampling:
            sampling["max_tokens"] += self._describing.tags_tokens
        reply = await self._endpoint.reply(
            messages=[{"role": "system", "content": system}, {"role": "user", "content": [*pictures, {"type": "text", "text": words}]}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "shot", "schema": schema, **({"strict": True} if self._describing.strict else {})},
            },
            **sampling,
        )
        text, answer = self._read(reply, shape)
        return Described(
            Caption(text=text, model=self.model, frames=tuple(still.pts for still in stills), usage=reply.usage),
            TagSet(
                tags=settle(answer, vocabulary, self._describing.min_confidence),
                model=self.model,
                **findings_of(answer),
            ),
        )

    def _prepare(self, vocabulary: Vocabulary) -> tuple[str, type[TagAnswer], dict[str, Any]]:
        """System prompt, response model and schema, the same for every segment, so that a server's prefix cache keeps the long part."""
        if self._prepared is None or self._prepared[0] is not vocabulary:
            shape = response_model(vocabulary)
            schema = shape.model_json_schema()
            schema["properties"] = {"caption": {"type": "string", "description": "what happens"}, **schema["properties"]}
            schema["required"] = ["caption", *schema["required"]]
            self._prepared = (vocabulary, system_prompt(vocabulary), shape, schema)
        _, system, shape, schema = self._prepared
        return system, shape, schema

    def _read(self, reply: Reply, shape: type[TagAnswer]) -> tuple[str, TagAnswer]:
        where = self._endpoint.where
        try:
            read = json.loads(json_of(reply, where))
            caption = str(read.pop("caption"))
            answer = shape.model_validate(read)
            if caption.strip():
                return caption_text(Reply(caption, reply.usage), self._options.max_characters, where), answer
            reason = "caption: is empty"
        except ValidationError as error:
            reason = str(first_mistake(error))[:200]
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            reason = "not a JSON object with a caption"
        raise ModelError(
            f"the answer does not fit the schema: {reason}",
            where=where,
            code="model.invalid_answer",
            retryable=True,
            usage=reply.usage,
            hint="choose a server with structured output (vLLM, OpenAI), raise tags_tokens, or use a profile with a classifier of its own",
        )


SPEC = BackendSpec(
    name="openai-tags",
    kind="captioner",
    options=DescribeOptions,
    create=OpenAIDescriber,
    is_remote=True,
    extra="models",
    requires=frozenset({"key", "server", "client packages"}),
    preset_options=ModelConfig.openai_options,
    estimate_usage=describe_usage,
    check=check_api_key,
)
