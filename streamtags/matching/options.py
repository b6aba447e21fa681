"""What a matcher looks like: its sizes, and from them the name and shape of every parameter."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streamtags.matching.features import SEGMENT_NUMBERS, TRACK_NUMBERS

__all__ = ["MatcherSizes", "TrainingOptions", "parameter_shapes"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MatcherSizes(_Strict):
    """Sizes of a matcher."""

    embedder: str = Field(max_length=100, description="name of the text embeddings")
    dimensions: int = Field(ge=1, le=4096, description="length of a text embedding, and of the space in which both sides are compared")
    width: int = Field(128, ge=4, le=1024, description="length of a token inside the Transformer")
    layers: int = Field(2, ge=1, le=8, description="layers of the Transformer")
    heads: int = Field(4, ge=1, le=32, description="attention heads of a layer")

    @model_validator(mode="after")
    def _divisible(self) -> MatcherSizes:
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} cannot be divided among {self.heads} heads")
        return self


class TrainingOptions(_Strict):
    """How a matcher is trained. The same options, pairs and library give the same matcher on the same machine."""

    epochs: int = Field(40, ge=1, le=10_000, description="passes over the pairs")
    batch: int = Field(128, ge=2, le=4096, description="pairs that are compared with each other in one step")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="highest rate of the schedule")
    weight_decay: float = Field(0.05, ge=0, le=1, description="of AdamW")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values inside the network that are left out in a step")
    text_dropout: float = Field(0.5, ge=0, le=1, description="share of pairs whose text is left out in a step")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="of everything that is drawn")

    def key(self) -> dict[str, Any]:
        """Return the options in plain JSON types."""
        return self.model_dump(mode="json")


def parameter_shapes(sizes: MatcherSizes) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter by name, in the order in which they are drawn."""
    space, width = sizes.dimensions, sizes.width
    shapes: dict[str, tuple[int, ...]] = {
        "segment.weight": (width, 2 * space + SEGMENT_NUMBERS),
        "segment.bias": (width,),
        "phrase.weight": (width, space),
        "phrase.bias": (width,),
        "summary": (width,),
        "order": (2, width),
    }
    for layer in range(sizes.layers):
        for norm in ("attention_norm", "forward_norm"):
            shapes |= {f"layer{layer}.{norm}.weight": (width,), f"layer{layer}.{norm}.bias": (width,)}
        for name, outputs, inputs in (
            ("mix", 3 * width, width),
            ("join", width, width),
            ("widen", 2 * width, width),
            ("narrow", width, 2 * width),
        ):
            shapes |= {f"layer{layer}.{name}.weight": (outputs, inputs), f"layer{layer}.{name}.bias": (outputs,)}
    return shapes | {
        "query_norm.weight": (width,),
        "query_norm.bias": (width,),
        "query.weight": (space, width),
        "query.bias": (space,),
        "shares": (3,),
        "track_in.weight": (2 * width, space + TRACK_NUMBERS),
        "track_in.bias": (2 * width,),
        "track_out.weight": (space, 2 * width),
        "track_out.bias": (space,),
        "log_scale": (1,),
    }
