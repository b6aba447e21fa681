"""Sentences in which language models decline, introduce an answer or offer help, as patterns. Pure."""

from __future__ import annotations

import re

from streamtags.stages.refusals import declines

__all__ = ["is_label", "is_offer", "is_refusal", "without_preamble", "without_refusal"]

_APOLOGY = (
    r"(?:unfortunately|apologies|my apologies|sorry|i(?:'m| am) (?:very |really |so )?sorry|i apologi[sz]e)\b"
    r"[^.!?]{0,40}?[,.:;!-]?\s*(?:but |however,? )?"
)
_HESITATION = r"(?:(?:h?mm+|well|oh|ah|um)[,.!]? |due to [^,.]{0,60},? )"
_AS_AN_AI = r"(?:as an? (?:ai|artificial|language|text)[^,.]{0,60},?\s*)?"
_PICTURES = r"(?:images?|pictures?|videos?|frames?|photos?|clips?)"
_REFUSALS = (
    # "I can't help with that", "I'm unable to view images"
    r"i(?:'m| am)? ?(?:simply |currently )?(?:cannot|can't|can not|could not|couldn't|won't|will not|unable to|not able to|not allowed to"
    r"|not permitted to|not comfortable|(?:do not|don't) have the ability to|must decline|have to decline|decline to"
    r"|would (?:prefer|rather) not|have no (?:way|ability|access|means)|lack the ability)\b",
    r"i'd (?:prefer|rather) not\b",
    r"i (?:can )?only (?:process|read|handle|work with|understand|support) (?:text|written)",
    rf"i need (?:the|an?|to see the|access to the) (?:actual )?{_PICTURES}\b",
    r"i(?:'m| am| was) (?:just |only |merely |programmed to be )?an? (?:text[- ](?:based|only) |large |harmless )*"
    r"(?:ai|artificial|language model)\b",
    r"it(?:'s| is) (?:not possible|impossible) for me\b",
    r"that(?:'s| is) (?:not something i can|something i (?:can't|cannot|can not|am not able to|won't))\b",
    r"i (?:do not|don't|did not|didn't) (?:actually )?(?:see|have|receive|view)\b",
    # "No image was provided", "Please upload the video"
    rf"(?:no|there (?:is|are|was|were) no) {_PICTURES}\b[^.]{{0,40}}\b(?:provided|attached|given|shared|uploaded|included|visible to me)",
    r"(?:please|could you(?: please)?|can you(?: please)?) (?:provide|share|upload|attach|send|resend|describe|clarify|specify)\b",
    rf"it (?:seems|appears|looks like)[^.]{{0,40}}\b{_PICTURES}\b[^.]{{0,40}}\b(?:not|n't|missing)\b",
    # "This request violates our policy", "As an AI language model"
    r"(?:this|the|that|your) (?:request|content|image|video|prompt) (?:may |might |could |would |appears to |seems to )?"
    r"(?:violates?|goes? against|is against)\b",
    r"(?:this|the|your) (?:request|prompt|content|message) (?:was|has been|is|got) "
    r"(?:flagged|blocked|rejected|denied|refused|filtered|removed)\b",
    r"content (?:was |has been |is )?(?:removed|blocked|filtered|withheld) (?:due|because|by)\b",
    # Failures in words, as "unable to process image" or "The image could not be loaded"
    r"error\W{1,3}(?:unable|failed|could not|cannot|can't|couldn't)\b",
    rf"(?:the|this|your) {_PICTURES} (?:could not|cannot|can't|couldn't|failed to) (?:be )?"
    r"(?:load|process|open|display|access|render|decod|retriev)",
    r"as an? (?:text[- ]only |text[- ]based )?(?:model|ai|artificial intelligence|(?:large )?language model)\b",
)
_REFUSAL = re.compile(rf"{_HESITATION}?(?:{_APOLOGY})?{_AS_AN_AI}(?:{'|'.join(_REFUSALS)})", re.IGNORECASE)
_BARE_APOLOGY = re.compile(_APOLOGY, re.IGNORECASE)
# "I can't identify the person, but the image shows a man in a suit."
_BUT = re.compile(
    r",? but ((?:the (?:image|picture|video|scene|shot|frame|clip)s?|there (?:is|are)|it shows|this)\b(?:\s+\S+){4,})", re.IGNORECASE
)
_OFFERS = (
    r"if you(?:'d| would| have| need| want| can| could|'re| are| provide| share)\b",
    r"(?:please )?(?:feel free|let me know)\b",
    r"is there anything\b",
    r"(?:how|what) (?:else )?can i (?:help|do|assist)\b",
    r"would you like\b",
    r"do you (?:have|want|need)\b",
    r"i(?:'d be| would be|'m| am) happy to\b",
    r"i hope (?:this|that)\b",
    r"however, i can (?:help|try|offer|provide)\b",
    r"but (?:i can|feel free)\b",
    r"please (?:let|provide|share|upload|try|note)\b",
    r"(?:explanation|note|justification|rationale):",
)
_OFFER = re.compile("|".join(_OFFERS), re.IGNORECASE)
_LABEL = r"(?:final |video |image |short |one-sentence )?(?:caption|description|answer|response|summary)"
_PREAMBLE = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok|great|alright|yes)\b[!,.:]*\s*)?"
    rf"(?:here(?:'s| is| are)\b[^.:\n]{{0,80}}:|(?:sure|certainly|of course|absolutely)[!,.:]+)\s*(?:{_LABEL}[:：]\s*)?|{_LABEL}[:：]\s*",  # noqa: RUF001 - Chinese models write this colon
    re.IGNORECASE,
)
_HEADING = re.compile(_LABEL, re.IGNORECASE)


def is_refusal(sentence: str) -> bool:
    """Whether a sentence declines to describe, or is only an apology."""
    plain = _plain(sentence)
    return bool(_REFUSAL.match(plain) or _BARE_APOLOGY.fullmatch(plain) or declines(plain))


def is_label(sentence: str) -> bool:
    """Whether a sentence is only the heading of an answer, such as "Caption"."""
    return bool(_HEADING.fullmatch(sentence.strip(" :*#_")))


def is_offer(sentence: str) -> bool:
    """Whether a sentence offers help or poses a question to the user, as chat models do around an answer."""
    return bool(_OFFER.match(_plain(sentence)))


def without_refusal(sentence: str) -> str:
    """The part of a refusing sentence that describes: what follows "but the image", capitalized; "" if there is none."""
    rest = _BUT.search(sentence)
    return rest[1][:1].upper() + rest[1][1:] if rest else ""


def without_preamble(text: str) -> str:
    """`text` without a beginning such as "Sure! Here is the caption:"."""
    return text[match.end() :] if (match := _PREAMBLE.match(text)) else text


def _plain(sentence: str) -> str:
    return sentence.replace("’", "'").replace("‘", "'").lstrip("\"'*_# ")  # noqa: RUF001 - typographic apostrophes are meant
