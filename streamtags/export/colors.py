"""Colors of markers: the palette of each editing system, and the color that each axis of a vocabulary gets there.

A marker takes the color of the axis of its strongest tag. People name colors with `--color AXIS=NAME`; axes that they do not name get
colors in the order of the vocabulary. A color of another system means the nearest one of the target's palette.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamtags.core.errors import UsageError
from streamtags.core.vocabulary import Vocabulary, did_you_mean, folded
from streamtags.export.markers import Marker

__all__ = ["AVID", "FINAL_CUT", "OTIO", "PALETTES", "PREMIERE", "RESOLVE", "MarkerColors", "Palette", "axis_colors"]

RGB = tuple[int, int, int]
_GRAY = 0.2  # saturation up to which a color has no hue to compare


@dataclass(frozen=True, slots=True)
class Palette:
    """The marker colors of one editing system.

    Attributes:
        name: a key of `PALETTES`.
        colors: RGB of each color, by the name that the system shows; of one look that is near enough to compare them.
        order: the colors that axes get, in order; readable beside each other. Empty if axes get none by themselves.
        default: the color of a marker without axis.
    """

    name: str
    colors: Mapping[str, RGB]
    order: tuple[str, ...]
    default: str

    def find(self, name: str) -> str:
        """Return the color that `name` means here: one of this palette, else the nearest to the color of another palette.

        Raises:
            UsageError: no palette has a color of that name.
        """
        key = folded(name)
        own = next((color for color in self.colors if folded(color) == key), None)
        if own is not None:
            return own
        rgb = next((rgb for palette in PALETTES.values() for color, rgb in palette.colors.items() if folded(color) == key), None)
        if rgb is None:
            raise UsageError(f"no marker color {name!r}", where="export option color", hint=did_you_mean(name, self.colors))
        return min(self.colors, key=lambda color: _distance(self.colors[color], rgb))


def _distance(one: RGB, other: RGB) -> float:
    """How different two colors look: mostly by hue, and by brightness where one of them is gray."""
    (hue, saturation, value), (other_hue, other_saturation, other_value) = (
        colorsys.rgb_to_hsv(*(channel / 255 for channel in rgb)) for rgb in (one, other)
    )
    around = abs(hue - other_hue)
    turn = min(around, 1 - around) if min(saturation, other_saturation) > _GRAY else 0.5 * (saturation + other_saturation)
    return 6 * turn + 0.3 * abs(saturation - other_saturation) + 0.5 * abs(value - other_value)


# DaVinci Resolve Reference Manual, "Marker colors"; the same names in its scripting API. Clip colors are another set.
RESOLVE = Palette(
    "resolve",
    {
        "Blue": (0, 127, 227),
        "Cyan": (0, 206, 208),
        "Green": (0, 173, 0),
        "Yellow": (240, 157, 0),
        "Red": (225, 36, 1),
        "Pink": (255, 68, 200),
        "Purple": (144, 19, 254),
        "Fuchsia": (192, 46, 111),
        "Rose": (255, 161, 185),
        "Lavender": (161, 147, 200),
        "Sky": (146, 226, 253),
        "Mint": (114, 219, 0),
        "Lemon": (220, 233, 90),
        "Sand": (196, 145, 94),
        "Cocoa": (110, 81, 67),
        "Cream": (245, 235, 225),
    },
    ("Blue", "Green", "Yellow", "Red", "Purple", "Cyan", "Pink", "Mint", "Sand", "Fuchsia", "Sky", "Lemon", "Rose", "Lavender", "Cocoa"),
    "Cream",
)

# The eight marker colors of Premiere Pro, in the order of their index 0 to 7; RGB as it writes them into xmeml.
PREMIERE = Palette(
    "premiere",
    {
        "Green": (113, 134, 55),
        "Red": (210, 44, 54),
        "Purple": (175, 139, 177),
        "Orange": (233, 111, 36),
        "Yellow": (208, 161, 43),
        "White": (255, 255, 255),
        "Blue": (66, 131, 252),
        "Cyan": (25, 244, 214),
    },
    ("Blue", "Green", "Yellow", "Red", "Purple", "Cyan", "Orange"),
    "White",
)

# The eight colors of markers in every Media Composer, and of `* LOC:` lines in EDLs. Newer versions have eight more.
AVID = Palette(
    "avid",
    {
        "Red": (255, 0, 0),
        "Green": (0, 255, 0),
        "Blue": (0, 0, 255),
        "Cyan": (0, 255, 255),
        "Magenta": (255, 0, 255),
        "Yellow": (255, 255, 0),
        "Black": (0, 0, 0),
        "White": (255, 255, 255),
    },
    ("Blue", "Green", "Yellow", "Red", "Magenta", "Cyan", "Black"),
    "White",
)

# `Marker.Color` of OpenTimelineIO.
OTIO = Palette(
    "otio",
    {
        "PINK": (255, 0, 128),
        "RED": (255, 0, 0),
        "ORANGE": (255, 128, 0),
        "YELLOW": (255, 255, 0),
        "GREEN": (0, 255, 0),
        "CYAN": (0, 255, 255),
        "BLUE": (0, 0, 255),
        "PURPLE": (128, 0, 128),
        "MAGENTA": (255, 0, 255),
        "BLACK": (0, 0, 0),
        "WHITE": (255, 255, 255),
    },
    ("BLUE", "GREEN", "YELLOW", "RED", "PURPLE", "CYAN", "PINK", "ORANGE", "MAGENTA", "BLACK"),
    "WHITE",
)

# Final Cut Pro colors markers by kind: standard, to-do, done and chapter markers. Axes are standard markers unless a person says otherwise.
FINAL_CUT = Palette(
    "final-cut",
    {"Blue": (82, 106, 197), "Red": (214, 55, 50), "Green": (71, 164, 59), "Orange": (226, 139, 40)},
    (),
    "Blue",
)

PALETTES = {palette.name: palette for palette in (RESOLVE, PREMIERE, AVID, OTIO, FINAL_CUT)}


def axis_colors(palette: Palette, axes: Iterable[str], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a color of `palette` for each axis.

    Args:
        palette: the colors of the target.
        axes: names of the axes, in the order of the vocabulary.
        chosen: color names that a person gave to axes, whatever the case of the axis. They are not given to other axes while there
            are others left.

    Raises:
        UsageError: no palette has a color that is chosen.
    """
    given = {folded(axis): palette.find(color) for axis, color in (chosen or {}).items()}
    free = [color for color in palette.order if color not in given.values()] or list(palette.order) or [palette.default]
    colors: dict[str, str] = {}
    taken = 0
    for axis in axes:
        if folded(axis) in given:
            colors[axis] = given[folded(axis)]
        else:
            colors[axis] = free[taken % len(free)]
            taken += 1
    return colors


class MarkerColors:
    """The colors of markers in one editing system.

    Raises:
        UsageError: no palette has a color that is chosen.
    """

    def __init__(self, palette: Palette, vocabulary: Vocabulary | None, chosen: Mapping[str, str] | None = None) -> None:
        axes = [axis.name for axis in vocabulary.axes] if vocabulary is not None else []
        self._default = palette.default
        self._colors = axis_colors(palette, axes, chosen)

    def of(self, marker: Marker) -> str:
        """Return the name of the color of `marker`, as the palette spells it."""
        return self._colors.get(marker.axis or "", self._default)
