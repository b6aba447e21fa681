"""Text that comes from outside is cut, and says so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.bounded import MAX_TEXT_CHARACTERS, cut_text, join_texts
from streamtags.core.events import ErrorInfo, SegmentCaptioned, SegmentMeasured, SegmentTagged
from streamtags.testing.log import make_payloads


def test_a_short_text_is_unchanged_and_a_long_one_says_how_long_it_was() -> None:
    assert cut_text("a title", 500) == "a title"
    cut = cut_text("T" * 15_000_000, 500)
    assert len(cut) == 500
    assert cut.endswith("T… [cut, 15000000 characters in all]")


@given(st.text(max_size=200), st.integers(60, 100))
def test_cutting_twice_changes_nothing(text: str, most: int) -> None:
    assert cut_text(cut_text(text, most), most) == cut_text(text, most)
    assert len(cut_text(text, most)) <= most


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(60, 200))
def test_joined_texts_are_those_of_a_plain_join(texts: list[str], most: int) -> None:
    assert join_texts(texts, most) == cut_text("\n".join(texts), most)


def test_a_title_of_fifteen_megabytes_does_not_enter_a_log() -> None:
    opened = make_payloads(1)[0]
    fields = opened.model_dump(mode="json")
    fields["source"] |= {"title": "T" * (15 << 20), "name": "n" * 100_000, "container": "c" * 100_000}
    fields["source"]["video"] |= {"codec": "x" * 100_000}
    again = type(opened).model_validate(fields)
    assert len(again.model_dump_json()) < 5_000
    assert again.source.title.endswith("[cut, 15728640 characters in all]")  # type: ignore[attr-defined]


def test_no_field_from_a_source_or_a_model_is_unbounded() -> None:
    huge = "x" * 1_000_000
    captioned, tagged = (next(one for one in make_payloads(1) if isinstance(one, kind)) for kind in (SegmentCaptioned, SegmentTagged))
    texts = (
        SegmentMeasured(segment="s0000", evidence={}, text=huge).text,
        SegmentCaptioned.model_validate(captioned.model_dump() | {"caption": huge}).caption,
        SegmentTagged.model_validate(tagged.model_dump() | {"reasoning": huge}).reasoning,
        SegmentTagged.model_validate(tagged.model_dump() | {"key_information": [huge]}).key_information[0],
        ErrorInfo(code="model", message=huge).message,
    )
    for text in texts:
        assert len(text) <= MAX_TEXT_CHARACTERS
        assert "[cut, 1000000 characters in all]" in text
