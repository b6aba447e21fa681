"""What the responses of model servers mean: answers, errors with any HTTP status, counted tokens. Pure: no network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from streamtags.core.errors import ModelError
from streamtags.core.model import Usage
from streamtags.stages.cleaning import Reply, clean_answer, reasoning_error

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

__all__ = [
    "error_in",
    "http_error",
    "invalid_answer",
    "is_loading",
    "read_body",
    "read_reply",
    "refused_answer",
    "retry_after_seconds",
    "server_words",
    "status_error",
    "usage_of",
]

_RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_SECRET = re.compile(r"\b(?:sk|pk|hf|key)[-_][\w*.-]{4,}")
# What servers write as `code` or `type` of an error, as the HTTP status it stands for.
_STATUS_OF_WORD = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "too_many_requests": 429,
    "resource_exhausted": 429,
    "overloaded_error": 503,
    "unavailable": 503,
    "server_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "internal": 500,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "unauthenticated": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "not_found": 404,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "context_length_exceeded": 400,
}
# What servers of llama.cpp, Ollama, LM Studio and vLLM write about a request that no retry helps, whatever the HTTP status.
_HOPELESS = (
    (
        re.compile(r"context (?:size|length|window)|exceed_context|maximum model length|maximum context", re.IGNORECASE),
        "model.too_large",
        "show fewer or smaller frames (frames, image_size), or start the server with a longer context",
    ),
    (
        re.compile(r"image input is not supported|(?:not|n't) support (?:image|vision|multimodal)|not a multimodal|mmproj", re.IGNORECASE),
        "model.no_pictures",
        "choose a model that takes pictures; llama.cpp needs its projector too (--mmproj)",
    ),
    (
        re.compile(r"requires more system memory|out of memory|insufficient (?:memory|resources)", re.IGNORECASE),
        "model.out_of_memory",
        "choose a smaller model, or stop other programs",
    ),
)
# What a server of llama.cpp answers until its model is in memory, which takes a minute and more.
_LOADING = re.compile(r"\bloading model\b|\bmodel is (?:still )?loading\b", re.IGNORECASE)
# What servers write where they give no code.
_STATUS_OF_WORDS = (
    (re.compile(r"rate.?limit|too many requests|速率限制|请求过于频繁", re.IGNORECASE), 429),
    (
        re.compile(r"(?:invalid|incorrect|missing|no) (?:api.?key|auth|token|credentials)|authentication|unauthori[sz]ed", re.IGNORECASE),
        401,
    ),
    (re.compile(r"overloaded|temporarily unavailable|at capacity|service unavailable|try again later", re.IGNORECASE), 503),
    (re.compile(r"model\b.{0,80}\b(?:not found|(?:does not|doesn't|not) exist)|(?:no such|unknown) model", re.IGNORECASE), 404),
)
_BAD_KEY = re.compile(r"api.?key (?:is )?(?:not valid|invalid|expired)|(?:invalid|incorrect) api.?key|api_key_invalid", re.IGNORECASE)
_WEB_PAGE = re.compile(r"\s*(?:<\?xml[^>]{0,200}>\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_WANTS_TLS = re.compile(r"plain http request was sent to https|http request to an https server", re.IGNORECASE)
_LEADING_STATUS = re.compile(r"[345]\d\d\b")
# How servers and gateways write why an answer ended, in lower case.
_CUT_OFF = frozenset({"length", "max_tokens", "model_length", "max_output_tokens"})
_DECLINED = frozenset(
    {"content_filter", "content_filtered", "refusal", "safety", "sensitive", "blocked", "prohibited_content", "image_safety"}
)
_NO_CREDIT = re.compile(
    r"insufficient[_ ](?:quota|credit|balance|funds)|billing[_ ]|credit balance|out of credits|exceeded your current quota"
)


def read_body(text: str, *, where: str) -> object:
    """The JSON of a response with a status of 200, also if the server streams it although no stream was requested.

    Raises:
        ModelError: the body is something else.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if (streamed := _joined_stream(text)) is not None:
            return streamed
        if _WEB_PAGE.match(text):
            hint = "check that base_url ends in /v1 of a model server, and that no login page or proxy answers in its place"
            raise ModelError("the answer is a web page", where=where, code="model.invalid_answer", retryable=True, hint=hint) from error
        raise invalid_answer("the answer is not JSON", where) from error


