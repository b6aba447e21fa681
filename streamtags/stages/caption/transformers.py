"""Captions in process, by any Hugging Face video or image-text model, in 4 bits where memory is short.

For machines without a model server. One worker thread owns the model, which is loaded once, and captions the segments that wait in
batches, so the event loop never blocks. torch and transformers are imported with the first caption.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from streamtags.config.options import Options, digest
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.model import Caption, CaptionRequest, Still, Usage
from streamtags.stages.backend import BackendSpec
from streamtags.stages.caption.frames import Fit, choose, pictures
from streamtags.stages.caption.models import ModelConfig, load_model_config, shipped_models
from streamtags.stages.caption.prompts import caption_text, fields_of, load_prompt, one_line
from streamtags.stages.caption.weights import pulled_model
from streamtags.stages.cleaning import Reply, clean_answer

__all__ = ["PACKAGES", "SPEC", "TransformersCaptioner", "TransformersOptions"]

PACKAGES = ("torch", "torchvision", "transformers", "accelerate", "PIL")


class TransformersOptions(Options):
    """Options of the captioner `transformers`."""

    model: str = Field(min_length=1, description="a Hugging Face id such as llava-hf/LLaVA-NeXT-Video-7B-hf, or a folder")
    revision: str | None = Field(None, description="branch, tag or commit of the model; none takes its main branch")
    quantization: Literal["nf4", "none"] = Field("nf4", description="nf4: 4 bits by bitsandbytes, a quarter of the memory")
    dtype: Literal["auto", "float16", "bfloat16", "float32"] = Field(
        "auto", description="arithmetic; auto takes the device's fastest suitable type"
    )
    device: str = Field("auto", description="auto, cpu, mps, cuda or cuda:1; auto spreads over all GPUs, or takes an Apple GPU")
    batch: int = Field(1, ge=1, le=64, description="most segments captioned at once; raise the profile's concurrency with it")
    download: bool = Field(True, description="download weights that are missing; off takes only what `model pull` put into the cache")
    as_video: bool = Field(True, description="show the pictures as one video; off for models that know images only")
    frames: int = Field(8, ge=1, le=64, description="most pictures shown of a segment")
    image_size: int = Field(336, ge=28, le=2048, description="pixels of the model's square, or of the longer side with fit = keep")
    fit: Fit = Field("stretch", description="stretch or letterbox to the square; keep leaves the proportions")
    prompt: str = Field("describe", description="a prompt template: the name of one that ships, or a .txt file")
    max_tokens: int = Field(160, ge=1, le=4096, description="most tokens of a caption")
    temperature: float = Field(0.0, ge=0, le=2, description="0 takes the likeliest words")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus sampling, with a temperature above 0")
    max_characters: int = Field(600, ge=40, le=4000, description="a longer caption is cut at a word")
    timeout_seconds: float = Field(600.0, gt=0, description="timeout of one caption, without the wait for its turn, in seconds")


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A segment that waits for its caption."""

    stills: list[Still]
    words: str
    seconds: float
    reply: Future[Reply] = field(default_factory=Future)
    given_up: threading.Event = field(default_factory=threading.Event)


