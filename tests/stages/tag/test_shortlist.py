"""The shortlist of a long vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import ClassifyRequest
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.stages.tag.shortlist import Shortlist, Vectors

KINDS = ("whale", "tractor", "violin", "volcano", "ballet", "submarine", "bakery", "glacier", "circus", "library")
THINGS = (
    "in winter",
    "at night",
    "from above",
    "in slow motion",
    "with children",
    "on fire",
    "under water",
    "in a city",
    "with a dog",
    "at sea",
)


def vocabulary(names: Sequence[str], **aliases: tuple[str, ...]) -> Vocabulary:
    tags = tuple(Tag(name=name, axis="a", aliases=aliases.get(name, ())) for name in names)
    return Vocabulary(id="v", version="1", axes=(Axis(name="a"),), tags=tags)


def request_for(caption: str, text: str = "") -> ClassifyRequest:
    return ClassifyRequest(segment="s", caption=caption, caption_model="m", text=text)


def letters(texts: Sequence[str]) -> Vectors:
    """A stand-in for embeddings: how often each letter occurs."""
    counts = np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], float) + 1e-3
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@given(
    st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=2, max_size=30, unique=True), st.integers(1, 40), st.text(max_size=80)
)
def test_a_shortlist_is_of_its_length_in_the_vocabularys_order_and_always_the_same(names: list[str], size: int, caption: str) -> None:
    chooser = Shortlist(vocabulary(names), size, letters)
    chosen = chooser.choose(request_for(caption))
    assert len(chosen) == min(size, len(names))
    assert list(chosen) == [name for name in names if name in chosen]
    assert chosen == chooser.choose(request_for(caption))


def test_a_tag_that_the_text_names_is_always_on_it_by_name_or_alias_as_whole_words() -> None:
    names = [f"{kind} {thing}" for kind in KINDS for thing in THINGS]
    chooser = Shortlist(vocabulary([*names, "Zorb", "cat"], Zorb=("hamster-ball",)), 5, letters)
    assert "Zorb" in chooser.choose(request_for("A child rolls downhill in a Hamster-Ball, laughing."))
    assert "glacier at sea" in chooser.choose(request_for("Ships.", text="a GLACIER at sea"))
    assert chooser.choose(request_for("category")).count("cat") == chooser.choose(request_for("categoric")).count("cat")


def test_what_the_caption_is_about_is_on_it_without_being_named() -> None:
    """With the embeddings that ship: each caption means one kind and says none of its words."""
    chooser = Shortlist(vocabulary([f"{kind} {thing}" for kind in KINDS for thing in THINGS]), 20)
    meant = {
        "violin": "The orchestra plays a concerto with bow and strings.",
        "volcano": "Lava erupts from a crater and ash rises.",
        "bakery": "Fresh loaves of bread come out of the oven.",
        "ballet": "Dancers in tutus leap across the stage.",
    }
    for kind, caption in meant.items():
        shortlist = chooser.choose(request_for(caption))
        assert sum(name.startswith(kind) for name in shortlist) >= 4, kind


def test_a_detail_is_not_drowned_by_the_rest() -> None:
    chooser = Shortlist(vocabulary([f"{kind} {thing}" for kind in KINDS for thing in THINGS]), 30)
    caption = "People walk along a busy street past shops and cars, talking, while buses pass, and far away lava erupts from a crater."
    assert any(name.startswith("volcano") for name in chooser.choose(request_for(caption)))
