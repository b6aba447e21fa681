"""Answers as models and servers write them, and what is left of them."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import ModelError
from streamtags.core.model import Usage
from streamtags.stages.cleaning import Reply, clean_answer, description_of, json_of

TAGS = json.dumps({"tags": [{"tag": "Calm", "confidence": 0.8}]})
BOAT = "A boat lies in the harbor."


def described(text: str, *, cut_off: bool = False) -> str:
    return description_of(clean_answer(Reply(text, cut_off=cut_off), "m"), "m")


def code_of(text: str, *, cut_off: bool = False) -> str:
    with pytest.raises(ModelError) as caught:
        described(text, cut_off=cut_off)
    assert caught.value.hint
    return caught.value.code


def tags_of(text: str, *, cut_off: bool = False) -> str:
    return json_of(clean_answer(Reply(text, cut_off=cut_off), "m"), "m")


@pytest.mark.parametrize(
    "text",
    [
        f"<think>\nI look at the frames.\n</think>\n\n{BOAT}",
        f"I look at the frames. It may be a boat.\n</think>\n{BOAT}",
        f"<thinking>First.</thinking><think>Second.</think>{BOAT}",
        f"{BOAT}\n<think>Is that right? It is.",
        f"[THINK]A boat?[/THINK]{BOAT}",
        f"◁think▷hm◁/think▷ {BOAT}",
        f"<|channel|>analysis<|message|>We see a boat.<|end|><|start|>assistant<|channel|>final<|message|>{BOAT}<|return|>",
        f"analysisWe need one sentence.assistantfinal{BOAT}",
        f"<|channel>thought\nA boat, I think.<channel|>{BOAT}",
    ],
)
def test_reasoning_around_a_caption_is_removed(text: str) -> None:
    assert described(text) == BOAT


@pytest.mark.parametrize(
    "text",
    [
        "<think>The user wants one sentence. I look at",
        "<think>The user wants one sentence.</think>",
        "<|channel|>analysis<|message|>We see a boat in the harbor",
        "Thinking aloud.</think><|im_end|>",
    ],
)
def test_an_answer_that_is_all_reasoning_has_a_name(text: str) -> None:
    assert code_of(text) == "model.reasoning"


def test_reasoning_that_used_all_tokens_suggests_more_tokens() -> None:
    with pytest.raises(ModelError, match="raise max_tokens"):
        described("<think>The user wants", cut_off=True)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that request.",
        "I cannot view videos. Please upload the images and I'll be happy to help!",
        "I’m unable to see the frames you mention.",
        "Unfortunately, I am not able to process video content.",
        "As an AI language model, I can't watch videos. If you have questions, feel free to ask.",
        "No image was provided. Please share the image you would like described.",
        "Sorry, but I can't help with identifying people.",
        "Lo siento, pero no puedo ayudar con eso.",
        "抱歉，我无法查看视频。",
        "**I'm sorry**, but I can't help with that.",
    ],
)
def test_a_refusal_in_prose_has_a_name(text: str) -> None:
    assert code_of(text) == "model.refusal"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I'm sorry, but I can't identify people. The image shows a man in a grey suit.", "The image shows a man in a grey suit."),
        ("I can't tell who it is, but the image shows a man in a grey suit.", "The image shows a man in a grey suit."),
        ("Sure! Here is a caption: A dog runs. Let me know if you need more!", "A dog runs."),
        ("A dog runs. Is there anything else you would like?", "A dog runs."),
    ],
)
def test_what_describes_beside_a_refusal_or_an_offer_stays(text: str, left: str) -> None:
    assert described(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "A man says \"I'm sorry, but I can't stay.\"",
        "Two people sing la la la la on a stage.",
        "A woman in a red dress is unable to open a door. She turns away.",
        "A sign reads 3 < 5 and 2 * 3 * 4, the crowd cheers.",
        "Inside a bar, a man drinks. Outside, a man waits. Inside, a woman sings.",
        "Tense. Dark. Rain falls on a street, rain falls on a car.",
    ],
)
def test_ordinary_captions_stay_as_they_are(text: str) -> None:
    assert described(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "The man is walking down the street. " * 12,
        "A crowd of people people people people people people people people people people",
        "........................................................",
        "一个男人在街上走路。" * 20,
        "The video shows " + "a man and a woman and " * 30,
        " ".join(f"The man is standing in front of the {thing} and the woman is standing in front of the" for thing in ("car", "bus")) * 9,
    ],
)
def test_a_repetition_loop_has_a_name(text: str) -> None:
    assert code_of(text) == "model.loop"


def test_an_answer_that_was_cut_off_keeps_its_whole_sentences() -> None:
    assert described("A boat lies in the harbor. Behind it, a man is about to", cut_off=True) == BOAT
    assert described(BOAT, cut_off=True) == BOAT
    assert code_of("A boat lies in the harbor, and behind it a man is about", cut_off=True) == "model.cut_off"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("```json\n" + json.dumps({"caption": BOAT}) + "\n```", BOAT),
        (json.dumps({"description": BOAT, "mood": "calm"}), BOAT),
        (json.dumps([BOAT]), BOAT),
        (json.dumps(BOAT), BOAT),
        (f"Here is it:\n```\n{BOAT}\n```", BOAT),
        ("## Caption\n\n**A boat** lies in the *harbor*.", "Caption A boat lies in the harbor."),
        ("- A boat.\n- A man.\n---", "A boat. A man."),
        (f"<p>{BOAT}</p><br/>", BOAT),
        ("A boat &amp; a man at [the harbor](http://x/y).", "A boat & a man at the harbor."),
        (f"{BOAT}<|im_end|>", BOAT),
        (f"<|begin_of_box|>{BOAT}<|end_of_box|></s>", BOAT),
        ("<answer>A boat.</answer>", "A boat."),
    ],
)
def test_markup_and_json_around_a_caption_are_removed(text: str, left: str) -> None:
    assert described(text) == left


@pytest.mark.parametrize(
    "text",
    [
        TAGS,
        f"```json\n{TAGS}\n```",
        f"```\n{TAGS}",
        f"<think>Calm {{perhaps}}.</think>\n{TAGS}",
        f"Here are the tags:\n\n```json\n{TAGS}\n```\nLet me know!",
        f"{TAGS}\n\nThese tags fit because the shot is calm.",
        f"<|channel|>final <|constrain|>json<|message|>{TAGS}",
        f"{TAGS}{' ' * 900}",
    ],
)
def test_json_is_extracted_from_surrounding_text(text: str) -> None:
    assert json.loads(tags_of(text)) == json.loads(TAGS)
    assert json.loads(tags_of(text, cut_off=True)) == json.loads(TAGS), "an answer that is whole is an answer"


@pytest.mark.parametrize(
    ("text", "cut_off", "code"),
    [
        ("I'm sorry, but I can't help with that.", False, "model.refusal"),
        ('{"tags": [{"tag": "Calm"' + "\n" * 500, True, "model.loop"),
        ('{"tags": [{"tag": "Calm"', True, "model.cut_off"),
        ("<think>Tags, tags", False, "model.reasoning"),
        ('{"reasoning": "' + "calm and still, " * 40, True, "model.loop"),
    ],
)
def test_an_answer_without_whole_json_has_a_name(text: str, cut_off: bool, code: str) -> None:
    with pytest.raises(ModelError) as caught:
        tags_of(text, cut_off=cut_off)
    assert caught.value.code == code


def test_a_failure_carries_the_tokens_that_it_cost() -> None:
    usage = Usage(prompt_tokens=7, completion_tokens=3)
    with pytest.raises(ModelError) as caught:
        description_of(Reply("I cannot view videos.", usage), "m")
    assert caught.value.usage == usage


def outcome(text: str, *, cut_off: bool = False) -> set[str]:
    """Codes of failures; reading as a caption and as JSON either gives text or fails with a code."""
    codes = set()
    for reading in (described, tags_of):
        try:
            reading(text, cut_off=cut_off)
        except ModelError as error:
            codes.add(error.code)
    return codes


@given(st.text(max_size=300), st.booleans())
def test_whatever_is_answered_the_outcome_is_text_or_a_named_failure(text: str, cut_off: bool) -> None:
    assert outcome(text, cut_off=cut_off) <= {"model.reasoning", "model.refusal", "model.loop", "model.cut_off"}


@pytest.mark.parametrize("piece", ["<think>", "</think>", "**a ", "<script", "{", '{"a":', "[", "```", "<|channel|>final", "I'm sorry "])
def test_hostile_answers_take_no_time(piece: str) -> None:
    began = time.perf_counter()
    outcome(piece * (200_000 // len(piece)))
    assert time.perf_counter() - began < 10
