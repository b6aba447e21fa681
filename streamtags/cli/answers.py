"""How the answers of installed stages are printed."""

from __future__ import annotations

import json

from streamtags.cli.views import printable
from streamtags.core.answers import face_words, heard_voices, heard_words
from streamtags.core.state import SegmentState
from streamtags.core.voices import is_same_voice

__all__ = ["answer_lines"]

_MAX_VALUE_CHARACTERS = 200


def answer_lines(segment: SegmentState, before: SegmentState | None = None) -> list[str]:
    """Return a line for each stage that has something to show: its name and the fields of its answer.

    Args:
        segment: has the answers.
        before: the segment before it, whose voices are compared with its own.
    """
    words_of = ((stage, _words(segment, stage, before) or _fields(answer)) for stage, answer in segment.answers.items())
    return [f"       {printable(stage)}: {words}" for stage, words in words_of if words]


def _words(segment: SegmentState, stage: str, before: SegmentState | None) -> str:
    """Return the answer of a stage that has words for it; "" for any other."""
    if stage == "heard":
        return printable("; ".join(filter(None, [heard_words(segment.answers), _voices(segment, before)])))
    if stage == "faces":
        return printable(face_words(segment.answers)) or ("no faces" if segment.answers[stage].get("count") == 0 else "")
    return ""


def _voices(segment: SegmentState, before: SegmentState | None) -> str:
    """Return what the voices say about a scene that begins here; "" if it is not clear."""
    is_same = is_same_voice(heard_voices(before.answers), heard_voices(segment.answers)) if before is not None else None
    if before is None or is_same is None:
        return ""
    return f"the same voice as in {before.segment}" if is_same else f"other voices than in {before.segment}"


def _fields(answer: dict[str, object]) -> str:
    lines = answer.get("lines")
    if isinstance(lines, list):  # text on screen, a transcript
        texts = [str(line.get("text", "")) for line in lines if isinstance(line, dict)]
        return printable(" / ".join(texts)[:_MAX_VALUE_CHARACTERS])
    return ", ".join(f"{printable(name)} {_value(value)}" for name, value in answer.items() if name != "rev")


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text[:_MAX_VALUE_CHARACTERS])
