from __future__ import annotations

import pytest

from streamtags.core.marker_words import marker_name, marker_tags, segment_name, written_by_streamtags
from streamtags.core.model import TagScore

TAGS = [TagScore(tag="Dark", confidence=0.9), TagScore(tag="Rock: slow", confidence=0.5)]


@pytest.mark.parametrize("separator", ["\n", " | "])
def test_a_marker_that_was_exported_is_known_again(separator: str) -> None:
    note = separator.join(["A street at night.", marker_tags(TAGS), "It is night."])
    assert written_by_streamtags("1M2, " + marker_name(TAGS), note)
    assert written_by_streamtags(f"{marker_name(TAGS)}: {note}", "")
    assert written_by_streamtags(segment_name(12), "A street at night.")
    assert written_by_streamtags("1M2, Segment 12: A street at night.", "")


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("MUSIC IN", "strings"),
        ("Dark, Slow", "A street at night."),
        ("Not this one", "Dark 0.90, Rock: slow 0.50"),  # renamed
        ("Take 3", "Lens 1.40"),
        ("Segment 12 again", ""),
        ("", ""),
    ],
)
def test_a_marker_of_a_person_is_one(name: str, note: str) -> None:
    assert not written_by_streamtags(name, note)
