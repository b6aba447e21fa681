"""Workspace > Scripts > streamtags: markers in the open timeline, in every edition of Resolve.

Resolve passes no arguments to a script of its menu, so the settings are in a file. `install.py` writes the entry of the menu.
"""

import os
from typing import Any

from streamtags_run import run
from streamtags_settings import configure, read_file

__all__ = ["SETTINGS", "main"]

SETTINGS = os.path.join(os.path.expanduser("~"), ".streamtags", "resolve.json")


def main(resolve: Any, path: str = SETTINGS) -> int:
    """Update or follow as the settings say. `resolve` is the variable that Resolve gives to scripts of its menu."""
    print("streamtags: the settings are in {}".format(path))
    return run(resolve, lambda: configure(read_file(path)))
