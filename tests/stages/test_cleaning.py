"""Answers as models and servers write them, and what is left of them."""

from __future__ import annotations

import json

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
        f"<|START_THINKING|>A boat?<|END_THINKING|><|START_RESPONSE|>{BOAT}<|END_RESPONSE|>",
        f"<|begin_of_thought|>A boat?<|end_of_thought|>\n<|begin_of_solution|>{BOAT}<|end_of_solution|>",
        f"<|inner_prefix|>A boat?<|inner_suffix|>{BOAT}",
        f"<unused94>thought\nA boat?<unused95>{BOAT}",
        f'<details type="reasoning" done="true">\n<summary>Thought for 3 seconds</summary>\n> A boat?\n</details>\n{BOAT}',
        f"<analysis>A boat?</analysis>\n<answer>{BOAT}</answer>",
        f'<think effort="high">A <think> tag?</think> Hm.</think>{BOAT}',
        f"<think>A boat?</think>{BOAT}<think>Is that right?</think>",
        f"&lt;think&gt;A boat?&lt;/think&gt;\n{BOAT}",
        f"**Thinking:** The frames show water.\n\n**Answer:** {BOAT}",
        f"### Reasoning\nThe frames show water.\n\n### Final Answer\n{BOAT}",
        f"Here is my thought process:\nWater.\n\nHere is my response:\n{BOAT}",
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
        "<|START_THINKING|>The frames show",
        "<unused94>thought\nThe user wants one sentence.",
        "&lt;think&gt;The user wants",
        "<scratchpad>A boat?</scratchpad>",
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
    "text",
    [
        "I must decline to describe this.",
        "I'd prefer not to describe this image.",
        "I have no way of viewing the frames.",
        "I am a text-based AI and cannot see images.",
        "I can only process text.",
        "It is not possible for me to view the frames.",
        "That's not something I can help with.",
        "Hmm, I can't seem to open the frames.",
        "Due to safety guidelines, I can't describe this.",
        "Your request was flagged by our safety system.",
        "This content may violate our usage policies.",
        "Error: unable to process image.",
        "The image could not be loaded.",
        "Could you describe the picture?",
        "عذرًا، لا أستطيع المساعدة في ذلك.",
        "我无法查看视频。",
        "作为一个AI语言模型，我看不到图片。",
        "Omlouvám se, ale s tím nemohu pomoci.",
        "Het spijt me, maar ik kan daar niet bij helpen.",
        "Valitettavasti en voi auttaa.",
        "Je ne peux pas vous aider avec cette demande.",
        "Leider kann ich das Video nicht ansehen.",
        "Tut mir leid, aber dabei kann ich nicht helfen.",
        "Λυπάμαι, αλλά δεν μπορώ να βοηθήσω.",
        "אני מצטער, אבל אני לא יכול לעזור בזה.",
        "मुझे खेद है, लेकिन मैं इसमें मदद नहीं कर सकता।",
        "Sajnálom, de ebben nem tudok segíteni.",
        "Maaf, saya tidak dapat membantu.",
        "Non posso visualizzare il video.",
        "すみませんが、画像を見ることができません。",
        "도와드릴 수 없습니다.",
        "Beklager, men jeg kan ikke hjelpe med det.",
        "Przepraszam, ale nie mogę w tym pomóc.",
        "Não consigo ver as imagens.",
        "Îmi pare rău, dar nu pot ajuta.",
        "К сожалению, я не могу просмотреть видео.",
        "Lamentablemente, no puedo ayudar con esa solicitud.",
        "Jag är ledsen, men jag kan inte hjälpa till.",
        "ขออภัย ฉันไม่สามารถช่วยได้",
        "Üzgünüm, ancak bu konuda yardımcı olamam.",
        "Вибачте, але я не можу допомогти.",
        "Xin lỗi, tôi không thể giúp với yêu cầu này.",
    ],
)
def test_refusals_in_other_words_and_languages_have_the_same_name(text: str) -> None:
    assert code_of(text) == "model.refusal"
    with pytest.raises(ModelError) as caught:
        tags_of(text)
    assert caught.value.code == "model.refusal"


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
        "Ein Mann kann eine Tür nicht öffnen.",
        "Leider regnet es, und die Straße ist leer.",
        "Une femme ne peut pas entrer.",
        "Un hombre no puede abrir la puerta.",
        "얼굴을 볼 수 없는 남자가 서 있다.",
        "一个人无法打开门。",
        "The image on the wall cannot be read, and the video plays on.",
        "A digital clock counts 10, 9, 8, 7 while 3 people wait.",
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
        " ".join(f"Frame {number}: a man stands in a room." for number in range(1, 40)),
        "\n".join(f"{number}. The man walks along the street." for number in range(1, 40)),
        " ".join(map(str, range(300))),
        " ".join(f"The man is standing in front of the {thing} and the woman is standing in front of the" for thing in ("car", "bus")) * 9,
    ],
)
def test_a_repetition_loop_has_a_name(text: str) -> None:
    assert code_of(text) == "model.loop"