def _joined_stream(text: str) -> dict[str, object] | None:
    """One chat completion, or the error, of server-sent events; None if `text` is none."""
    whole: dict[str, object] | None = None
    content: list[str] = []
    finish: object = None
    for line in text.splitlines():
        name, _, data = line.partition(":")
        if name != "data" or data.strip() == "[DONE]":
            continue
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if not isinstance(event, dict):
            return None
        choices = event.get("choices")
        if event.get("error") or not isinstance(choices, list):
            return event
        whole = {**(whole or {}), **event}
        for choice in choices[:1]:
            delta = choice.get("delta") if isinstance(choice, Mapping) else None
            if isinstance(delta, Mapping) and isinstance(delta.get("content"), str):
                content.append(delta["content"])
            finish = (choice.get("finish_reason") if isinstance(choice, Mapping) else None) or finish
    if whole is None:
        return None
    return {**whole, "choices": [{"message": {"role": "assistant", "content": "".join(content)}, "finish_reason": finish}]}


def read_reply(response: object, *, where: str, secret: str = "") -> Reply:
    """The cleaned answer in the JSON of a chat completion. Only what is used is checked.

    Args:
        response: the JSON of a response with a status of 200.
        where: model and address, for errors.
        secret: the key, which is removed from error messages.

    Raises:
        ModelError: the response is an error, a refusal, empty, all reasoning, or not a chat completion.
    """
    if isinstance(response, list) and len(response) == 1:  # as Gemini wraps errors
        response = response[0]
    if not isinstance(response, Mapping):
        raise invalid_answer("the answer is not a chat completion", where)
    choices = response.get("choices")
    if not isinstance(choices, list) or not choices:
        if (error := error_in(response)) is not None:
            raise refused_answer({**response, "error": error}, where=where, secret=secret)
        raise invalid_answer("the answer contains no choice" if choices == [] else "the answer is not a chat completion", where)
    choice = choices[0] if isinstance(choices[0], Mapping) else {}
    if choice.get("error"):  # a provider that failed behind a gateway
        raise refused_answer(choice, where=where, secret=secret)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise invalid_answer("the answer's message is not text", where)
    text = _text_of(message.get("content"))
    if text is None:
        raise invalid_answer("the answer's message is not text", where)
    finish = str(choice.get("finish_reason") or "").lower()
    reply = Reply(text, _usage(response.get("usage")), cut_off=finish in _CUT_OFF)
    if finish in _DECLINED or message.get("refusal"):
        said = server_words(str(message.get("refusal") or finish.replace("_", " ")), secret)
        raise ModelError(f"the model declined: {said}", where=where, code="model.refusal", usage=reply.usage)
    if not text.strip():
        if finish == "error":
            raise ModelError(
                "the server broke off its answer", where=where, code="model.server_error", retryable=True, hint="look at the server's log"
            )
        if any(str(message.get(key) or "").strip() for key in ("reasoning_content", "reasoning", "thinking")):
            raise reasoning_error(reply, where)
        if reply.cut_off:
            raise ModelError(
                "the answer is empty and all of max_tokens is used",
                where=where,
                code="model.cut_off",
                hint="raise max_tokens; a model that reasons needs room for that too",
                usage=reply.usage,
            )
        failure = invalid_answer("the answer is empty", where)
        failure.usage = reply.usage
        raise failure
    return clean_answer(reply, where)


