"""Gives the clips of a timeline in DaVinci Resolve the color of their tags.

Clips have other colors than markers. A clip that a person gave a color keeps it.
"""

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from streamtags_markers import Wanted

__all__ = ["CLIP_COLORS", "clip_color_of", "paint_clips"]

CLIP_COLORS = (
    "Orange", "Apricot", "Yellow", "Lime", "Olive", "Green", "Teal", "Navy",
    "Blue", "Purple", "Violet", "Pink", "Tan", "Beige", "Brown", "Chocolate",
)  # fmt: skip
# Marker colors that clips do not have, with the clip color that looks most like each.
_MARKER_COLORS = {
    "Cyan": "Teal", "Red": "Orange", "Fuchsia": "Violet", "Rose": "Pink", "Lavender": "Violet",
    "Sky": "Teal", "Mint": "Lime", "Lemon": "Yellow", "Sand": "Tan", "Cocoa": "Brown", "Cream": "Beige",
}  # fmt: skip


def clip_color_of(name: str) -> Optional[str]:
    """Return the clip color for a name of a clip color or marker color; None if Resolve has neither."""
    colors = {color.lower(): color for color in CLIP_COLORS}
    colors.update((marker.lower(), color) for marker, color in _MARKER_COLORS.items())
    return colors.get(name.lower())


def paint_clips(items: Sequence[Any], wanted: Sequence[Wanted], chosen: Mapping[str, str], painted: Dict[str, str]) -> int:
    """Give each item the clip color of the marker that covers most of it; return how many colors changed.

    Args:
        items: what the timeline shows of the clip that the markers are for.
        wanted: the markers, in frames of the clip.
        chosen: clip colors that the settings name, by marker color.
        painted: the color that this program gave to each item, by its id; changed in place.
    """
    changed = 0
    for item in items:
        key, now = _identity(item), str(item.GetClipColor() or "")
        if now and now != painted.get(key):
            continue  # a person's choice
        color = _color_for(item, wanted, chosen)
        if color != now and (item.SetClipColor(color) if color else item.ClearClipColor()):
            changed += 1
            painted[key] = color
    return changed


def _color_for(item: Any, wanted: Sequence[Wanted], chosen: Mapping[str, str]) -> str:
    first, last = _span(item)
    shared = [(min(last, one.last_frame + 1) - max(first, one.marker.frame), one.marker.color) for one in wanted if any(one.shown)]
    frames, color = max(shared, default=(0, ""), key=lambda one: one[0])
    return (chosen.get(color) or clip_color_of(color) or "") if frames > 0 else ""


def _span(item: Any) -> Tuple[int, int]:
    """Return the frames of the clip that an item shows, the end exclusive."""
    start = getattr(item, "GetSourceStartFrame", None)  # since Resolve 18.5
    first = start() if callable(start) else item.GetLeftOffset()
    return int(first or 0), int(first or 0) + int(item.GetDuration() or 0)


def _identity(item: Any) -> str:
    unique = getattr(item, "GetUniqueId", None)  # since Resolve 18
    return str((unique() if callable(unique) else None) or "{}/{}".format(item.GetName(), item.GetStart()))
