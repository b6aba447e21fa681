"""Draws the pictures of the documentation: `python -m docs.make_pictures`, after which they should be looked at.

`pictures/terminal.svg` is the live table after the demo film has been analyzed: what `make demo` shows.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from pathlib import Path

from rich.console import Console

from streamtags.cli.live import card
from streamtags.cli.views import summary_line
from streamtags.config.settings import load_settings
from streamtags.run.analyze import analyze
from streamtags.store.sqlite.store import SqliteStore
from tools.demo_film import make_demo_film

SHOWN = ("s0002", "s0004", "s0008", "s0010")
COLUMNS = 108


def main() -> None:
    """Analyze the demo film and write the picture."""
    console = Console(record=True, width=COLUMNS, force_terminal=True, color_system="truecolor", file=io.StringIO())
    with tempfile.TemporaryDirectory() as folder, SqliteStore(Path(folder) / "demo.db") as store:
        film = Path(folder) / "demo.mp4"
        make_demo_film(film)
        state = asyncio.run(analyze(str(film), load_settings(), store))
        console.print("[bold]$[/] streamtags analyze demo.mp4\n")
        for segment in state.segments:
            if segment.segment in SHOWN:
                console.print(card(segment, store.thumbnail(state.id, segment.segment)))
        console.print(summary_line(state, "streamtags show last"), highlight=False)
    target = Path(__file__).parent / "pictures" / "terminal.svg"
    target.write_text(console.export_svg(title="streamtags"), encoding="utf-8")
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
