"""Model files: TOML that says how a captioning model takes pictures, how it is served and under what license.

A new model is a new file, not new code.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from streamtags.config.options import Options, read_options
from streamtags.core.errors import ConfigError
from streamtags.stages.caption.frames import Fit

__all__ = ["CaptionSettings", "ModelConfig", "ServeSettings", "load_model_config", "shipped_models"]


class CaptionSettings(Options):
    """How requests to the model are made; the captioner's options of the same names."""

    prompt: str = Field("describe", description="a prompt template: the name of one that ships, or a .txt file")
    frames: int = Field(8, ge=1, le=64, description="most pictures shown of a segment")
    image_size: int = Field(336, ge=28, le=2048, description="pixels of the model's square, or of the longer side with fit = keep")
    fit: Fit = Field("stretch", description="stretch or letterbox to the square; keep leaves the proportions")
    transport: Literal["video_url", "image_list"] = Field("video_url", description="image_list for models without video")
    max_tokens: int = Field(160, ge=1, description="most tokens of a caption")
    extra_body: dict[str, Any] = Field(default_factory=dict, description="further keys of the request body")


class ServeSettings(Options):
    """Arguments of `vllm serve` for the model."""

    dtype: Literal["auto", "half", "bfloat16", "float32"] = Field("auto", description="arithmetic; auto is the checkpoint's own")
    max_model_len: int = Field(4096, ge=256, description="longest prompt and answer together, in tokens")
    max_num_seqs: int = Field(16, ge=1, description="captions generated at once")
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1, description="share of the GPU's memory to use")
    arguments: tuple[str, ...] = Field((), description="further arguments of vllm serve")


class ModelConfig(Options):
    """One model. `name` is the file's name without its ending, and the name under which it is served."""

    name: str = Field(min_length=1, description="name under which it is served")
    title: str = Field(description="name for people")
    model: str = Field(min_length=1, description="Hugging Face id, or a folder")
    license: str = Field(description="terms of the weights, in a few words")
    weights_gib: float = Field(gt=0, description="size of the weights in 16 bits, in GiB")
    caption: CaptionSettings = Field(default_factory=CaptionSettings, description="how requests to it are made")
    serve: ServeSettings = Field(default_factory=ServeSettings, description="how it is served")

    def openai_options(self) -> dict[str, Any]:
        """Options of the captioner `openai` for this model, without the server's address."""
        return {"model": self.name, **self.caption.model_dump()}

    def transformers_options(self) -> dict[str, Any]:
        """Options of the captioner `transformers` for this model in process."""
        options = self.caption.model_dump(exclude={"transport", "extra_body"})
        return {"model": self.model, "as_video": self.caption.transport == "video_url", **options}


def shipped_models() -> dict[str, Path]:
    """The model files that come with streamtags, by name."""
    package = Path(__file__).parents[2]
    installed, checkout = package / "configs" / "models", package.parent / "configs" / "models"
    folder = installed if installed.is_dir() else checkout
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_model_config(name_or_path: str | Path) -> ModelConfig:
    """Read a model by the name of a shipped file, or by the path of a file. A `model` that begins with a dot is relative to its file.

    The key `licence`, the spelling of earlier versions, is read as `license`.

    Raises:
        ConfigError: there is no such file, it is not TOML, or a key is unknown, missing or wrong.
    """
    shipped = shipped_models()
    path = shipped.get(str(name_or_path), Path(name_or_path).expanduser())
    if path.suffix != ".toml":
        raise ConfigError(
            f"no model {str(name_or_path)!r}", where="model", hint=f"choose one of {', '.join(shipped)}, or name a .toml file"
        )
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint="check the path") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of thousands of digits, or nested too deep
        raise ConfigError(f"is not TOML: {error}", where=str(path)) from error
    if "licence" in read and "license" not in read:
        read["license"] = read.pop("licence")
    config = read_options(ModelConfig, {"name": path.stem, **read}, str(path))
    if config.model.startswith("."):
        config = config.model_copy(update={"model": str((path.parent / config.model).resolve())})
    return config
