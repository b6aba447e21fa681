"""Prompts for captioning models and captions from their answers. Pure: no model, no network.

A prompt template is a plain text file with named fields in braces. A field's value is data: it can neither end the prompt's turn nor
open a field of its own. A line is left out if one of its fields has no value, so context stays optional.
"""

from __future__ import annotations

import json
import string
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamtags.core.answers import screen_text
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.model import CaptionRequest, Evidence
from streamtags.stages.cleaning import Reply, description_of

__all__ = ["FIELDS", "Prompt", "caption_text", "clean_caption", "fields_of", "load_prompt", "one_line", "shipped_prompts"]

FIELDS: dict[str, str] = {
    "segment": "number of the segment, from 1",
    "seconds": "length of the segment in seconds, one decimal",
    "frames": "number of pictures shown",
    "previous": "caption of the segment before, quoted; none at the start",
    "facts": "what was measured of picture and sound, name=value",
    "text": "what the source itself says there, subtitles and notes, quoted; none where there is none",
    "screen": "text on screen as a program read it, quoted; none where there is none",
}
_TEMPLATES = Path(__file__).parent / "templates"
_MAX_TEMPLATE = 20_000
_MAX_INSERT = 600


@dataclass(frozen=True, slots=True)
class Prompt:
    """A checked template. `name` is the file's name without its ending."""

    name: str
    text: str

    @property
    def fields(self) -> frozenset[str]:
        """The fields it names."""
        return frozenset(field for _, field, _, _ in string.Formatter().parse(self.text) if field is not None)

    def render(self, values: Mapping[str, str]) -> str:
        """Fill in `values`; lines whose field has no value are left out. Values are never read as templates."""
        lines = []
        for line in self.text.splitlines():
            parts = list(string.Formatter().parse(line))
            if all(values.get(field) for _, field, _, _ in parts if field is not None):
                lines.append("".join(literal + (values[field] if field is not None else "") for literal, field, _, _ in parts))
        return "\n".join(lines).strip()


def shipped_prompts() -> tuple[str, ...]:
    """Names of the templates that come with streamtags."""
    return tuple(sorted(path.stem for path in _TEMPLATES.glob("*.txt")))


def load_prompt(name: str) -> Prompt:
    """A template by the name of one that ships, or by the path of a file ending in .txt.

    Raises:
        ConfigError: there is none, it cannot be read, or it names a field that does not exist.
    """
    path = Path(name).expanduser() if name.endswith(".txt") else _TEMPLATES / f"{name}.txt"
    if not name.endswith(".txt") and name not in shipped_prompts():
        raise ConfigError(
            f"no prompt template {name!r}", where="prompt", hint=f"choose one of {', '.join(shipped_prompts())}, or name a .txt file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint="check the path given as prompt") from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text", where=str(path)) from error
    if len(text) > _MAX_TEMPLATE or not text.strip():
        raise ConfigError(f"a prompt has between 1 and {_MAX_TEMPLATE} characters", where=str(path))
    try:
        for line in text.splitlines():
            for _, field, spec, conversion in string.Formatter().parse(line):
                if field is not None and (field not in FIELDS or spec or conversion):
                    raise ConfigError(
                        f"no field {{{field}}}", where=str(path), hint=f"known are {', '.join(FIELDS)}; write {{{{ for a brace"
                    )
    except ValueError as error:
        raise ConfigError(f"not a template: {error}", where=str(path), hint="write {{ and }} for literal braces") from error
    return Prompt(path.stem, text.strip())


def fields_of(request: CaptionRequest, frames: int, wanted: Collection[str] = FIELDS.keys()) -> dict[str, str]:
    """Values of a template's fields for one segment; fields without a value are absent.

    Args:
        request: the segment and, where known, the caption before.
        frames: number of pictures in the request.
        wanted: the fields the template names; listing measurements is the expensive part of a short prompt.
    """
    measured = request.measured
    values = {
        "segment": str(measured.segment.index + 1),
        "seconds": f"{measured.segment.seconds:.1f}",
        "frames": str(frames),
        "facts": _facts(measured.evidence) if "facts" in wanted else "",
        "previous": _quoted(request.previous or ""),
        "text": _quoted(measured.text),
        "screen": _quoted(screen_text(request.answers)),
    }
    return {name: value for name, value in values.items() if value and name in wanted}


def one_line(text: str, limit: int) -> str:
    """`text` as one line of at most `limit` characters, without control, format or unassigned characters; cut at a word."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text[: 4 * limit])
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def clean_caption(text: str, limit: int) -> str:
    """A description as a caption: one line, at most `limit` characters, without the quotes and labels that models add."""
    caption = one_line(text, limit)
    for label in ("caption:", "description:"):
        if caption.lower().startswith(label):
            caption = caption[len(label) :].strip()
    if len(caption) > 1 and caption[0] == caption[-1] == '"' and '"' not in caption[1:-1]:
        caption = caption[1:-1].strip()
    return caption


def caption_text(reply: Reply, limit: int, where: str) -> str:
    """The caption in a cleaned answer.

    Args:
        reply: from `clean_answer`.
        limit: most characters.
        where: model and address, for errors.

    Raises:
        ModelError: the answer is a refusal, a loop, cut off, or has no words.
    """
    text = clean_caption(description_of(reply, where), limit)
    if text:
        return text
    hint = "try another prompt or model"
    raise ModelError("the answer has no words", where=where, code="model.invalid_answer", retryable=True, usage=reply.usage, hint=hint)


def _quoted(text: str) -> str:
    """Text from outside as a JSON string on one line; `<` and `>` are escaped, so it cannot contain a chat template's markers."""
    line = one_line(text, _MAX_INSERT)
    return json.dumps(line, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e") if line else ""


def _facts(evidence: Evidence) -> str:
    shown = []
    for name, value in evidence.items():
        if isinstance(value, bool) or value is None or isinstance(value, list):
            continue
        shown.append(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}")
    line = one_line(", ".join(shown), _MAX_INSERT)
    return line.replace("<", "").replace(">", "")