def error_in(response: Mapping[object, object]) -> object:
    """What a response without an answer says about an error, in the shapes of several servers; None if it says nothing."""
    error, base, feedback = response.get("error") or response.get("errors"), response.get("base_resp"), response.get("promptFeedback")
    if isinstance(error, list) and error:  # Cloudflare
        error = error[0]
    if isinstance(error, str) and error.startswith("{"):  # JSON in a string
        try:
            return json.loads(error)
        except (ValueError, RecursionError):
            return error
    if error and isinstance(error, Mapping | str):
        return error
    if isinstance(base, Mapping) and base.get("status_code"):  # MiniMax
        return {"message": base.get("status_msg"), "code": base["status_code"]}
    if isinstance(feedback, Mapping) and feedback.get("blockReason"):  # Gemini
        return {"message": f"blocked: {feedback['blockReason']}", "type": "content_filter"}
    message = next((response[key] for key in ("message", "msg", "detail", "error_msg", "error_message") if response.get(key)), None)
    if isinstance(message, str):
        return {**response, "message": message}
    return error or None


def refused_answer(body: Mapping[object, object], *, where: str, secret: str = "") -> ModelError:
    """The error that a server reports inside a response with a status of 200."""
    error = body.get("error")
    status = next((code for key in ("code", "status", "status_code", "type") if (code := _status_of(error, key))), None)
    if status is None:
        status = next((code for key in ("code", "status") if (code := _status_of(body, key))), 0)
    message = server_words(_server_message({"error": error}, ""), secret)
    if isinstance(error, Mapping) and not _DECLINED.isdisjoint(str(error.get(key)).lower() for key in ("type", "code")):
        return ModelError(f"the model declined: {message}", where=where, code="model.refusal")
    has_no_credit = _NO_CREDIT.search(json.dumps(error, default=str).lower()) is not None
    if not status and not has_no_credit:
        status = next((stands_for for words, stands_for in _STATUS_OF_WORDS if words.search(message)), 0)
    if status:
        failure = status_error(status, {}, message, where=where, error=error)
        failure.what = failure.what.replace(f"HTTP {status}", f"the server reports error {status}", 1)
        return failure
    if has_no_credit:
        failure = status_error(402, {}, message, where=where)
        failure.what = f"the server reports an error: {message}"
        return failure
    return ModelError(
        f"the server reports an error: {message}", where=where, code="model.refused", hint="look at the server's log, or ask its operator"
    )


def _status_of(error: object, key: str) -> int | None:
    value = error.get(key) if isinstance(error, Mapping) else None
    if isinstance(value, str):
        stated = _LEADING_STATUS.match(value)
        value = int(stated[0]) if stated else _STATUS_OF_WORD.get(value.lower())
    return value if isinstance(value, int) and not isinstance(value, bool) and 300 <= value < 600 else None


