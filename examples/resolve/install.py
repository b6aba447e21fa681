"""Put the menu script into Resolve: Workspace > Scripts > streamtags.

python install.py            writes one small file into Resolve's folder of scripts; run it again after moving this folder
python install.py --folder FOLDER
"""

import argparse
import os
import sys

_ENTRY = """# Written by streamtags' install.py. Resolve defines `resolve` for scripts of its menu.
import sys

sys.path.insert(0, {folder!r})
from streamtags_menu import main

main(resolve)
"""


def default_folder() -> str:
    """Return the folder of this person's scripts for Resolve's Edit page."""
    if sys.platform == "win32":
        base = os.path.join(os.environ["APPDATA"], "Blackmagic Design", "DaVinci Resolve", "Support")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Application Support/Blackmagic Design/DaVinci Resolve")
    else:
        base = os.path.expanduser("~/.local/share/DaVinciResolve")
    return os.path.join(base, "Fusion", "Scripts", "Edit")


def install(folder: str) -> str:
    """Write the entry of the menu into a folder, and return its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "streamtags.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(_ENTRY.format(folder=os.path.dirname(os.path.abspath(__file__))))
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=default_folder(), help="Resolve's folder of scripts (default: %(default)s)")
    print("installed as", install(parser.parse_args().folder))
