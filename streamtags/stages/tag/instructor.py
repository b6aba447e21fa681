"""Tags by a language model, through instructor's JSON-schema mode, from any OpenAI-compatible server.

The response model is built from the vocabulary. An answer that does not validate is requested again a few times, with its mistakes named.
Network failures are not retried here; the pipeline retries.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from streamtags.config.options import digest
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.model import ClassifyRequest, TagSet, Usage
from streamtags.core.validation import first_mistake
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.backend import BackendSpec
from streamtags.stages.cleaning import description_of
from streamtags.stages.model_server.connection import Endpoint
from streamtags.stages.model_server.options import EndpointOptions, check_api_key
from streamtags.stages.model_server.responses import usage_of
from streamtags.stages.tag.estimate import tag_usage
from streamtags.stages.tag.prompts import RULES, system_prompt, user_prompt
from streamtags.stages.tag.schema import TagAnswer, findings_of, response_model, settle
from streamtags.stages.tag.shortlist import Shortlist

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

    from streamtags.stages.caption.models import ModelConfig

__all__ = ["SPEC", "InstructorClassifier", "InstructorOptions"]


class InstructorOptions(EndpointOptions):
    """Options of the classifier `instructor`."""

    max_tokens: int | None = Field(900, ge=16, description="most tokens of an answer; none leaves it to the server")
    re_asks: int = Field(2, ge=0, le=5, description="how often an answer that does not validate is requested again")
    evidence: bool = Field(True, description="include measurements in the prompt, in addition to the caption")
    min_confidence: float = Field(0.05, ge=0, le=1, description="tags below this confidence are left out")
    shortlist_above: int = Field(250, ge=1, description="a vocabulary of more tags than this is cut to a shortlist first")
    shortlist: int = Field(200, ge=1, description="tags on the shortlist of one segment")
    strict: bool = Field(True, description="request strict structured output; off for servers that refuse the key")


class InstructorClassifier:
    """A `Classifier` that sends requests to a server. `model` changes with every option that changes answers."""

    def __init__(self, options: InstructorOptions) -> None:
        try:
            import instructor
            from instructor.core import exceptions
        except ImportError as error:
            raise ConfigError(
                "the instructor package is not installed", where="classifier instructor", hint="pip install 'streamtags[models]'"
            ) from error
        # instructor logs as errors what this class raises as a ModelError.
        logging.getLogger("instructor").setLevel(logging.CRITICAL)
        self._instructor = instructor
        self._exceptions = exceptions
        self._options = options
        self._endpoint = Endpoint(options)
        self._ready: tuple[Vocabulary, Shortlist | None, str, type[TagAnswer]] | None = None
        relevant = options.model_dump(exclude={"base_url", "api_key_env", "timeout_seconds", "max_answer_bytes"})
        self.model = f"{options.model}+tags.{digest({**relevant, 'prompt': RULES})}"

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        """Tag one segment; may be called concurrently.

        Raises:
            ModelError: the server gives no usable answer; with `model.invalid_answer`, no answer validated.
        """
        system, shape = self._prepare(request, vocabulary)
        spent: list[Usage] = []

        async def complete(**body: Any) -> ChatCompletion:
            if self._options.strict:
                body["response_format"]["json_schema"]["strict"] = True
            completion = await self._endpoint.complete(**body)
            usage = usage_of(completion)
            if usage is not None:
                spent.append(usage)
            return completion

        # instructor's types describe only the synchronous form of what `patch` returns.
        create: Any = self._instructor.patch(create=complete, mode=self._instructor.Mode.JSON_SCHEMA)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user_prompt(request, self._options.evidence)}]
        try:
            answer = await create(response_model=shape, messages=messages, max_retries=self._options.re_asks, **self._options.sampling())
        except self._exceptions.InstructorError as error:
            failure = self._explain(error)
            if failure.usage is not None:
                spent.append(failure.usage)
            failure.usage = _sum(spent)
            raise failure from error
        return TagSet(
            tags=settle(answer, vocabulary, self._options.min_confidence),
            model=self.model,
            usage=_sum(spent),
            **findings_of(answer),
        )

    async def write(self, system: str, user: str) -> str:
        """Return one plain text; see `streamtags.core.ports.TextWriter`.

        Raises:
            ModelError: there is no answer, or it is a refusal, a loop or cut off.
        """
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        reply = await self._endpoint.reply(messages=messages, **self._options.sampling())
        return description_of(reply, self._endpoint.where)

    async def ready(self) -> None:
        """Return if the server answers and has the model.

        Raises:
            ModelError: the server cannot be reached, refuses, or lacks the model.
        """
        await self._endpoint.ready()

    async def close(self) -> None:
        """Release the connections; safe to call twice."""
        await self._endpoint.close()

    def _prepare(self, request: ClassifyRequest, vocabulary: Vocabulary) -> tuple[str, type[TagAnswer]]:
        """System prompt and response model; the same objects for every segment unless the vocabulary needs a shortlist."""
        if self._ready is None or self._ready[0] is not vocabulary:
            long = len(vocabulary.tags) > self._options.shortlist_above
            chooser = Shortlist(vocabulary, self._options.shortlist) if long else None
            self._ready = (vocabulary, chooser, system_prompt(vocabulary), response_model(vocabulary))
        _, chooser, system, shape = self._ready
        if chooser is None:
            return system, shape
        names = chooser.choose(request)
        return system_prompt(vocabulary, names), response_model(vocabulary, names)

    def _explain(self, error: Exception) -> ModelError:
        if isinstance(error.__cause__, ModelError):
            return error.__cause__
        where = self._endpoint.where
        reason = "it does not fit the schema"
        if isinstance(error.__cause__, ValidationError):
            reason = str(first_mistake(error.__cause__))[:200]
        return ModelError(
            f"no valid answer after {self._options.re_asks} re-asks: {reason}",
            where=where,
            code="model.invalid_answer",
            hint="choose a server with structured output (vLLM, OpenAI) or a larger model",
        )


def _sum(spent: list[Usage]) -> Usage | None:
    if not spent:
        return None
    return Usage(prompt_tokens=sum(u.prompt_tokens for u in spent), completion_tokens=sum(u.completion_tokens for u in spent))


def _model_name(config: ModelConfig) -> Mapping[str, Any]:
    return {"model": config.name}


SPEC = BackendSpec(
    name="instructor",
    kind="classifier",
    options=InstructorOptions,
    create=InstructorClassifier,
    is_remote=True,
    extra="models",
    requires=frozenset({"key", "server", "client packages"}),
    preset_options=_model_name,
    estimate_usage=tag_usage,
    check=check_api_key,
)
