"""What language models write before an answer: thoughts in markup or under a label, and the name of the role that speaks. Pure."""

from __future__ import annotations

import re

__all__ = ["MARKERS", "without_reasoning", "without_role"]

_NAMES = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|analysis|scratchpad|(?:inner|internal)[_-]monologue|seed:think)"
# A kind of markup -> how it opens and closes. Names of the special tokens: Cohere, Open-Thoughts, Apertus, MedGemma, Kimi, Mistral.
_PAIRS = {
    "tag": (rf"<\|?{_NAMES}(?:\s[^<>\n]{{0,200}})?\|?>", rf"<\|?/{_NAMES}\|?>"),
    "mistral": (r"\[THINK\]", r"\[/THINK\]"),
    "kimi": (r"◁think▷", r"◁/think▷"),
    "cohere": (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    "open_thoughts": (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    "apertus": (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    "gemma": (r"<unused94>", r"<unused95>"),
    "open_webui": (r"<details\s[^<>\n]{0,80}reasoning[^<>\n]{0,200}>", r"</details>"),
}
_OPENS = "|".join(opens for opens, _ in _PAIRS.values())
_CLOSES = "|".join(closes for _, closes in _PAIRS.values())
_TOKEN = re.compile(rf"(?P<open>{_OPENS})|(?P<close>{_CLOSES})", re.IGNORECASE)
_ESCAPED = re.compile(rf"&lt;(/?{_NAMES})&gt;", re.IGNORECASE)

# OpenAI's harmony format, and its remains where a server drops the special tokens.
_CHANNEL = re.compile(r"<\|?channel\|?>\s*(\w+)?", re.IGNORECASE)
_FINAL = re.compile(
    r"<\|?channel\|?>\s*final\b.*?(?:<\|message\|>|\n|$)|^\s*analysis.*?assistant\s*final(?:\s*json)?:?", re.IGNORECASE | re.DOTALL
)
_GEMMA_CLOSE = re.compile(r"<channel\|>", re.IGNORECASE)

# Thoughts under a label, and the label under which the answer follows: Granite, and models that must reason first.
_EDGE = r"[ \t]*(?:#{1,6}[ \t]*)?[*_]{0,3}"
_LABEL_END = r"[*_]{0,3}[ \t]*(?::[*_]{0,3}|：|\n)"  # noqa: RUF001 - Chinese models write this colon
_THOUGHTS_LABEL = re.compile(
    rf"\s*{_EDGE}(?:here is my thought process|(?:step[- ]by[- ]step )?(?:thinking|thought|reasoning|analysis)(?: process)?){_LABEL_END}",
    re.IGNORECASE,
)
_ANSWER_LABEL = re.compile(
    rf"^{_EDGE}(?:here is my response|(?:final )?(?:answer|caption|description|response|output)|conclusion){_LABEL_END}",
    re.IGNORECASE | re.MULTILINE,
)

MARKERS = re.compile(
    r"<\|[\w./-]{1,40}\|>|<｜[^<>｜\n]{1,40}｜>|</?s>|<(?:bos|eos|pad|end_of_turn|start_of_turn|end_of_utterance|unused\d{1,3})>|</?answer>"  # noqa: RUF001
    r"|\[/?INST\]|<(?:image|video)>",
    re.IGNORECASE,
)
"""Special tokens of chat formats that a server leaves in the text. DeepSeek's have full-width bars."""
_ROLE = re.compile(
    r"\s*(?:(?:<\|im_start\|>|<\|start_header_id\|>|<\|start\|>|<start_of_turn>)\s*(?:assistant|model)\b\s*(?:<\|end_header_id\|>)?"
    r"|(?:assistant|model)[ \t]*\n|assistant:)",
    re.IGNORECASE,
)


def without_reasoning(text: str) -> str | None:
    """The answer that follows or precedes the thoughts in `text`; None if there is nothing but thoughts."""
    text = _ESCAPED.sub(r"<\1>", text)
    final = list(_FINAL.finditer(text))
    if final:
        text = text[final[-1].end() :]
    elif channel := _CHANNEL.search(text):
        closed = list(_GEMMA_CLOSE.finditer(text))
        rest = text[closed[-1].end() :] if closed else ""
        if not rest.strip():
            return None
        text = text[: channel.start()] + rest
    return _outside_of_markup(text) if _TOKEN.search(text) else _after_label(text)


def without_role(text: str) -> str:
    """`text` without the name of the speaker, which some chat templates let the model repeat."""
    return text[match.end() :] if (match := _ROLE.match(text)) else text


def _outside_of_markup(text: str) -> str | None:
    """The last part of `text` that is no thought. Thoughts that are not opened begin with the text; those not closed end with it."""
    parts: list[str] = []
    begin: int | None = 0  # of the part that is no thought; None in a thought
    for token in _TOKEN.finditer(text):
        if token["close"]:
            if begin is not None:  # closed without having been opened
                parts.clear()
            begin = token.end()
        elif begin is not None:
            parts.append(text[begin : token.start()])
            begin = None
    if begin is not None:
        parts.append(text[begin:])
    return next((part for part in reversed(parts) if MARKERS.sub("", part).strip()), None)


def _after_label(text: str) -> str:
    """What stands under the last label of an answer, if `text` begins with thoughts under a label."""
    thoughts = _THOUGHTS_LABEL.match(text)
    answers = list(_ANSWER_LABEL.finditer(text, thoughts.end())) if thoughts else []
    rest = text[answers[-1].end() :] if answers else ""
    return rest if rest.strip() else text
