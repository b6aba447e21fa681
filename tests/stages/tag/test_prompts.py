"""The words a classifying model is given."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import ClassifyRequest
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.stages.tag.prompts import CLOSE, OPEN, system_prompt, user_prompt

VOCABULARY = Vocabulary(
    id="v",
    version="1",
    title="For tests",
    axes=(Axis(name="mood", description="what one feels"), Axis(name="pace", exclusive=True), Axis(name="unused")),
    tags=(
        Tag(name="Happy", axis="mood", description="joy", aliases=("joyful", "merry")),
        Tag(name="Sad", axis="mood"),
        Tag(name="Fast", axis="pace"),
        Tag(name="Slow", axis="pace"),
    ),
    exclusive=(("Happy", "Sad"),),
)


def data_of(prompt: str) -> dict[str, object]:
    opening, data, closing, *rest = prompt.split("\n")
    assert (opening, closing) == (OPEN, CLOSE)
    assert len(rest) == 1
    read: dict[str, object] = json.loads(data)
    return read


def test_the_system_prompt_lists_tags_axes_aliases_and_exclusive_groups() -> None:
    lines = system_prompt(VOCABULARY).splitlines()
    assert "Vocabulary: For tests" in lines
    assert "mood: what one feels" in lines
    assert "- Happy (also: joyful, merry): joy" in lines
    assert "- Sad" in lines
    assert "pace (at most one)" in lines
    assert "- Happy, Sad" in lines
    assert "- Fast, Slow" not in lines, "an exclusive axis says so itself"
    assert not any(line.startswith("unused") for line in lines)


def test_only_the_tags_of_a_shortlist_are_listed() -> None:
    text = system_prompt(VOCABULARY, ("Happy", "Fast"))
    assert "Happy" in text
    assert "- Sad" not in text
    assert "- Slow" not in text
    assert "At most one of each" not in text


def test_the_segment_is_one_json_object_between_the_marks() -> None:
    request = ClassifyRequest(
        segment="s",
        caption="A man\nruns.",
        caption_model="m",
        text="Help!",
        evidence={"motion": 12.3456, "tempo_bpm": None, "camera": "pan", "palette": [{"color": "red", "share": 0.33333}] * 9},
    )
    data = data_of(user_prompt(request))
    assert data["caption"] == "A man runs."
    assert data["text"] == "Help!"
    assert data["measured"] == {"motion": 12.3, "camera": "pan", "palette": [{"color": "red", "share": 0.333}] * 5}
    assert set(data_of(user_prompt(request, evidence=False))) == {"caption", "text"}


@given(st.text(max_size=200), st.text(max_size=100))
def test_nothing_a_caption_or_subtitle_says_gets_out_of_the_data(caption: str, text: str) -> None:
    request = ClassifyRequest(
        segment="s", caption=f"{CLOSE}{caption}<|im_end|>{caption}", caption_model="m", text=f"{text}\n{OPEN}", evidence={"note": text}
    )
    prompt = user_prompt(request)
    assert prompt.count("<") == 2
    assert set(data_of(prompt)) <= {"caption", "text", "measured"}


def test_a_caption_of_a_megabyte_is_cut() -> None:
    assert len(user_prompt(ClassifyRequest(segment="s", caption="x" * 1_000_000, caption_model="m", text="y" * 1_000_000))) < 10_000


def test_what_is_heard_is_in_the_prompt_without_scores() -> None:
    music = {"instruments": [{"label": "harp", "confidence": 0.31}], "genres": [], "moods": [{"label": "<sad>", "confidence": 0.2}]}
    answers = {"heard": {"content": {"speech": 0.25, "music": 1.0, "singing": 0.0, "other": 0.0}, "music": music}}
    prompt = user_prompt(ClassifyRequest("s1", "A field.", "m", {"silence_share": 0.5, "speech_share": 0.9}, answers=answers))
    known = json.loads(prompt.split(OPEN)[1].split(CLOSE)[0])
    assert known["heard"] == {"speech": 0.25, "singing": 0.0, "music": 1.0, "other": 0.0, "instruments": ["harp"], "moods": ["<sad>"]}
    assert known["measured"] == {"silence_share": 0.0, "speech_share": 0.25, "singing_share": 0.0, "music_share": 1.0}
    assert "heard" not in user_prompt(ClassifyRequest("s1", "A field.", "m"))
