"""Measure the in-process captioner on a GPU: LLaVA-NeXT-Video of 7B parameters with random weights, in fp16 and nf4.

    python -m benchmarks gpu [--frames 8] [--captions 8] [--tokens 64] [--quantization none nf4] [--json FILE]

Random weights need no download and have the size, memory and speed of real ones; their captions are noise. The weights are written to a
folder once and then loaded by the project's own captioner (`streamtags.stages.caption.transformers`), with its options, prompt and
processor. For each kind of weights the output has: time to load, GPU memory after loading and its peak while captioning, captions and
tokens per second, and whether the frames reach the model in the order of time.

Needs a CUDA device with 16 GiB, 15 GB on disk, and `pip install '.[transformers]'`. The exit status is 2 without them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from streamtags.core.errors import ModelError
from streamtags.core.model import CaptionRequest, Measured, Segment
from streamtags.core.timebase import Clock
from streamtags.stages.caption.transformers import TransformersCaptioner, TransformersOptions
from streamtags.testing import PictureStill

# Tokenizer, chat template and processor; the small model of the tests has the same architecture.
TOKENIZER = Path(__file__).parents[1] / "tests" / "fixtures" / "tiny-llava-next-video"
IMAGE_SIZE = 336
SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "7b": {
        "text": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "heads": 32, "vocab_size": 32064},
        "vision": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16},
    },
    "small": {  # the same code in seconds, also on a CPU
        "text": {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "heads": 4, "vocab_size": 512},
        "vision": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4},
    },
}
PACKAGES = ("torch", "torchvision", "transformers", "accelerate", "bitsandbytes", "PIL")


def obstacle(device: str) -> str | None:
    """Return why the benchmark cannot run on this machine, None if it can."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}. Run: pip install '.[transformers]'"
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        return f"no CUDA device: torch {torch.__version__} sees none. Run this on a machine with an NVIDIA GPU and a CUDA build of torch"
    return None