def _text_of(content: object) -> str | None:
    """Text of a message: a string, nothing, or a list of parts; None for anything else."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        parts = [part for part in content if isinstance(part, Mapping)]
        texts = [part.get("text") for part in parts if part.get("type", "text") in ("text", "output_text")]
        return "".join(text for text in texts if isinstance(text, str)) if texts or len(parts) == len(content) else None
    return None


def status_error(status: int, headers: Mapping[str, str], message: str, *, where: str, error: object = None) -> ModelError:
    """What an HTTP status from a model server means.

    Args:
        status: 300 or more.
        headers: of the response, names in lower case or case-insensitive.
        message: the server's own words, already cleaned.
        where: model and address.
        error: the `error` member of the body, which can say that credit is used up.
    """
    said = f": {message}" if message else ""
    if status == 402 or (status in (403, 429) and _NO_CREDIT.search(json.dumps(error, default=str).lower())):
        return ModelError(
            f"HTTP {status}{said}", where=where, code="model.quota", hint="the account's credit is used up; add credit or change the key"
        )
    if status in (400, 413, 422, 500):
        for words, known, advice in _HOPELESS:
            if words.search(message):
                return ModelError(f"HTTP {status}{said}", where=where, hint=advice, code=known)
    if status == 400 and _WANTS_TLS.search(message):
        return ModelError(f"HTTP {status}{said}", where=where, hint="write https:// in base_url", code="model.tls")
    if status in (500, 503) and is_loading(message):
        return ModelError(f"HTTP {status}{said}", where=where, hint="wait until it has", code="model.unreachable", retryable=True)
    code, hint = {
        400: ("model.bad_request", "the server does not take this request; check model, frames, max_tokens and the prompt's length"),
        401: ("model.unauthorised", "name the variable that holds a valid key in api_key_env"),
        403: ("model.forbidden", "the key may not use this model"),
        404: ("model.not_found", "check base_url (it ends in /v1) and the model's name; `streamtags doctor` lists what is served"),
        407: ("model.proxy", "the proxy wants a login; correct HTTP_PROXY or HTTPS_PROXY, or name the host in NO_PROXY"),
        413: ("model.too_large", "send fewer or smaller frames"),
        422: ("model.bad_request", "the server does not take this request; check extra_body"),
        429: ("model.busy", "lower concurrency, or wait"),
    }.get(
        401 if status == 400 and _BAD_KEY.search(message) else status,
        ("model.server_error", "look at the server's log") if status >= 500 else ("model.refused", None),
    )
    return ModelError(
        f"HTTP {status}{said}",
        where=where,
        hint=hint,
        code=code,
        retryable=status in _RETRYABLE,
        retry_after=retry_after_seconds(headers) if status in _RETRYABLE else None,
    )


def http_error(status: int, headers: Mapping[str, str], reason: str, body: object, *, where: str, secret: str = "") -> ModelError:
    """The error of a response whose status is not 2xx."""
    message = server_words(_server_message(body, reason), secret)
    return status_error(status, headers, message, where=where, error=body.get("error") if isinstance(body, Mapping) else None)


def invalid_answer(what: str, where: str) -> ModelError:
    """The error of an answer that is not one of a model server."""
    hint = "check that base_url ends in /v1 of a model server"
    return ModelError(what, where=where, code="model.invalid_answer", retryable=True, hint=hint)


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait before the next request: `Retry-After` as seconds or a date (RFC 9110, 10.2.3), or `retry-after-ms`.

    Args:
        headers: of the response.
        now: for tests.
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        return seconds if 0 <= seconds < float("inf") else None
    try:
        when = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def is_loading(words: str) -> bool:
    """Whether a server says that it still loads its model."""
    return _LOADING.search(words) is not None


def server_words(text: str, secret: str = "") -> str:
    """A server's words on one short line for a log, without control characters and without keys."""
    if secret:
        text = text.replace(secret, "***")
    text = _SECRET.sub("***", text)
    return " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split())[:300]


def usage_of(completion: ChatCompletion) -> Usage | None:
    """The tokens a server counted; None where it did not, or not in whole numbers."""
    return _usage({name: getattr(completion.usage, name, None) for name in ("prompt_tokens", "completion_tokens")})


def _usage(counted: object) -> Usage | None:
    if not isinstance(counted, Mapping):
        return None
    prompt, completion = counted.get("prompt_tokens"), counted.get("completion_tokens")
    if type(prompt) is int and type(completion) is int and prompt >= 0 and completion >= 0:
        return Usage(prompt_tokens=prompt, completion_tokens=completion)
    return None


def _server_message(body: object, fallback: str) -> str:
    """The message in the shapes servers send: `{"message"}`, `{"error": {"message"}}`, `{"detail"}`, or plain text."""
    if isinstance(body, Mapping):
        for key in ("message", "error", "detail"):
            value = body.get(key)
            if isinstance(value, Mapping):
                value = value.get("message")
            if isinstance(value, str):
                return value
        return json.dumps(body, default=str)
    return body if isinstance(body, str) and "<html" not in body[:500].lower() else ("" if isinstance(body, str) else fallback)