def test_an_answer_that_was_cut_off_keeps_its_whole_sentences() -> None:
    assert described("A boat lies in the harbor. Behind it, a man is about to", cut_off=True) == BOAT
    assert described(BOAT, cut_off=True) == BOAT
    assert code_of("A boat lies in the harbor, and behind it a man is about", cut_off=True) == "model.cut_off"
    assert described(json.dumps({"caption": f"{BOAT} Behind it, a man"})[:-2], cut_off=True) == BOAT
    assert described("一艘船停在港口。后面有一个男人正在", cut_off=True) == "一艘船停在港口。"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("```json\n" + json.dumps({"caption": BOAT}) + "\n```", BOAT),
        (json.dumps({"description": BOAT, "mood": "calm"}), BOAT),
        (json.dumps([BOAT]), BOAT),
        (json.dumps(BOAT), BOAT),
        (f"Here is it:\n```\n{BOAT}\n```", BOAT),
        ("## Caption\n\n**A boat** lies in the *harbor*.", BOAT),
        ("- A boat.\n- A man.\n---", "A boat. A man."),
        (f"<p>{BOAT}</p><br/>", BOAT),
        ("A boat &amp; a man at [the harbor](http://x/y).", "A boat & a man at the harbor."),
        (f"{BOAT}<|im_end|>", BOAT),
        (f"<|begin_of_box|>{BOAT}<|end_of_box|></s>", BOAT),
        ("<answer>A boat.</answer>", "A boat."),
        (json.dumps({"caption": BOAT})[:-1], BOAT),
        (json.dumps({"caption": BOAT})[:-1] + ",}", BOAT),
        (str({"caption": BOAT}), BOAT),
        (json.dumps({"segments": [{"caption": {"en": BOAT}, "mood": "calm"}]}), BOAT),
        (f"Here is the caption: {json.dumps({'caption': BOAT})}", BOAT),
        (f"json\n{json.dumps({'caption': BOAT})}\n\nLet me know!", BOAT),
        (f"~~~~json\n{json.dumps({'caption': BOAT})}\n~~~~", BOAT),
        (f"```\n{BOAT}\n```\n\nExplanation: the frames show one.", BOAT),
        (f"**Caption:** {BOAT}", BOAT),
        (f"| Caption |\n|:---|\n| {BOAT} |", BOAT),
        (f"\\boxed{{{BOAT}}}", BOAT),
        ("<b>A boat</b>, <i>still</i>.", "A boat, still."),
        ("A boat.\\n\\nA man.", "A boat. A man."),
        (f"<|im_start|>assistant\n{BOAT}<|im_end|>", BOAT),
        (f"<|start_header_id|>assistant<|end_header_id|>\n\n{BOAT}<|eot_id|>", BOAT),
        (f"ASSISTANT: {BOAT}<｜end▁of▁sentence｜>", BOAT),
        ('"Stay," says a man {in a coat}.', '"Stay," says a man {in a coat}.'),
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
        f"<|START_THINKING|>Perhaps {json.dumps({'tags': []})}?<|END_THINKING|>{TAGS}",
        f"{json.dumps({'type': 'object', 'properties': {'tags': {}}})}\n{TAGS}",
        f"{TAGS[:-1]},}}",
        json.dumps(TAGS),
        f"~~~\n{TAGS}\n~~~",
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


@pytest.mark.parametrize(
    "piece",
    [
        "<think>",
        "</think>",
        "**a ",
        "<script",
        "{",
        '{"a":',
        "[",
        "```",
        "<|channel|>final",
        "I'm sorry ",
        "Lo siento ",
        "&lt;think&gt;",
        "| ",
        "\\boxed{",
        '{"caption": "',
        "### Answer\n",
        "~~~",
        "1 ",
    ],
)
@pytest.mark.timeout(60)  # an expression that backtracks would take hours
def test_hostile_answers_take_no_time(piece: str) -> None:
    outcome(piece * (200_000 // len(piece)))
