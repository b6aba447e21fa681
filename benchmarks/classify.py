"""Measure tags from words: fit the calibration on one half of the labeled captions and report on the other.

    python benchmarks/classify.py            # figures of the shipped calibration
    python benchmarks/classify.py --write    # fit it again and write it into the package

The captions are our own, written as a video model would describe film shots, and subtitle lines; labels list every tag of both
vocabularies that the words support. A caption belongs to the development half where the CRC-32 of its text is even.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import streamtags.stages.tag.text as text_module
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.model import ClassifyRequest, EvidenceValue
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.tag.embedded import EmbeddedClassifier
from streamtags.stages.tag.text import Calibration, TagTexts, load_calibration

VOCABULARIES = ("seed-eight", "music-library")
CAPTIONS = Path(__file__).parents[1] / "examples" / "datasets" / "film-captions" / "items.jsonl"

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Half(NamedTuple):
    """Captions x tags of one vocabulary: whether a tag is right, how similar, whether the caption names it."""

    right: Truths
    similarity: Floats
    named: Floats

    def logits(self, fit: Calibration) -> Floats:
        """Return the values before the logistic function, shaped [captions, tags]."""
        count = np.clip(self.right.shape[1], *fit.tags)
        return np.asarray(fit.intercept + fit.log_tags * np.log(count) + fit.similarity * self.similarity + fit.named * self.named)


def halves(name: str) -> tuple[Half, Half]:
    """Return the development and the test half. A text too short to embed has similarity -1 to every tag."""
    vocabulary = load_vocabulary(name)
    texts = TagTexts(vocabulary.tags)
    parts: tuple[list[tuple[Truths, Floats, Floats]], ...] = ([], [])
    for line in CAPTIONS.read_text("utf-8").splitlines():
        row = json.loads(line)
        caption = row["caption"]
        similarity = texts.similarity(caption)
        named = np.zeros(len(vocabulary.tags))
        named[list(texts.named(caption))] = 1.0
        right = np.array([tag.name in row["labels"][name] for tag in vocabulary.tags])
        unknown = np.full(len(vocabulary.tags), -1.0)
        parts[zlib.crc32(caption.encode()) % 2].append((right, unknown if similarity is None else similarity, named))
    dev, test = (Half(*(np.stack(column) for column in zip(*part, strict=True))) for part in parts)
    return dev, test


def fit(dev: dict[str, Half], version: int) -> Calibration:
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
        return float(np.mean([f1(half.right, sigmoid(half.logits(draft)) >= threshold) for half in dev.values()]))

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


def report(name: str, label: str, half: Half, calibration: Calibration) -> None:
    """Print one line of figures."""
    confidence = sigmoid(half.logits(calibration))
    given = confidence >= calibration.threshold
    tagged = half.right.any(axis=1)
    top = confidence[tagged].argmax(axis=1)
    top1 = half.right[tagged][np.arange(len(top)), top].mean()
    by_tag = [average_precision(half.right[:, i], confidence[:, i]) for i in range(half.right.shape[1]) if half.right[:, i].any()]
    empty = ~tagged
    quiet = f"{int((~given[empty].any(axis=1)).sum())}/{int(empty.sum())}" if empty.any() else "-"
    precision = (given & half.right).sum() / max(1, given.sum())
    everywhere, of_given = calibration_error(half.right, confidence), calibration_error(half.right[given], confidence[given])
    print(
        f"{name:14} {label:5} {len(half.right):4} captions  top-1 {top1:.2f}  mAP {np.mean(by_tag):.2f}"
        f"  micro F1 {f1(half.right, given):.2f}  precision {precision:.2f}  ECE {everywhere:.3f}, of given tags {of_given:.3f}"
        f"  tags per caption {given.sum(axis=1).mean():.1f}  silent where nothing fits {quiet}"
    )


def speed(vocabulary: Vocabulary, label: str, count: int = 10_000) -> None:
    """Print CPU seconds for typical segments: evidence for all, a line of text for a third."""
    lines = [json.loads(line)["caption"] for line in CAPTIONS.read_text("utf-8").splitlines()]
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
        classifier = EmbeddedClassifier()
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
    text_module.embed(["warm"])
    print(f"wordllama: import and load {time.process_time() - start:.2f} CPU s, {peak() - before:.0f} MiB")


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="fit the calibration again and write it into the package")
    args = parser.parse_args()
    loading()
    both = {name: halves(name) for name in VOCABULARIES}
    shipped = load_calibration()
    fitted = fit({name: dev for name, (dev, _) in both.items()}, shipped.version)
    if args.write and fitted != shipped:
        fitted = fitted.model_copy(update={"version": shipped.version + 1})
        Path(text_module.__file__).with_name("calibration.json").write_text(fitted.model_dump_json(indent=2) + "\n", "utf-8")
        shipped = fitted
    print(f"calibration: {shipped.model_dump_json()}")
    if fitted != shipped:
        print("note: the captions give another calibration than the shipped one; --write replaces it")
    for name, (dev, test) in both.items():
        report(name, "dev", dev, shipped)
        report(name, "test", test, shipped)
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
    speed(many, "two thousand tags")
    return 0


if __name__ == "__main__":
    sys.exit(main())
