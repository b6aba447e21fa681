"""Changes that one take explains: another light, a ground that drifts, a camera that turns, a flash that ends."""

from __future__ import annotations

from streamtags.shots.blocks import kept_detail, shifted_correlation
from streamtags.shots.window import FrameWindow

__all__ = ["is_camera_turn", "is_drifting_ground", "is_flash", "is_other_light"]

_SAME_SCENE = 0.72  # correlation from which the pictures on both sides show one scene
_LIGHT_ENERGY = 0.02  # share of the energy that the darker side must have: less is a fade
_KEPT_DETAIL = 0.7  # share of the detail that stays in place where only a soft ground has changed
_FLASH_RISE = 60.0  # levels by which the darkest parts of a picture rise in a flash
_FLASH_FADES = 0.3  # share of that rise that is gone again after the shortest flashes: a white card stays white
_BACK_AGAIN = 0.65  # correlation from which a picture is the one before the flash, a little later
_TURN_CORRELATION = 0.85  # of neighbors after their shift, the worst pair of a camera turn
_TURN_SHARE = 0.35  # of the picture's width that the camera must have moved over the transition


def is_other_light(window: FrameWindow, before: int, after: int, reach: int) -> bool:
    """Whether two frames show the same scene, with no black or white between them or within `reach` frames."""
    energies = sorted((float(window.energy[before % window.size]), float(window.energy[after % window.size])))
    if energies[0] < _LIGHT_ENERGY * energies[1] or shifted_correlation(window.picture(before), window.picture(after))[0] < _SAME_SCENE:
        return False
    uniform = window.uniform_frames(max(window.oldest, before - reach), min(window.count - 1, after + reach))
    return len(uniform) == 0


def is_drifting_ground(window: FrameWindow, before: int, after: int) -> bool:
    """Whether all detail stays where it is, like a title before a soft ground that drifts and changes its color."""
    return kept_detail(window.picture(before), window.picture(after)) >= _KEPT_DETAIL


def is_camera_turn(window: FrameWindow, before: int, after: int, stride: int) -> bool:
    """Whether each picture from `before` to `after` is the one before it, shifted, and the shifts add up to a turn."""
    middle = (before + after) // 2
    if window.move(middle + stride, stride)[1] == 0.0:
        return False  # where a turn is fastest, nothing moves
    way = 0.0
    for frame in range(before + stride, after + 1, stride):
        correlation, shift = window.move(frame, stride)
        if correlation < _TURN_CORRELATION:
            return False
        way += shift
    return bool(way >= _TURN_SHARE * window.picture(before).grey.shape[1])


def is_flash(window: FrameWindow, low: int, high: int, settle: int, reach: int) -> bool:
    """Whether the picture brightens by a flash in or just before `low` to `high`, and shows again later what it showed before.

    Args:
        window: the frames.
        low: first frame of the transition; a cut is its own first and last frame.
        high: last frame of the transition.
        settle: frames that the shortest flashes last.
        reach: frames in which the picture must be back.
    """
    first = max(window.oldest + 1, low - (2 * settle if high > low else 1))
    flash = max(range(first, high + 1), key=lambda frame: window.dark_level(frame) - window.dark_level(frame - 1), default=first)
    peak, rise = window.dark_level(flash), window.dark_level(flash) - window.dark_level(flash - 1)
    last = min(window.count, flash + settle + 1)
    if rise < _FLASH_RISE or all(window.dark_level(frame) > peak - _FLASH_FADES * rise for frame in range(flash + 1, last)):
        return False
    before = window.picture(max(window.oldest, flash - 2))
    later = range(max(flash + settle // 2, high + (high > low)), min(window.count, flash + reach), max(1, settle // 3))
    return any(shifted_correlation(before, window.picture(frame))[0] >= _BACK_AGAIN for frame in later)
