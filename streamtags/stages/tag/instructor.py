"""Tags by a language model, through instructor's JSON-schema mode, from any OpenAI-compatible server.

The response model is built from the vocabulary; what does not validate is asked again a few times, with the mistakes named, and then
given up. Failures of the wire are not asked again here: that is the pipeline's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from streamtags.config.options import digest, read_options
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.model import ClassifyRequest, TagSet, Usage
from streamtags.core.ports import Classifier
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.endpoint import Endpoint, EndpointOptions, usage_of
from streamtags.stages.tag.prompts import RULES, system_prompt, user_prompt
from streamtags.stages.tag.schema import Answer, response_model, settle
from streamtags.stages.tag.shortlist import Shortlist

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

__all__ = ["InstructorClassifier", "InstructorOptions", "create"]

_MAX_KEY = 200
_MAX_REASONING = 1000


class InstructorOptions(EndpointOptions):
    """What a profile may say of this classifier."""

    max_tokens: int | None = Field(900, ge=16, description="most tokens of an answer; none leaves it to the server")
    re_asks: int = Field(2, ge=0, le=5, description="how often an answer that does not validate is asked again")
    evidence: bool = Field(True, description="tell the model what was measured, besides the caption")
    min_confidence: float = Field(0.05, ge=0, le=1, description="tags below this confidence are left out")
    shortlist_above: int = Field(250, ge=1, description="a vocabulary of more tags than this is cut to a shortlist first")
    shortlist: int = Field(200, ge=1, description="tags on the shortlist of one segment")
    strict: bool = Field(True, description="ask the server to hold the model to the schema; off for servers that refuse the key")


class InstructorClassifier:
    """A `Classifier` that asks a server. `model` changes with everything that bears on the answer."""

    def __init__(self, options: InstructorOptions) -> None:
        try:
            import instructor
            from instructor.core import exceptions
        except ImportError as error:
            raise ConfigError(
                "the instructor package is not installed", where="classifier instructor", hint="pip install 'streamtags[models]'"
            ) from error
        # instructor logs as errors what is raised here as a ModelError and told as an event.
        logging.getLogger("instructor").setLevel(logging.CRITICAL)
        self._instructor = instructor
        self._exceptions = exceptions
        self._options = options
        self._endpoint = Endpoint(options)
        self._ready: tuple[Vocabulary, Shortlist | None, str, type[Answer]] | None = None
        bearing = options.model_dump(exclude={"base_url", "api_key_env", "timeout_seconds", "max_answer_bytes"})
        self.model = f"{options.model}+tags.{digest({**bearing, 'prompt': RULES})}"

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        """Tag one segment; may be called concurrently.

        Raises:
            ModelError: no answer could be had; `model.invalid_answer` where the answers did not validate.
        """
        system, shape = self._prepare(request, vocabulary)
        spent: list[Usage] = []

        async def ask(**asked: Any) -> ChatCompletion:
            if self._options.strict:
                asked["response_format"]["json_schema"]["strict"] = True
            answer = await self._endpoint.ask(**asked)
            usage = usage_of(answer)
            if usage is not None:
                spent.append(usage)
            return answer

        # instructor's types describe only the synchronous form of what `patch` returns.
        create: Any = self._instructor.patch(create=ask, mode=self._instructor.Mode.JSON_SCHEMA)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user_prompt(request, self._options.evidence)}]
        try:
            answer = await create(response_model=shape, messages=messages, max_retries=self._options.re_asks, **self._options.sampling())
        except self._exceptions.InstructorError as error:
            failed = self._explain(error)
            failed.usage = _sum(spent)
            raise failed from error
        return TagSet(
            tags=settle(answer, vocabulary, self._options.min_confidence),
            model=self.model,
            key_information=tuple(line for key in answer.key_information if (line := " ".join(key.split())[:_MAX_KEY])),
            reasoning=" ".join(answer.reasoning.split())[:_MAX_REASONING],
            usage=_sum(spent),
        )

    async def ready(self) -> None:
        """Return if the server answers and has the model.

        Raises:
            ModelError: it cannot be reached, refuses, or lacks the model.
        """
        await self._endpoint.ready()

    async def close(self) -> None:
        """Release the connections; safe to call twice."""
        await self._endpoint.close()

    def _prepare(self, request: ClassifyRequest, vocabulary: Vocabulary) -> tuple[str, type[Answer]]:
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
        if isinstance(error, self._exceptions.IncompleteOutputException):
            return ModelError("the answer was cut off at max_tokens", where=where, code="model.cut_off", hint="raise max_tokens")
        reason = "not of the form asked for"
        if isinstance(error.__cause__, ValidationError):
            first = error.__cause__.errors(include_input=False, include_url=False)[0]
            reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:200].lstrip(": ")
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


def create(options: Mapping[str, Any]) -> Classifier:
    """The classifier of a profile whose backend is `instructor`.

    Raises:
        ConfigError: an option is unknown or wrong, a package is not installed, or the key is not set.
    """
    return InstructorClassifier(read_options(InstructorOptions, options, "classifier instructor"))
