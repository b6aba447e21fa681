"""How the answers of installed stages are printed."""

from __future__ import annotations

import json

from streamtags.cli.views import printable
from streamtags.core.answers import face_words, heard_words
from streamtags.core.state import SegmentState

__all__ = ["answer_lines"]

_MAX_VALUE_CHARACTERS = 200


def answer_lines(segment: SegmentState) -> list[str]:
    """Return a line for each stage that has answered: its name and the fields of its answer."""
    return [f"       {printable(stage)}: {_words(segment, stage) or _fields(answer)}" for stage, answer in segment.answers.items()]


def _words(segment: SegmentState, stage: str) -> str:
    """Return the answer of a stage that has words for it; "" for any other."""
    if stage == "heard":
        return printable(heard_words(segment.answers))
    if stage == "faces":
        return printable(face_words(segment.answers)) or ("no faces" if segment.answers[stage].get("count") == 0 else "")
    return ""


def _fields(answer: dict[str, object]) -> str:
    lines = answer.get("lines")
    if isinstance(lines, list):  # text on screen, a transcript
        texts = [str(line.get("text", "")) for line in lines if isinstance(line, dict)]
        return printable(" / ".join(texts)[:_MAX_VALUE_CHARACTERS]) or "nothing"
    return ", ".join(f"{printable(name)} {_value(value)}" for name, value in answer.items() if name != "rev")


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text[:_MAX_VALUE_CHARACTERS])
