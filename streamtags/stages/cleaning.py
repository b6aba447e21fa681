"""Take a model's answer out of what models and servers put around it, and name the answers that are none. Pure.

Reasoning, chat markers and code fences are removed. What is left must be a description or JSON; a refusal, a repetition loop, an answer
cut off at `max_tokens` or an answer that is all reasoning raises a `ModelError` with a code of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from typing import NamedTuple

import numpy as np

from streamtags.core.errors import ModelError
from streamtags.core.model import Usage
from streamtags.stages.phrases import is_label, is_offer, is_refusal, without_preamble, without_refusal
from streamtags.stages.reasoning import MARKERS, without_reasoning, without_role

__all__ = ["Reply", "clean_answer", "description_of", "json_of", "reasoning_error"]

MAX_LOOP_PERIOD = 200
"""Longest repeated passage that counts as a loop, in characters."""
_MAX_INSPECTED = 20_000
_NUMBER = re.compile(r"\b\d+\b")

_FENCE = re.compile(r"(`{3,}|~{3,})[\w+-]*[ \t]*\n?(.*?)(?:\1|\Z)", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")

_MARKUP = (
    (re.compile(r"<(script|style)\b.{0,2000}?</\1\s*>", re.IGNORECASE | re.DOTALL), " "),
    (re.compile(r"</?(?:a|b|code|em|font|i|mark|span|strong|sub|sup|u)(?:\s[^<>]{0,200})?>", re.IGNORECASE), ""),
    (re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]{0,200})?/?>"), " "),
    (re.compile(r"\\(?:boxed|text|textbf)\{([^{}]{1,2000})\}"), r"\1"),
    (re.compile(r"(?<=[.!?…])(?:\\n)+"), "\n"),  # line ends that were escaped twice
    (re.compile(r"^[ \t]*\|[-| :\t]+$|^[ \t]*\|[ \t]?|[ \t]?\|[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"!?\[([^\[\]]{1,300})\]\([^()\s]{1,300}\)"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.{1,400}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,400}?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?|[-*•+][ \t]+|\d{1,2}[.)][ \t]+(?=\D))", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:[-*_=][ \t]*){3,}$", re.MULTILINE), ""),
)
_CAPTION_KEYS = ("caption", "description", "text", "answer", "summary", "output", "response", "content")
_MAX_JSON_VALUES = 1_000
# A caption in JSON that is cut off, lacks a bracket or has quotes of another kind.
_BROKEN_CAPTION = re.compile(rf"[{{,]\s*([\"'])(?:{'|'.join(_CAPTION_KEYS)})\1\s*:\s*([\"'])((?:\\.|(?!\2)[^\\])+)", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([\"'/\\])")

_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)])\s+|\n+")  # noqa: RUF001 - typographic quotes are meant
_CJK_ENDS = "。！？"  # noqa: RUF001
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]]*$")  # noqa: RUF001


class Reply(NamedTuple):
    """A model's answer.

    Attributes:
        text: what the model wrote.
        usage: tokens that the server counted; None where it did not.
        cut_off: the answer ended at the most tokens allowed.
    """

    text: str
    usage: Usage | None = None
    cut_off: bool = False


def reasoning_error(reply: Reply, where: str) -> ModelError:
    """The error for an answer that is nothing but reasoning."""
    hint = (
        "start the server with a reasoning parser (vllm serve --reasoning-parser), turn thinking off in extra_body, or choose another model"
    )
    if reply.cut_off:
        return _error("model.reasoning", "all of max_tokens went into reasoning", where, f"raise max_tokens, or {hint}", reply)
    return _error("model.reasoning", "the answer is reasoning without a result", where, hint, reply)


def clean_answer(reply: Reply, where: str) -> Reply:
    """Remove reasoning, chat markers and the code fence around the whole answer.

    Args:
        reply: as it came.
        where: model and address, for errors.

    Raises:
        ModelError: `model.reasoning`, nothing is left but reasoning.
    """
    text = without_reasoning(reply.text)
    if text is None:
        raise reasoning_error(reply, where)
    text = without_role(MARKERS.sub(" ", without_role(text)).lstrip()).lstrip()
    fence = _FENCE.fullmatch(text.rstrip())
    return reply._replace(text=fence[2].strip() if fence else text)  # endless whitespace at the end is a loop, which `json_of` names


def description_of(reply: Reply, where: str) -> str:
    """The description in a cleaned answer, as plain text without markup, preamble or offers of help.

    Args:
        reply: from `clean_answer`.
        where: model and address, for errors.

    Returns:
        The text; "" if there are no words in it. An answer that was cut off loses its last, unfinished sentence.

    Raises:
        ModelError: `model.loop`, `model.refusal` or `model.cut_off`.
    """
    text = _from_json(_unfenced(reply.text[:_MAX_INSPECTED].strip()))
    if _has_loop(text):
        raise _loop_error(reply, where)
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    text = without_preamble(unescape(text).strip())
    sentences = [sentence.strip() for sentence in _SENTENCE.split(text) if sentence and sentence.strip()]
    kept = [part for sentence in sentences if (part := _descriptive(sentence))]
    if sentences and not kept:
        if any(is_refusal(sentence) for sentence in sentences):
            raise _refusal_error(sentences[0], reply, where)
        kept = sentences
    if reply.cut_off and kept and not _SENTENCE_END.search(kept[-1]):
        last = kept.pop()
        if whole := last[: max(map(last.rfind, _CJK_ENDS)) + 1]:  # sentences that no space divides
            kept.append(whole)
        if not kept:
            raise _cut_off_error(reply, where)
    joined = " ".join(kept)
    return joined if re.search(r"\w", joined) else ""


def json_of(reply: Reply, where: str) -> str:
    """The JSON object in a cleaned answer; the text as it is if there is none.

    Args:
        reply: from `clean_answer`.
        where: model and address, for errors.

    Raises:
        ModelError: there is no whole object, and the answer is a refusal, a loop or cut off (`model.refusal`, `model.loop`,
            `model.cut_off`).
    """
    text = _unquoted(reply.text)
    for candidate in (text, *(match[2] for match in _FENCE.finditer(text))):
        if whole := _object_in(candidate):
            return whole
    if "{" not in text and is_refusal(text.strip()):
        raise _refusal_error(text, reply, where)
    if _has_loop(text):
        raise _loop_error(reply, where)
    if reply.cut_off:
        raise _cut_off_error(reply, where)
    return text


def _object_in(text: str) -> str | None:
    """The first JSON object in `text` that can be an answer: no schema that was repeated, and no words in braces."""
    start = text.find("{")
    for _ in range(8):
        if start < 0:
            return None
        rest = text[start:]
        for candidate in (rest, _TRAILING_COMMA.sub("", rest)):
            try:
                value, end = json.JSONDecoder().raw_decode(candidate)
            except (ValueError, RecursionError):
                continue
            is_schema = value.get("type") == "object" and "properties" in value
            if not is_schema and (start == 0 or '"' in candidate[:end]):
                return candidate[:end]
            start += end - 1
            break
        start = text.find("{", start + 1)
    return None


def _unquoted(text: str) -> str:
    """The text in a JSON string, if that is all."""
    if text.startswith('"'):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value if isinstance(value, str) else text
    return text


def _unfenced(text: str) -> str:
    fence = _FENCE.search(text)
    return fence[2] if fence and fence[2].lstrip().startswith(("{", "[")) else re.sub(r"`{3,}|~{3,}", " ", text)


def _from_json(text: str) -> str:
    """The caption in an answer that is or contains JSON, whole or broken; `text` itself otherwise."""
    begin = text.find("{")
    try:
        if text.startswith(("[", '"')):
            return _caption_in(json.loads(text))
    except (ValueError, RecursionError):
        pass  # prose that begins with a quotation
    try:
        value, _ = json.JSONDecoder().raw_decode(text, max(begin, 0))
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, Mapping) and ((caption := _caption_in(value)) or begin == 0):
        return caption
    broken = _BROKEN_CAPTION.search(text)
    return _ESCAPE.sub(r"\1", broken[3]) if broken else text


def _caption_in(value: object) -> str:
    """The longest text under a key of a caption, else the longest text; "" if there is none."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    named: list[str] = []
    others: list[str] = []
    waiting: list[tuple[str, object]] = [("", value)]
    for _ in range(_MAX_JSON_VALUES):
        if not waiting:
            break
        key, each = waiting.pop()
        if isinstance(each, str):
            (named if key in _CAPTION_KEYS else others).append(each)
        elif isinstance(each, Mapping):
            waiting += [(name.lower() if name.lower() in _CAPTION_KEYS else key, inner) for name, inner in each.items()]
        elif isinstance(each, list):
            waiting += [(key, inner) for inner in each]
    return max(named or others, key=len, default="")


