"""Train the tiny Idefics3 checkpoint on generated clips and write it.

    python -m tools.tiny_idefics3 FOLDER [--state FILE] [--seconds N] [--threads N]

Needs torch and transformers 5: the environment that `.ci/vllm-env.sh` builds has both. About 20 minutes on two cores. The work stops after
`--seconds` and goes on from `--state` with the next call; exit status 3 means that steps are left.

First the vision tower learns from single frames what is where; then, with the tower frozen, the language model learns to caption sequences
of its features; then both together on fresh clips.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from streamtags.testing.shapes import clip, read_caption
from tools.tiny_idefics3.clips import REVERSED_MOTION, SIZES, Batch, caption, draw
from tools.tiny_idefics3.model import BAD_PROMPT, GRID, IMAGE_SIZE, QUESTIONS, SCALE_FACTOR, TOKENS_PER_IMAGE, build, image_tokens

STEPS = {"see": 1600, "say": 1800, "both": 250}
BATCH, CACHED_CLIPS, FRAMES = 32, 4000, 8
_WRONG = (
    "{images}{question}",
    "<|im_start|>{question}{images}",
    "<|im_start|>user: {images}{question}\n",
    "<|im_start|>User: {question}\nAssistant:",
)


class Training:
    """The model, its optimizer, and how far it has come; saved and loaded as one file."""

    def __init__(self) -> None:
        self.model, self.processor = build()
        self.tokenizer = self.processor.tokenizer
        hidden = self.model.config.text_config.hidden_size
        heads = {name: nn.Linear(hidden, SIZES[name]) for name in ("color", "shape", "background")}
        self.heads = nn.ModuleDict({**heads, "center": nn.Linear(hidden, 2), "cover": nn.Linear(hidden, 16)})
        self._show_positions()
        inner = self.model.model
        self.seeing = [*inner.vision_model.parameters(), *inner.connector.parameters(), *self.heads.parameters()]
        self.saying = [*inner.text_model.parameters(), *self.model.lm_head.parameters()]
        self.optimizer = torch.optim.AdamW(
            [{"params": self.seeing}, {"params": self.saying}], lr=1e-3, weight_decay=0.01, betas=(0.9, 0.98)
        )
        self.done = dict.fromkeys(STEPS, 0)
        self.cache: tuple[Any, dict[str, Any]] | None = None

    def _show_positions(self) -> None:
        """Start from visible coordinates: the usual initialization is drowned by the content of the patches."""
        rows, columns = torch.meshgrid(torch.linspace(-1, 1, GRID), torch.linspace(-1, 1, GRID), indexing="ij")
        x, y = columns.flatten(), rows.flatten()
        waves = [wave(turns * math.pi * value) for turns in (1, 2) for value in (x, y) for wave in (torch.sin, torch.cos)]
        features = torch.stack([x, y, x * y, *waves], 1)
        weight = self.model.model.vision_model.embeddings.position_embedding.weight
        with torch.no_grad():
            weight.copy_(features @ torch.randn(features.shape[1], weight.shape[1]) * 0.15)

    def save(self, path: Path) -> None:
        """Write the state, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "done": self.done,
            "cache": self.cache,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def load(self, path: Path) -> None:
        """Go on where `save` was called."""
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done, self.cache = state["done"], state["cache"]

    def features(self, pixels: Any) -> Any:
        """What the language model gets of each frame: float [clip, frame, token, hidden]."""
        clips, frames = pixels.shape[:2]
        flat = ((pixels / 255 - 0.5) / 0.5).flatten(0, 1)[None]
        seen = self.model.model.get_image_features(flat).pooler_output
        return seen.view(clips, frames, TOKENS_PER_IMAGE, -1)

    def see_loss(self, batch: Batch, features: Any) -> Any:
        """Each token says where in its own cell the shape is; the mean of a frame says color, shape, background and center."""
        mean, frames = features.mean(2), features.shape[1]
        loss = torch.zeros(())
        for name in ("color", "shape", "background"):
            truth = batch.labels[name][:, None].expand(-1, frames).reshape(-1)
            loss = loss + functional.cross_entropy(self.heads[name](mean).flatten(0, 1), truth)
        side = GRID // SCALE_FACTOR
        cover = functional.avg_pool2d(batch.cover.flatten(0, 1)[:, None], IMAGE_SIZE // side // 4)[:, 0]
        cells = cover.view(-1, frames, side, 4, side, 4).transpose(3, 4).reshape(-1, frames, TOKENS_PER_IMAGE, 16)
        loss = loss + 20 * functional.mse_loss(self.heads["center"](mean), batch.centers)
        return loss + 5 * functional.binary_cross_entropy_with_logits(self.heads["cover"](features), cells)

    def say_loss(self, features: Any, labels: dict[str, Any]) -> Any:
        """Cross-entropy of the caption's tokens after a prompt with these images."""
        ids, targets, mask = self._texts(labels, features.shape[0], features.shape[1])
        inner = self.model.model
        embedded = inner.text_model.get_input_embeddings()(ids)
        where = (ids == self.model.config.image_token_id)[..., None]
        # Rows with a wrong prompt hold as many images as the others.
        embedded = embedded.masked_scatter(where, features.flatten(1, 2).flatten(0, 1))
        hidden = inner.text_model(inputs_embeds=embedded, attention_mask=mask, use_cache=False).last_hidden_state
        counted = targets[:, 1:] != -100
        return functional.cross_entropy(self.model.lm_head(hidden[:, :-1][counted]), targets[:, 1:][counted])

    def _texts(self, labels: dict[str, Any], count: int, frames: int) -> tuple[Any, Any, Any]:
        rows, targets = [], []
        images = image_tokens() * frames
        for index in range(count):
            question = random.choice(QUESTIONS)
            if random.random() < 0.06:
                prompt, answer = random.choice(_WRONG[:3]).format(images=images, question=question), BAD_PROMPT
            else:
                prompt = f"<|im_start|>User:{images}{question}<end_of_utterance>\nAssistant:"
                answer = caption(labels, index)
            before = self.tokenizer(prompt, add_special_tokens=False)["input_ids"]
            after = [*self.tokenizer(" " + answer, add_special_tokens=False)["input_ids"], self.tokenizer.eos_token_id]
            rows.append(before + after)
            targets.append([-100] * len(before) + after)
        longest = max(map(len, rows))
        padded = [row + [self.tokenizer.pad_token_id] * (longest - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        return torch.tensor(padded), torch.tensor([row + [-100] * (longest - len(row)) for row in targets]), torch.tensor(mask)

    def step(self, phase: str, generator: Any) -> float:
        """One step of the optimizer; the loss."""
        share = self.done[phase] / STEPS[phase]
        rate = {"see": 1.5e-3, "say": 2e-3, "both": 6e-4}[phase]
        rate *= min(1.0, (self.done[phase] + 1) / 50) * (0.5 * (1 + math.cos(math.pi * share)) * 0.97 + 0.03)
        for group, frozen in zip(self.optimizer.param_groups, (phase == "say", phase == "see"), strict=True):
            group["lr"] = 0.0 if frozen else rate
        self.optimizer.zero_grad()
        loss = getattr(self, f"_{phase}")(share, generator)
        loss.backward()
        for parameters in (self.seeing, self.saying):
            nn.utils.clip_grad_norm_(parameters, 1.0)
        self.optimizer.step()
        self.done[phase] += 1
        return float(loss.detach())

    def _see(self, share: float, generator: Any) -> Any:
        batch = draw(BATCH, 1, IMAGE_SIZE, generator)
        return self.see_loss(batch, self.features(batch.pixels))

    def _say(self, share: float, generator: Any) -> Any:
        features, labels = self._cached()
        picked = torch.randint(0, len(features), (BATCH,), generator=generator)
        chosen, truth = features[picked], {name: values[picked] for name, values in labels.items()}
        back = torch.rand(BATCH, generator=generator) < 0.5
        chosen = torch.where(back[:, None, None, None], chosen.flip(1), chosen)
        truth["motion"] = torch.where(back, REVERSED_MOTION[truth["motion"]], truth["motion"])
        frames = 4 if share < 0.5 else random.choices([8, 4, 16], [0.75, 0.17, 0.08])[0]
        if frames == 4:
            chosen = chosen[:, [0, random.choice([1, 2, 3]), random.choice([4, 5, 6]), 7]]
        if frames == 16:
            chosen = chosen.repeat_interleave(2, 1)
        return self.say_loss(chosen, truth)

    def _both(self, share: float, generator: Any) -> Any:
        batch = draw(BATCH, random.choices([FRAMES, 4], [0.7, 0.3])[0], IMAGE_SIZE, generator)
        return self.say_loss(self.features(batch.pixels), batch.labels)

    def _cached(self) -> tuple[Any, dict[str, Any]]:
        """Features of clips, computed once by the frozen tower."""
        if self.cache is None:
            generator = torch.Generator().manual_seed(1)
            with torch.no_grad():
                batches = [draw(50, FRAMES, IMAGE_SIZE, generator) for _ in range(CACHED_CLIPS // 50)]
                features = torch.cat([self.features(batch.pixels) for batch in batches])
            self.cache = features, {name: torch.cat([batch.labels[name] for batch in batches]) for name in SIZES}
        return self.cache


def right(training: Training, seeds: range, frames: int = FRAMES) -> dict[str, float]:
    """Share of the tests' clips of which the words are right, through the processor as a user would call it."""
    import cv2

    model, processor = training.model.eval(), training.processor
    messages = [{"role": "user", "content": [*[{"type": "image"}] * frames, {"type": "text", "text": QUESTIONS[0]}]}]
    prompt = processor.apply_chat_template(messages, add_generation_prompt=True)
    hits = dict.fromkeys(("color", "shape", "motion", "background", "asserted"), 0)
    for seed in seeds:
        shown = clip(seed, frames)
        images = [cv2.resize(frame, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA) for frame in shown.frames]
        inputs = processor(text=[prompt], images=images, return_tensors="pt", add_special_tokens=False)
        with torch.no_grad():
            made = model.generate(**inputs, do_sample=False, max_new_tokens=40)[0, inputs["input_ids"].shape[1] :]
        seen = read_caption(training.tokenizer.decode(made, skip_special_tokens=True))
        for name in ("color", "shape", "motion", "background"):
            hits[name] += getattr(seen, name) == getattr(shown, name)
        hits["asserted"] += (seen.color, seen.motion, seen.background) == (shown.color, shown.motion, shown.background)
    model.train()
    return {name: round(number / len(seeds), 3) for name, number in hits.items()}


def main() -> int:
    """Train, or go on training; write the checkpoint when all steps are done."""
    parser = argparse.ArgumentParser(description="Train the tiny Idefics3 checkpoint on generated clips.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--state", type=Path, default=Path("tiny-idefics3.pt"))
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    training, start = Training(), time.monotonic()
    if options.state.exists():
        training.load(options.state)
    generator = torch.Generator().manual_seed(2 + sum(training.done.values()))
    random.seed(3 + sum(training.done.values()))
    training.model.train()
    for phase, steps in STEPS.items():
        average = None
        while training.done[phase] < steps:
            if time.monotonic() - start > options.seconds:
                training.save(options.state)
                return 3
            loss = training.step(phase, generator)
            average = loss if average is None else 0.95 * average + 0.05 * loss
            if training.done[phase] % 100 == 0:
                print(f"{time.monotonic() - start:6.0f} s  {phase} {training.done[phase]:5d}  loss {average:.4f}", flush=True)
            if training.done[phase] % 600 == 0 and phase != "see":
                print("          ", right(training, range(9000, 9032)), flush=True)
    training.save(options.state)
    training.model.save_pretrained(options.folder)
    training.processor.save_pretrained(options.folder)
    for frames in (8, 4, 16):
        print(frames, "frames:", right(training, range(9000, 9200 if frames == 8 else 9060), frames), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
