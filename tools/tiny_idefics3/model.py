"""An untrained tiny model in the exact Hugging Face class `Idefics3ForConditionalGeneration`, and its processor.

The class takes a list of images, which SmolVLM does too; the other checkpoint of the tests takes a video.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    LlamaConfig,
    PreTrainedTokenizerFast,
)

from streamtags.testing.shapes import BACKGROUNDS, COLORS, MOTIONS, SHAPES, Clip

IMAGE_SIZE, PATCH_SIZE, SCALE_FACTOR = 64, 8, 4
GRID = IMAGE_SIZE // PATCH_SIZE
TOKENS_PER_IMAGE = (GRID // SCALE_FACTOR) ** 2
VOCABULARY = 448
BAD_PROMPT = "bad prompt."
QUESTIONS = ("Describe the video.", "What happens in this video?", "Describe what you see.", "Caption this clip.", "What is moving?")
CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% if message['content'] is string %}{{ ' ' + message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_SPECIAL = ("<pad>", "<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<global-img>", "<image>")


def image_tokens() -> str:
    """The text that stands for one image."""
    return "<fake_token_around_image><global-img>" + "<image>" * TOKENS_PER_IMAGE + "<fake_token_around_image>"


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer whose longer tokens are the words of the captions."""
    captions = [
        Clip(color, shape, motion, ground, ()).caption for color, shape, motion, ground in product(COLORS, SHAPES, MOTIONS, BACKGROUNDS)
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 40,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [f"Assistant: {caption}" for caption in captions]
    tokenizer.train_from_iterator(texts + [f"User: {text} {BAD_PROMPT}" for text in QUESTIONS] * 40, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<end_of_utterance>",
        pad_token="<pad>",
        additional_special_tokens=["<fake_token_around_image>", "<image>", "<global-img>"],
        padding_side="left",
        model_max_length=2048,
    )


def build(seed: int = 0) -> tuple[Any, Any]:
    """The untrained model and its processor."""
    tokenizer = build_tokenizer()
    special = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    vision = {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": IMAGE_SIZE,
        "patch_size": PATCH_SIZE,
    }
    text = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=2048,
        tie_word_embeddings=False,
        **special,
    )
    config = Idefics3Config(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=SCALE_FACTOR,
        tie_word_embeddings=False,
        **special,
    )
    torch.manual_seed(seed)
    model = Idefics3ForConditionalGeneration(config)
    model.generation_config = GenerationConfig(**special)
    edge = {"longest_edge": IMAGE_SIZE}
    images = Idefics3ImageProcessor(size=edge, max_image_size=edge, do_image_splitting=False)
    processor = Idefics3Processor(images, tokenizer, image_seq_len=TOKENS_PER_IMAGE, chat_template=CHAT_TEMPLATE)
    return model, processor