def write_model(folder: Path, size: str, device: str) -> None:
    """Write a model with random weights in 16 bits, and its processor, to `folder`."""
    import torch
    import transformers

    library: Any = transformers
    config = json.loads((TOKENIZER / "config.json").read_text("utf-8"))
    text, vision = dict(SIZES[size]["text"]), SIZES[size]["vision"]
    heads = text.pop("heads")
    config["text_config"] |= {
        **text,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "head_dim": text["hidden_size"] // heads,
        "max_position_embeddings": 8192,
    }
    config["vision_config"] |= {**vision, "image_size": IMAGE_SIZE, "patch_size": 14, "projection_dim": 768}
    config["image_grid_pinpoints"] = [[IMAGE_SIZE, 2 * IMAGE_SIZE], [2 * IMAGE_SIZE, IMAGE_SIZE]]
    config["dtype"] = "float16"
    parsed = library.LlavaNextVideoConfig.from_dict(config)
    torch.manual_seed(7)
    with torch.device(device):
        model = library.AutoModelForImageTextToText.from_config(parsed, dtype=torch.float16)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(TOKENIZER / name, folder / name)
    processor = json.loads((TOKENIZER / "processor_config.json").read_text("utf-8"))
    for part in ("image_processor", "video_processor"):
        processor[part] |= {"crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE}, "size": {"shortest_edge": IMAGE_SIZE}}
    processor["patch_size"] = 14
    (folder / "processor_config.json").write_text(json.dumps(processor), "utf-8")


def request(index: int, frames: int) -> CaptionRequest:
    """Return a request with so many frames, each brighter than the one before, so that their order can be seen in the model's input."""
    clock = Clock(Fraction(1, 25), Fraction(25))
    start = 100 * index
    segment = Segment(f"s{index:04d}", index, index, clock.at(start, start), clock.at(start + 100, start + 100), "shot", "cut")
    levels = np.linspace(20, 235, frames)
    stills = tuple(
        PictureStill(start + 100 * number // frames, np.full((360, 640, 3), level, np.uint8)) for number, level in enumerate(levels)
    )
    return CaptionRequest(Measured(segment, {}, stills=stills))


class InputOrder:
    """Records, for each call of the vision tower, whether the brightness of its pictures rises."""

    def __init__(self) -> None:
        self.calls: list[bool] = []

    def __call__(self, model: Any, positional: Any, keywords: dict[str, Any]) -> None:
        """Read the input of a call, [frames, 3, height, width]; used as a forward hook."""
        pictures = positional[0] if positional else keywords["pixel_values"]
        levels = pictures.float().flatten(1).mean(dim=1).tolist()
        self.calls.append(len(levels) > 1 and all(one < other for one, other in pairwise(levels)))

    def attach(self, model: Any) -> None:
        """Record the calls of the vision tower of `model`."""
        (tower,) = (module for name, module in model.named_modules() if name.split(".")[-1] == "vision_tower")
        tower.register_forward_pre_hook(self, with_kwargs=True)


async def measure(folder: Path, quantization: str, args: argparse.Namespace) -> dict[str, Any]:
    """Load the model with the project's captioner, caption segments one after the other, and return the figures."""
    import torch

    on_gpu = args.device.startswith("cuda")
    options = TransformersOptions(
        model=str(folder),
        quantization=quantization,
        dtype="float16" if on_gpu else "float32",
        device=args.device,
        frames=args.frames,
        image_size=IMAGE_SIZE,
        max_tokens=args.tokens,
    )
    captioner, order = TransformersCaptioner(options), InputOrder()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    try:
        began = time.perf_counter()
        await caption(captioner, 0, args.frames)  # loads the model; kernels are compiled and chosen here, too
        first = time.perf_counter() - began
        loaded = torch.cuda.memory_allocated() if on_gpu else 0
        assert captioner._loaded is not None
        order.attach(captioner._loaded[0])
        began = time.perf_counter()
        refused = [await caption(captioner, index, args.frames) for index in range(1, args.captions + 1)]
        seconds = time.perf_counter() - began
        peak = torch.cuda.max_memory_allocated() if on_gpu else 0
    finally:
        await captioner.close()
        gc.collect()
    return {
        "quantization": quantization,
        "load_and_first_seconds": first,
        "memory_gib": loaded / 2**30,
        "peak_gib": peak / 2**30,
        "captions_per_second": args.captions / seconds,
        "most_tokens_per_second": args.captions * args.tokens / seconds,
        "frames_in_order": bool(order.calls) and all(order.calls),
        "refused": [code for code in refused if code],
    }


async def caption(captioner: TransformersCaptioner, index: int, frames: int) -> str | None:
    """Caption one segment; return the code of an answer that is no caption, which random weights usually give.

    Raises:
        ModelError: the model did not answer.
    """
    try:
        await captioner.caption(request(index, frames))
    except ModelError as error:
        if error.code in ("model.cut_off", "model.loop", "model.reasoning", "model.refusal", "model.invalid_answer"):
            return error.code
        raise
    return None


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=8, help="frames per segment")
    parser.add_argument("--captions", type=int, default=8, help="captions that are timed")
    parser.add_argument("--tokens", type=int, default=64, help="most tokens per caption")
    parser.add_argument("--quantization", nargs="+", choices=("none", "nf4"), default=["none", "nf4"], help="none is fp16")
    parser.add_argument("--size", choices=sorted(SIZES), default="7b", help="small checks the program itself in seconds")
    parser.add_argument("--device", default="cuda:0", help="a CUDA device; cpu with --size small")
    parser.add_argument("--folder", type=Path, help="keep the weights here and use them again (default: a temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return parser


def run(folder: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Write the weights if they are not there, measure each kind, and print a line for each."""
    if not (folder / "config.json").exists():
        began = time.perf_counter()
        write_model(folder, args.size, args.device)
        print(f"random weights written to {folder} in {time.perf_counter() - began:.0f} s", flush=True)
    rows = []
    for quantization in args.quantization:
        row = asyncio.run(measure(folder, quantization, args))
        rows.append(row)
        print(
            f"{quantization:5} load and first caption {row['load_and_first_seconds']:.1f} s, memory {row['memory_gib']:.2f} GiB, "
            f"peak {row['peak_gib']:.2f} GiB, {row['captions_per_second']:.2f} captions/s, "
            f"at most {row['most_tokens_per_second']:.1f} tokens/s, frames in order: {row['frames_in_order']}",
            flush=True,
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 2 if this machine cannot run it, 1 if frames were out of order."""
    args = build_parser().parse_args(arguments)
    reason = obstacle(args.device)
    if reason is not None:
        print(f"benchmarks gpu: {reason}", file=sys.stderr)
        return 2
    if args.folder is not None:
        args.folder.mkdir(parents=True, exist_ok=True)
        rows = run(args.folder, args)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            rows = run(Path(temporary), args)
    if args.json is not None:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return 0 if all(row["frames_in_order"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
