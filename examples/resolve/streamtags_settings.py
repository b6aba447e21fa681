"""The settings of the scripts: a JSON file for the menu script, flags for the outside script."""

import json
import os
from typing import Any, Dict, List, NamedTuple

from streamtags_markers import MARKER_COLORS, Settings, color_of
from streamtags_memory import memory_path
from streamtags_paint import clip_color_of
from streamtags_source import FileSource, ServerSource

__all__ = ["Configuration", "SettingsError", "configure", "read_file"]

DEFAULTS: Dict[str, Any] = {
    "server": "http://127.0.0.1:8710",
    "timeline": "last",
    "token": "",
    "by": "",
    "file": "",
    "follow": True,
    "keep_following": False,
    "axes": [],
    "tags": [],
    "min_confidence": 0.0,
    "colors": {},
    "align": "start",
    "offset_frames": 0,
    "target": "timeline",
    "paint_clips": False,
}
_CHOICES = {"align": ("start", "timecode"), "target": ("timeline", "clip")}


class SettingsError(Exception):
    """A setting is unknown or has a wrong value."""


class Configuration(NamedTuple):
    """What a script works with."""

    source: Any
    settings: Settings
    follows: bool
    until_ended: bool
    memory_file: str


def read_file(path: str) -> Dict[str, Any]:
    """Return the settings in a file. If there is none, write one with the defaults, to be edited.

    Raises:
        SettingsError: the file cannot be read or written, or is not JSON.
    """
    try:
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(DEFAULTS, file, indent=2)
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
    except (OSError, ValueError) as error:
        raise SettingsError("cannot read the settings in {}: {}".format(path, error)) from error
    if not isinstance(fields, dict):
        raise SettingsError("the settings in {} are not a JSON object".format(path))
    return fields


def configure(given: Dict[str, Any]) -> Configuration:
    """Check settings, and return what a script works with.

    Raises:
        SettingsError: a setting is unknown or has a wrong value; the message says which are allowed.
        SourceError: `server` is not an address.
    """
    fields = dict(DEFAULTS, **given)
    for name, value in fields.items():
        if name not in DEFAULTS:
            raise SettingsError("there is no setting {!r}; the settings are {}".format(name, ", ".join(DEFAULTS)))
        if not isinstance(value, type(DEFAULTS[name])) and not (name == "min_confidence" and value in (0, 1)):
            raise SettingsError("{} must be like {!r}, not {!r}".format(name, DEFAULTS[name], value))
        if name in _CHOICES and value not in _CHOICES[name]:
            raise SettingsError("{} must be one of {}, not {!r}".format(name, ", ".join(_CHOICES[name]), value))
    if not 0 <= fields["min_confidence"] <= 1:
        raise SettingsError("min_confidence must be between 0 and 1, not {}".format(fields["min_confidence"]))
    if fields["paint_clips"] and fields["target"] != "clip":
        raise SettingsError('paint_clips needs the target "clip": only then is it known which clips show the film')
    colors = {axis: _color(axis, name) for axis, name in fields["colors"].items()}
    settings = Settings(
        axes=tuple(_texts("axes", fields["axes"])),
        tags=tuple(_texts("tags", fields["tags"])),
        min_confidence=float(fields["min_confidence"]),
        colors=colors,
        align=fields["align"],
        offset_frames=fields["offset_frames"],
        target=fields["target"],
        paints_clips=fields["paint_clips"],
        # By marker color, since a marker says which axis colors a clip.
        clip_colors={colors[axis]: clip_color_of(name) or "" for axis, name in fields["colors"].items()},
    )
    if fields["file"]:
        return Configuration(FileSource(fields["file"]), settings, False, True, memory_path())
    source = ServerSource(fields["server"], fields["timeline"], fields["token"], fields["by"])
    return Configuration(source, settings, fields["follow"], not fields["keep_following"], memory_path())


def _texts(name: str, values: List[Any]) -> List[str]:
    if not all(isinstance(value, str) for value in values):
        raise SettingsError("{} must be a list of names, not {!r}".format(name, values))
    return values


def _color(axis: str, name: Any) -> str:
    color = color_of(str(name))
    if color is None:
        raise SettingsError("{!r} for {} is no marker color of Resolve; they are {}".format(name, axis, ", ".join(MARKER_COLORS)))
    return color
