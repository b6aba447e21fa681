"""Which color a marker gets in each editing system."""

from __future__ import annotations

import pytest

from streamtags.core.errors import UsageError
from streamtags.core.state import TimelineState
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.export import ExportOptions
from streamtags.export.colors import AVID, FINAL_CUT, PALETTES, PREMIERE, RESOLVE, MarkerColors, Palette, axis_colors
from streamtags.export.markers import make_markers

VOCABULARY = Vocabulary(id="moods", version="1", axes=(Axis(name="mood"), Axis(name="light")), tags=(Tag(name="Calm", axis="mood"),))


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda palette: palette.name)
def test_a_palette_gives_out_only_its_own_colors_each_once(palette: Palette) -> None:
    assert set(palette.order) <= set(palette.colors)
    assert len(set(palette.order)) == len(palette.order)
    assert palette.default in palette.colors
    assert palette.default not in palette.order


def test_axes_get_colors_in_the_order_of_the_vocabulary() -> None:
    assert axis_colors(RESOLVE, ["mood", "genre"]) == {"mood": "Blue", "genre": "Green"}


def test_a_chosen_color_is_given_to_no_other_axis() -> None:
    assert axis_colors(RESOLVE, ["mood", "genre", "light"], {"GENRE": "blue"}) == {"mood": "Green", "genre": "Blue", "light": "Yellow"}


def test_more_axes_than_colors_start_again() -> None:
    colors = axis_colors(PREMIERE, [str(number) for number in range(9)])
    assert (colors["7"], colors["8"]) == ("Blue", "Green")


def test_a_color_of_another_system_means_the_nearest_one() -> None:
    assert AVID.find("Fuchsia") == "Red"
    assert AVID.find("sky") == "Cyan"
    assert AVID.find("Rose") == "Red"
    assert PREMIERE.find("Magenta") == "Purple"
    assert RESOLVE.find("White") == "Cream"


def test_a_color_that_no_system_has_is_answered_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="no marker color 'Bleu'; did you mean 'Blue'"):
        RESOLVE.find("Bleu")


def test_a_marker_has_the_color_of_the_axis_of_its_strongest_tag(state: TimelineState) -> None:
    marker = make_markers(state, ExportOptions(), VOCABULARY)[0]
    assert MarkerColors(RESOLVE, VOCABULARY).of(marker) == "Blue"
    assert MarkerColors(RESOLVE, VOCABULARY, {"mood": "Mint"}).of(marker) == "Mint"
    assert MarkerColors(RESOLVE, None).of(marker) == "Cream"


def test_markers_of_final_cut_are_standard_markers_unless_a_person_chooses() -> None:
    assert axis_colors(FINAL_CUT, ["mood", "light"], {"light": "Red"}) == {"mood": "Blue", "light": "Red"}
