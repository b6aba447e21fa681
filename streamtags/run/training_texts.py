"""The texts of pairs in which no person wrote one: by the classifier's language model, or by the template."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from streamtags.config.settings import Settings
from streamtags.core.errors import ConfigError, ModelError, UsageError
from streamtags.core.files import write_atomically
from streamtags.core.music import Track
from streamtags.core.ports import Readiness, TextWriter
from streamtags.matching.pairs import Pair
from streamtags.matching.texts import Analogy, analogy_prompt, template_texts, usable_text, words_of
from streamtags.run.backends import create_classifier
from streamtags.run.choice import choose_profile

__all__ = ["TextChoice", "TrainingTexts", "write_texts"]

TextChoice = Literal["auto", "model", "template", "none"]

_SAVED_AT_ONCE = 32
_NO_TEXT = frozenset({"model.refusal", "model.loop", "model.cut_off", "model.reasoning", "model.invalid_answer"})  # of one track


@dataclass(slots=True)
class TrainingTexts:
    """The texts of pairs.

    Attributes:
        written: what people wrote: pairs with a text of their own.
        by_model: texts by a language model, by the id of the track.
        by_template: texts by the template, likewise.
        model: the language model; "" without one.
        failed: tracks for which the model gave no usable text; they have those of the template.
    """

    written: int = 0
    by_model: dict[str, str] = field(default_factory=dict)
    by_template: dict[str, tuple[str, ...]] = field(default_factory=dict)
    model: str = ""
    failed: int = 0

    def of(self, pair: Pair) -> tuple[str, ...]:
        """Return the texts of a pair; each stands alone for what a person wished."""
        if pair.text:
            return (pair.text,)
        if pair.track in self.by_model:
            return (self.by_model[pair.track],)
        return self.by_template.get(pair.track, ())


def write_texts(pairs: Sequence[tuple[Pair, Track]], settings: Settings, choice: TextChoice, path: Path, seed: int) -> TrainingTexts:
    """Return a text or more for each pair.

    Args:
        pairs: with their tracks.
        settings: whose classifier's model writes.
        choice: `auto` takes the model if the settings have one, else the template.
        path: file in which the texts of the model are kept: a training that goes on does not pay for them again, and people can read
            and correct them.
        seed: of the template.

    Raises:
        ConfigError: `model` is demanded, and the settings have none that writes.
        ModelError: the model does not answer.
        UsageError: the file of texts is wrong; says the line.
    """
    texts = TrainingTexts(written=sum(1 for pair, _ in pairs if pair.text))
    missing = {track.track: track for pair, track in pairs if not pair.text and words_of(track)}
    if choice == "none" or not missing:
        return texts
    if choice != "template":
        written = [Analogy(words_of(track), pair.text) for pair, track in pairs if pair.text and words_of(track)]
        asyncio.run(_by_model(texts, missing, written, settings, path, is_needed=choice == "model"))
    texts.by_template = {name: template_texts(track, seed) for name, track in missing.items() if name not in texts.by_model}
    return texts


async def _by_model(
    texts: TrainingTexts, missing: Mapping[str, Track], written: Sequence[Analogy], settings: Settings, path: Path, *, is_needed: bool
) -> None:
    """Fill in the texts that a model writes, if the settings have one."""
    profile = (await choose_profile(settings)).settings.choose_profile()
    classifier = create_classifier(profile)
    try:
        if not isinstance(classifier, TextWriter):
            if is_needed:
                hint = "choose a profile with a language model, such as vllm, or --texts template"
                raise ConfigError("the classifier of this profile writes no texts", where=f"profile {settings.profile}", hint=hint)
            return
        if isinstance(classifier, Readiness):
            await classifier.ready()
        texts.model = classifier.model
        texts.by_model = {name: text for name, text in _read(path, classifier.model).items() if name in missing}
        rest = [track for name, track in missing.items() if name not in texts.by_model]
        turns = asyncio.Semaphore(profile.concurrency)
        for start in range(0, len(rest), _SAVED_AT_ONCE):
            batch = rest[start : start + _SAVED_AT_ONCE]
            answers = await asyncio.gather(*(_write(classifier, track, written, turns) for track in batch))
            texts.by_model |= {track.track: text for track, text in zip(batch, answers, strict=True) if text}
            texts.failed += sum(not text for text in answers)
            _save(path, texts)
    finally:
        await classifier.close()


async def _write(writer: TextWriter, track: Track, written: Sequence[Analogy], turns: asyncio.Semaphore) -> str:
    """Return the text of a track; "" if the model refuses, is busy or gives none."""
    async with turns:
        try:
            return usable_text(await writer.write(*analogy_prompt(track, written)))
        except ModelError as error:
            if error.retryable or error.code in _NO_TEXT:
                return ""
            raise


def _read(path: Path, model: str) -> dict[str, str]:
    """Return the texts of this model in a file, which people may have corrected."""
    texts = {}
    try:
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(path), hint="delete it to have the texts written again") from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            track, text, by = row["track"], row["text"], row["by"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            hint = "each line is an object with track, text and by"
            raise UsageError(f"line {number} is wrong: {error!r}"[:200], where=str(path), hint=hint) from error
        if by == model and isinstance(track, str) and isinstance(text, str) and (text := usable_text(text)):
            texts[track] = text
    return texts


def _save(path: Path, texts: TrainingTexts) -> None:
    rows = ({"track": track, "text": text, "by": texts.model} for track, text in texts.by_model.items())
    try:
        write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path), hint="check the folder and its permissions") from error