def _descriptive(sentence: str) -> str:
    """The part of a sentence that describes; "" where all of it is a refusal, an offer of help or a heading."""
    if is_refusal(sentence):
        return without_refusal(sentence)
    return "" if is_offer(sentence) or is_label(sentence) else sentence


def _has_loop(text: str) -> bool:
    """Whether a passage repeats so often that no person would have written it.

    That is 4 times and 40 characters in a row, 3 times and 90 characters, or a long text with few different word triples.
    """
    shown = " ".join(_NUMBER.sub("0", text[:_MAX_INSPECTED]).split())  # "Frame 1: a man. Frame 2: a man."
    if len(text) - len(text.rstrip()) > MAX_LOOP_PERIOD:  # structured output that ends in endless whitespace
        return True
    codes = np.frombuffer(shown.encode("utf-32-le", "replace"), dtype=np.uint32)
    for period in range(1, min(MAX_LOOP_PERIOD, len(codes) // 3) + 1):
        longest = _longest_run(codes[period:] == codes[:-period]) + period
        repeats = longest // period
        if (repeats >= 4 and longest >= 40) or (repeats >= 3 and longest >= 90):
            return True
    words = shown.lower().split()
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return len(triples) >= 40 and len(set(triples)) < 0.35 * len(triples)


def _longest_run(equal: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """The most neighboring True values."""
    breaks = np.flatnonzero(~equal)
    if not len(breaks):
        return len(equal)
    inner = int(np.diff(breaks).max()) - 1 if len(breaks) > 1 else 0
    return max(inner, int(breaks[0]), len(equal) - 1 - int(breaks[-1]))


def _error(code: str, what: str, where: str, hint: str, reply: Reply) -> ModelError:
    return ModelError(what, where=where, hint=hint, code=code, usage=reply.usage)


def _refusal_error(words: str, reply: Reply, where: str) -> ModelError:
    shown = " ".join("".join(c if c.isprintable() else " " for c in words[:400]).split())[:120]
    hint = "try another prompt, or a model that takes pictures"
    return _error("model.refusal", f"the model declined: {shown}", where, hint, reply)


def _loop_error(reply: Reply, where: str) -> ModelError:
    hint = "set extra_body = { repetition_penalty = 1.1 }, show fewer frames, or choose another model"
    return _error("model.loop", "the answer repeats itself without end", where, hint, reply)


def _cut_off_error(reply: Reply, where: str) -> ModelError:
    return _error("model.cut_off", "the answer was cut off at max_tokens", where, "raise max_tokens", reply)