class TransformersCaptioner:
    """A `Captioner` that loads its model. `model` changes with every option that changes captions."""

    def __init__(self, options: TransformersOptions) -> None:
        needed = (*PACKAGES, "bitsandbytes") if options.quantization == "nf4" else PACKAGES
        missing = [name for name in needed if find_spec(name) is None]
        if missing:
            hint = "pip install 'streamtags[transformers]'"
            raise ConfigError(f"not installed: {', '.join(missing)}", where="captioner transformers", hint=hint)
        self._options = options
        self._prompt = load_prompt(options.prompt)
        # One thread is also the lock: two generations at once are neither safe nor faster.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="streamtags-caption")
        self._loaded: tuple[Any, Any, Any] | None = None
        self._waiting: deque[_Turn] = deque()
        self._pulled = pulled_model(options.model, options.revision)
        relevant = options.model_dump(exclude={"prompt", "timeout_seconds", "device", "batch", "download"})
        if self._pulled is not None:
            relevant["revision"] = self._pulled.revision
        self.model = f"{options.model}+{self._prompt.name}.{digest({**relevant, 'prompt': self._prompt.text})}"

    async def caption(self, request: CaptionRequest) -> Caption:
        """Caption one segment; concurrent calls wait for their turn.

        Raises:
            ModelError: the model cannot be loaded, runs out of memory or takes too long.
        """
        stills = choose(request.measured.stills, self._options.frames)
        words = self._prompt.render(fields_of(request, len(stills), self._prompt.fields))
        turn = _Turn(stills, words, request.measured.segment.seconds)
        self._waiting.append(turn)
        self._worker.submit(self._next_batch)
        try:
            reply = await asyncio.wrap_future(turn.reply)
        except asyncio.CancelledError:
            turn.given_up.set()
            raise
        caption = caption_text(clean_answer(reply, self._options.model), self._options.max_characters, self._options.model)
        return Caption(text=caption, model=self.model, frames=tuple(still.pts for still in stills), usage=reply.usage)

    async def close(self) -> None:
        """Let the running caption finish and release the memory; safe to call twice."""
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)
        self._loaded = None
        if find_spec("torch") is not None:
            import torch

            torch.cuda.empty_cache()

    def _next_batch(self) -> None:
        """Caption the segment that waits longest, and others with as many pictures."""
        batch: list[_Turn] = []
        for turn in list(self._waiting):
            if len(batch) < self._options.batch and (not batch or len(turn.stills) == len(batch[0].stills)):
                self._waiting.remove(turn)
                if turn.reply.set_running_or_notify_cancel():
                    batch.append(turn)
        if not batch:  # an earlier call captioned them
            return
        try:
            for turn, reply in zip(batch, self._replies(batch), strict=True):
                turn.reply.set_result(reply)
        except BaseException as error:  # noqa: BLE001 - raised where the captions are awaited
            for turn in batch:
                if not turn.reply.done():
                    turn.reply.set_exception(error)

    def _replies(self, batch: Sequence[_Turn]) -> list[Reply]:
        import torch

        try:
            if self._loaded is None:
                self._loaded = self._load()
            model, processor, dtype = self._loaded
            inputs = self._inputs(processor, batch).to(model.device, dtype)
            return self._answers(torch, model, processor, inputs, batch)
        except torch.OutOfMemoryError as error:
            if len(batch) > 1:
                return [reply for turn in batch for reply in self._replies([turn])]
            hint = "use quantization = nf4, fewer or smaller frames, or a smaller model"
            raise ModelError("out of GPU memory", where=self._options.model, code="model.out_of_memory", hint=hint) from error
        except (OSError, ValueError, RuntimeError, ImportError, IndexError, KeyError, TypeError) as error:
            # These libraries raise them for a missing file, a model of another kind or a broken checkpoint; a retry does not help.
            hint = "check the model's name or folder, `as_video`, and that its files are here or can be downloaded"
            raise ModelError(one_line(str(error), 300) or type(error).__name__, where=self._options.model, hint=hint) from error

    def _load(self) -> tuple[Any, Any, Any]:
        import torch
        import transformers

        library: Any = transformers  # only partly typed
        library.utils.logging.disable_progress_bar()
        options = self._options
        device = options.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        where = "auto" if options.device == "auto" and device == "cuda" else {"": device}
        if options.dtype != "auto":
            dtype = getattr(torch, options.dtype)
        elif device.startswith("cuda"):
            dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        else:
            dtype = torch.float16 if device == "mps" else torch.float32
        quantized: dict[str, Any] = {}
        if options.quantization == "nf4":
            quantized["quantization_config"] = library.BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype, bnb_4bit_use_double_quant=True
            )
        source = self._source()
        processor = library.AutoProcessor.from_pretrained(**source)
        model = library.AutoModelForImageTextToText.from_pretrained(**source, device_map=where, dtype=dtype, **quantized)
        processor.tokenizer.padding_side = "left"  # an answer follows its prompt without a gap
        if processor.tokenizer.pad_token is None:
            processor.tokenizer.pad_token = processor.tokenizer.eos_token
        return model.eval(), processor, dtype

    def _source(self) -> dict[str, Any]:
        """Where the weights are read from: the cache of `model pull`, else what the library finds or downloads."""
        if self._pulled is not None:
            return {"pretrained_model_name_or_path": str(self._pulled.folder), "local_files_only": True}
        return {"pretrained_model_name_or_path": self._options.model, "revision": self._options.revision}

    def _inputs(self, processor: Any, batch: Sequence[_Turn]) -> Any:
        shown = [pictures(turn.stills, self._options.image_size, self._options.fit) for turn in batch]
        kind = "video" if self._options.as_video else "image"
        seen = [{"type": kind}] * (1 if self._options.as_video else len(shown[0]))
        prompts = [
            processor.apply_chat_template(
                [{"role": "user", "content": [*seen, {"type": "text", "text": turn.words}]}], add_generation_prompt=True, tokenize=False
            )
            for turn in batch
        ]
        # As in transformers' own apply_chat_template: a template that writes the first token must not get it twice.
        bos = getattr(processor.tokenizer, "bos_token", None)
        more: dict[str, Any] = {"add_special_tokens": not (bos and prompts[0].startswith(bos)), "padding": len(batch) > 1}
        if not self._options.as_video:
            return processor(text=prompts, images=shown if len(batch) > 1 else shown[0], return_tensors="pt", **more)
        # The frames are already chosen; models that encode time need the moment of each.
        known = [
            {"total_num_frames": len(frames), "fps": len(frames) / max(turn.seconds, 0.04), "frames_indices": list(range(len(frames)))}
            for turn, frames in zip(batch, shown, strict=True)
        ]
        more |= {"do_sample_frames": False, "video_metadata": known}
        return processor(text=prompts, videos=[np.stack(frames) for frames in shown], return_tensors="pt", **more)

    def _answers(self, torch: Any, model: Any, processor: Any, inputs: Any, batch: Sequence[_Turn]) -> list[Reply]:
        ends = time.monotonic() + self._options.timeout_seconds

        def stop(input_ids: Any, scores: Any, **_: Any) -> Any:
            over = all(turn.given_up.is_set() for turn in batch) or time.monotonic() > ends
            return torch.full((input_ids.shape[0],), over, device=input_ids.device, dtype=torch.bool)

        sampling: dict[str, Any] = {"do_sample": False}
        if self._options.temperature > 0:
            sampling = {"do_sample": True, "temperature": self._options.temperature, "top_p": self._options.top_p}
        with torch.inference_mode():
            whole = model.generate(**inputs, **sampling, max_new_tokens=self._options.max_tokens, stopping_criteria=[stop])
        if time.monotonic() > ends:
            raise ModelError(
                f"no caption within {self._options.timeout_seconds:g} s",
                where=self._options.model,
                code="model.timeout",
                retryable=True,
                hint="raise timeout_seconds, or show fewer frames",
            )
        start = inputs["input_ids"].shape[1]
        prompt_tokens = [int(count) for count in inputs["attention_mask"].sum(dim=1)]
        return [self._reply(processor.tokenizer, row, count) for row, count in zip(whole[:, start:], prompt_tokens, strict=True)]

    def _reply(self, tokenizer: Any, row: Any, prompt_tokens: int) -> Reply:
        """The answer in a row of tokens, without the padding that follows a short one in a batch."""
        tokens = row.tolist()
        ends = (tokenizer.pad_token_id, tokenizer.eos_token_id)
        while len(tokens) > 1 and tokens[-1] == tokenizer.pad_token_id and tokens[-2] in ends:
            tokens.pop()
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=len(tokens))
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        return Reply(text, usage, cut_off=len(tokens) >= self._options.max_tokens)


def check_weights(options: TransformersOptions) -> None:
    """Check that weights that may not be downloaded are in the cache.

    Raises:
        ConfigError: they are not.
    """
    if options.download or Path(options.model).expanduser().is_dir() or pulled_model(options.model, options.revision) is not None:
        return
    name = next((name for name in shipped_models() if load_model_config(name).model == options.model), options.model)
    raise ConfigError("its weights are not in the cache", where=options.model, hint=f"streamtags model pull {name}")


SPEC = BackendSpec(
    name="transformers",
    kind="captioner",
    options=TransformersOptions,
    create=TransformersCaptioner,
    extra="transformers",
    requires=frozenset({"in-process packages", "model files"}),
    preset_options=ModelConfig.transformers_options,
    check=check_weights,
)
