"""`streamtags remove`: delete a timeline."""

from __future__ import annotations

import argparse

from streamtags.cli.common import add_common, add_timeline, open_configured_store, settings_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_timeline(parser)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Delete it, log, thumbnails and all; the source is not touched."""
    with open_configured_store(settings_of(args)) as store:
        timeline = store.find(args.id)
        store.remove(timeline)
    print(f"removed {timeline}")
    return 0
