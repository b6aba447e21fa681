"""Training a matcher on pairs of scenes and tracks. It can be interrupted between epochs and goes on to the same result.

Everything that is drawn in an epoch depends on the seed and the number of the epoch alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from streamtags.core.errors import UsageError
from streamtags.matching.checkpoint import Arrays, Checkpoint, read_checkpoint, write_checkpoint
from streamtags.matching.features import Floats, Query, batch_of
from streamtags.matching.network import Network, contrast, initial_parameters
from streamtags.matching.options import MatcherSizes, TrainingOptions

__all__ = ["Epoch", "Example", "train"]

_STATES = ("state.mean.", "state.square.")
_BETAS, _TINY = (0.9, 0.999), 1e-8  # of Adam, with the values of its paper
_WARM_UP = 0.1  # share of the steps in which the rate rises


@dataclass(frozen=True, slots=True)
class Example:
    """A scene, with the texts that may stand for what a person wishes, and the track that was chosen.

    Attributes:
        queries: the scene with each text; one without phrases if there is no text.
        track: place of the track in the features of all tracks.
    """

    queries: tuple[Query, ...]
    track: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch that is done: its number from 1, and the mean loss of its steps."""

    number: int
    loss: float


def train(
    examples: Sequence[Example],
    tracks: Floats,
    sizes: MatcherSizes,
    options: TrainingOptions,
    *,
    state: Path | None = None,
    notice: Callable[[Epoch], None] = lambda _: None,
) -> Arrays:
    """Return the parameters of a matcher that was trained on examples.

    Args:
        examples: at least two.
        tracks: float32 [tracks, features].
        sizes: of the network.
        options: how it is trained.
        state: file in which the training is saved after each epoch, and from which it goes on; it is deleted at the end.
        notice: called after each epoch.

    Raises:
        UsageError: there are too few examples, or the saved training is of other pairs, tracks, sizes or options.
    """
    if len(examples) < 2:
        raise UsageError("a matcher needs two pairs or more", where="training", hint="add pairs")
    with _one_thread():
        training = _Training(examples, tracks, sizes, options)
        if state is not None and state.is_file():
            training.load(state)
        while training.epoch < options.epochs:
            loss = training.run_epoch()
            if state is not None:
                training.save(state)
            notice(Epoch(training.epoch, loss))
    if state is not None:
        state.unlink(missing_ok=True)
    return training.parameters()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: sums then do not depend on the number of cores, and steps as small as these gain nothing from more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Training:
    """Parameters, the moments of AdamW, and how many epochs are done."""

    def __init__(self, examples: Sequence[Example], tracks: Floats, sizes: MatcherSizes, options: TrainingOptions) -> None:
        self._examples, self._sizes, self._options = examples, sizes, options
        self._tracks = torch.from_numpy(np.ascontiguousarray(tracks, np.float32))
        self._values = {name: value.requires_grad_() for name, value in initial_parameters(sizes, options.seed).items()}
        self._moments = [{name: torch.zeros_like(value) for name, value in self._values.items()} for _ in _STATES]
        self._steps_per_epoch = -(-len(examples) // options.batch)
        self.epoch = 0

    def parameters(self) -> Arrays:
        """Return the parameters as arrays."""
        return {name: value.detach().numpy().copy() for name, value in self._values.items()}

    def run_epoch(self) -> float:
        """Go through all examples once, in an order of this epoch; return the mean loss."""
        drawn = np.random.default_rng([self._options.seed, self.epoch])
        generator = torch.Generator().manual_seed(int(drawn.integers(2**62)))
        batches = np.array_split(drawn.permutation(len(self._examples)), self._steps_per_epoch)
        losses = [self._step(batch, place, drawn, generator) for place, batch in enumerate(batches)]
        self.epoch += 1
        return float(np.mean(losses))

    def _step(self, batch: NDArray[np.intp], place: int, drawn: np.random.Generator, generator: torch.Generator) -> float:
        examples = [self._examples[number] for number in batch]
        queries = [example.queries[drawn.integers(len(example.queries))] for example in examples]
        has_text = torch.from_numpy(drawn.random(len(examples)) >= self._options.text_dropout)
        chosen = torch.tensor([example.track for example in examples])
        network = Network(self._values, self._sizes, self._options.dropout, generator)
        loss = contrast(
            network.queries(batch_of(queries), has_text),
            network.tracks(self._tracks[chosen]),
            network.scale(),
            chosen[:, None] == chosen[None],
        )
        gradients = torch.autograd.grad(loss, list(self._values.values()))
        self._improve(dict(zip(self._values, gradients, strict=True)), self.epoch * self._steps_per_epoch + place)
        return float(loss.detach())

    def _improve(self, gradients: dict[str, Tensor], step: int) -> None:
        """Take a step of AdamW: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2."""
        rate = self._options.learning_rate * _schedule(step, self._steps_per_epoch * self._options.epochs)
        corrections = [1 - beta ** (step + 1) for beta in _BETAS]
        with torch.no_grad():
            for name, value in self._values.items():
                gradient = gradients[name]
                mean, square = (moments[name] for moments in self._moments)
                mean.mul_(_BETAS[0]).add_(gradient, alpha=1 - _BETAS[0])
                square.mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
                if name.endswith("weight") and value.ndim == 2:
                    value.mul_(1 - rate * self._options.weight_decay)
                value.sub_(rate * (mean / corrections[0]) / ((square / corrections[1]).sqrt() + _TINY))

    def save(self, path: Path) -> None:
        """Write everything that the next epoch needs."""
        arrays = self.parameters()
        for state, moments in zip(_STATES, self._moments, strict=True):
            arrays |= {f"{state}{name}": value.numpy() for name, value in moments.items()}
        write_checkpoint(path, Checkpoint(self._sizes, arrays, self._facts()))

    def load(self, path: Path) -> None:
        """Go on where a file ends."""
        saved = read_checkpoint(path, _STATES)
        epoch = saved.facts.get("epoch")
        mine = {**self._facts(), "epoch": epoch}
        if dict(saved.facts) != mine or saved.sizes != self._sizes or not isinstance(epoch, int) or not 0 <= epoch <= self._options.epochs:
            hint = "delete the file to begin anew, or give the pairs and options with which it was begun"
            raise UsageError("is an interrupted training of other pairs or options", where=str(path), hint=hint)
        with torch.no_grad():
            for name, value in self._values.items():
                value.copy_(torch.from_numpy(saved.arrays[name]))
                for state, moments in zip(_STATES, self._moments, strict=True):
                    moments[name].copy_(torch.from_numpy(saved.arrays[f"{state}{name}"]))
        self.epoch = epoch

    def _facts(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "options": self._options.key(), "data": _digest(self._examples, self._tracks)}


def _schedule(step: int, steps: int) -> float:
    """Return the share of the highest rate: a rise, then half a cosine down to 0."""
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return (1 + cos(pi * (step - warm_up) / max(1, steps - warm_up))) / 2


def _digest(examples: Sequence[Example], tracks: Tensor) -> str:
    """Return a digest of everything that is learned from."""
    total = hashlib.sha256(tracks.numpy().tobytes())
    for example in examples:
        total.update(json.dumps([example.track, [len(query.segments) for query in example.queries]]).encode())
        for query in example.queries:
            total.update(query.segments.tobytes())
            total.update(query.phrases.tobytes())
    return total.hexdigest()
