"""The network of the matcher, as functions of its parameters: a scene with a text, and a track, become vectors of one space.

A Transformer reads one token for each segment and each phrase, and a summary token; the summary moves a weighted mean of the embeddings.
A track's embedding is moved by two layers. Without training, both sides are the embeddings themselves: training starts from plain
likeness in meaning, which a small number of pairs could not teach.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log

import torch
from torch import Tensor
from torch.nn import functional

from streamtags.matching.features import QueryBatch
from streamtags.matching.options import MatcherSizes, parameter_shapes

__all__ = ["Network", "contrast", "initial_parameters"]

_FIRST_SCALE, _MAX_SCALE = 20.0, 100.0
_STARTS_AT_ZERO = frozenset({"query.weight", "track_out.weight"})


def initial_parameters(sizes: MatcherSizes, seed: int) -> dict[str, Tensor]:
    """Draw the parameters of an untrained matcher."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, shape in parameter_shapes(sizes).items():
        if name == "log_scale":
            value = torch.full(shape, log(_FIRST_SCALE))
        elif name == "shares" or name.endswith("norm.weight"):
            value = torch.ones(shape)
        elif name.endswith("bias") or name in _STARTS_AT_ZERO:
            value = torch.zeros(shape)
        else:
            value = torch.randn(shape, generator=generator) * shape[-1] ** -0.5
        parameters[name] = value
    return parameters


class Network:
    """Applies parameters.

    Args:
        parameters: tensors by the names of `parameter_shapes`.
        sizes: to which they belong.
        dropout: share of values that are left out while training.
        generator: draws which; None leaves out none.
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], sizes: MatcherSizes, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> None:
        self._parameters, self._sizes, self._dropout, self._generator = parameters, sizes, dropout, generator

    def queries(self, batch: QueryBatch, has_text: Tensor | None = None) -> Tensor:
        """Return float32 [queries, dimensions], rows of length 1.

        Args:
            batch: the queries.
            has_text: bool [queries]: whose text is used; None for all.
        """
        space = self._sizes.dimensions
        segments, phrases = torch.from_numpy(batch.segments), torch.from_numpy(batch.phrases)
        has_segment, has_phrase = torch.from_numpy(batch.has_segment), torch.from_numpy(batch.has_phrase)
        if has_text is not None:
            has_phrase = has_phrase & has_text[:, None]
        tokens, is_there = self._tokens(segments, has_segment, phrases, has_phrase)
        for layer in range(self._sizes.layers):
            tokens = self._layer(f"layer{layer}", tokens, is_there)
        moved = self._linear("query", self._norm("query_norm", tokens[:, 0]))
        means = [
            _mean(segments[..., :space], has_segment),
            _mean(segments[..., space : 2 * space], has_segment),
            _mean(phrases, has_phrase),
        ]
        plain = torch.einsum("k,kqd->qd", self._parameters["shares"], torch.stack(means))
        return functional.normalize(plain + moved, dim=-1)

    def tracks(self, features: Tensor) -> Tensor:
        """Return float32 [tracks, dimensions], rows of length 1, from the features of tracks."""
        hidden = self._left_out(functional.gelu(self._linear("track_in", self._left_out(features))))
        return functional.normalize(features[:, : self._sizes.dimensions] + self._linear("track_out", hidden), dim=-1)

    def scale(self) -> Tensor:
        """Return by what the cosines are multiplied before the softmax."""
        return self._parameters["log_scale"].clamp(max=log(_MAX_SCALE)).exp()

    def _tokens(self, segments: Tensor, has_segment: Tensor, phrases: Tensor, has_phrase: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens float32 [queries, tokens, width], the summary first, and which of them are there."""
        begin, end = self._parameters["order"]
        place = (has_segment.cumsum(1) - 1) / (has_segment.sum(1, keepdim=True) - 1).clamp(min=1)
        of_segments = self._linear("segment", self._left_out(segments)) + (1 - place)[..., None] * begin + place[..., None] * end
        summary = self._parameters["summary"].expand(len(segments), 1, -1)
        tokens = torch.cat([summary, of_segments, self._linear("phrase", self._left_out(phrases))], dim=1)
        return tokens, torch.cat([torch.ones(len(segments), 1, dtype=torch.bool), has_segment, has_phrase], dim=1)

    def _layer(self, name: str, tokens: Tensor, is_there: Tensor) -> Tensor:
        """Apply a layer with its norms first: R. Xiong et al., "On Layer Normalization in the Transformer Architecture", 2020."""
        count, length, width = tokens.shape
        mixed = self._linear(f"{name}.mix", self._norm(f"{name}.attention_norm", tokens))
        query, key, value = mixed.view(count, length, 3, self._sizes.heads, -1).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=is_there[:, None, None])
        tokens = tokens + self._left_out(self._linear(f"{name}.join", seen.transpose(1, 2).reshape(count, length, width)))
        hidden = functional.gelu(self._linear(f"{name}.widen", self._norm(f"{name}.forward_norm", tokens)))
        return tokens + self._left_out(self._linear(f"{name}.narrow", hidden))

    def _linear(self, name: str, values: Tensor) -> Tensor:
        return functional.linear(values, self._parameters[f"{name}.weight"], self._parameters[f"{name}.bias"])

    def _norm(self, name: str, values: Tensor) -> Tensor:
        return functional.layer_norm(values, values.shape[-1:], self._parameters[f"{name}.weight"], self._parameters[f"{name}.bias"])

    def _left_out(self, values: Tensor) -> Tensor:
        """Leave out a share of values; drawn here, not by torch's own dropout, whose state would have to be saved."""
        if self._generator is None or not self._dropout:
            return values
        keep = torch.rand(values.shape, generator=self._generator) >= self._dropout
        return values * keep / (1 - self._dropout)


def contrast(queries: Tensor, tracks: Tensor, scale: Tensor, is_same: Tensor) -> Tensor:
    """Return the InfoNCE loss of a batch, in both directions: A. van den Oord et al., "Representation Learning with CPC", 2018.

    Args:
        queries: float32 [pairs, dimensions].
        tracks: float32 [pairs, dimensions], in the same order.
        scale: multiplies the cosines.
        is_same: bool [pairs, pairs]: pairs of one track, which are no examples of what does not fit.
    """
    others = is_same & ~torch.eye(len(queries), dtype=torch.bool)
    logits = (scale * queries @ tracks.T).masked_fill(others, float("-inf"))
    right = torch.arange(len(queries))
    return (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2


def _mean(values: Tensor, is_there: Tensor) -> Tensor:
    """Return the mean over the tokens that are there, 0 without any; rows of length 1 or 0."""
    total = (values * is_there[..., None]).sum(1)
    return functional.normalize(total, dim=-1)
