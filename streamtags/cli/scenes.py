"""`streamtags scenes`: the scenes of a timeline, which a person may split and merge."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from streamtags.cli.common import add_common, add_timeline, open_chosen_store, settings_of, user_name
from streamtags.cli.views import printable, scene_line

if TYPE_CHECKING:
    from streamtags.run.scenes import SceneChange

__all__ = ["add_arguments", "run"]

_ORDER: tuple[SceneChange, ...] = ("reset", "merge", "split")
_CHANGES = (
    ("split", "SEGMENT", "a scene begins with this segment"),
    ("merge", "SCENE", "merge this scene, or the one that a segment is in, into the one before"),
    ("reset", "SEGMENT", "decide by the pictures again whether a scene begins with this segment"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_timeline(parser)
    for name, value, what in _CHANGES:
        parser.add_argument(f"--{name}", metavar=value, action="append", default=[], help=f"{what}; may be repeated")
    parser.add_argument("--by", metavar="NAME", default=None, help="who says so (default: your user name)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Write the changes, in the order reset, merge, split, and print the scenes."""
    from streamtags.run.scenes import correct_scene

    with open_chosen_store(args, settings_of(args)) as store:
        timeline = store.find(args.id)
        state = store.state(timeline)
        for change in _ORDER:
            for at in getattr(args, change):
                state = correct_scene(store, timeline, change, at, args.by or user_name())
    if args.json:
        print(json.dumps({"scenes": [scene.model_dump(mode="json") for scene in state.scenes]}, ensure_ascii=False))
        return 0
    for scene in state.scenes:
        print(f"{scene_line(scene)}  {printable(scene.scene)}")
    return 0
