"""The described windows as text, JSON, subtitles, a list of prompts, or a storyboard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["render"]

Row = Mapping[str, Any]

_STYLE = """\
body { margin: 2rem; font: 15px/1.5 system-ui, sans-serif; background: #16181c; color: #e6e6e6; }
h1 { font-size: 1.2rem; font-weight: 600; }
ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
li { background: #22262d; border-radius: 8px; overflow: hidden; }
.swatch { height: 4.5rem; display: flex; align-items: end; justify-content: space-between; padding: .4rem .7rem; }
.swatch span { background: #000a; color: #fff; border-radius: 4px; padding: 0 .4rem; font-size: .8rem; }
p { margin: .6rem .8rem; } .words { color: #ffd479; } .heard { color: #9fb3c8; font-size: .85rem; }
"""


def render(rows: Sequence[Row], form: str, name: str) -> str:
    """Return the rows in a form: text, json, srt, storyboard or prompts.

    Args:
        rows: of `Description.to_dict`.
        form: which.
        name: of the source, for the storyboard's title.
    """
    if form == "json":
        return json.dumps({"windows": list(rows)}, ensure_ascii=False) + "\n"
    if form == "srt":
        return _srt(rows)
    if form == "storyboard":
        return _storyboard(rows, name)
    if form == "prompts":
        return "".join(f"{row['prompt']}\n" for row in rows)
    return "".join(_line(row) for row in rows)


def heard_of(row: Row) -> str:
    """Return what is heard in a window in a few words: instruments, or the larger shares."""
    names = [each["label"] for each in row["instruments"]]
    shares = [name for name in ("speech", "singing", "music") if row["content"].get(name, 0) >= 0.2]
    return ", ".join(names or shares) or ("silence" if row["hertz"] is None else "other sound")


def _line(row: Row) -> str:
    words = f'  "{_printable(row["words"])}"' if row["words"] else ""
    return f"{_clock(row['start'], '.')}  {row['loudness']:6}  {row['color']:10}  {_printable(heard_of(row))}{words}\n    {row['prompt']}\n"


def _srt(rows: Sequence[Row]) -> str:
    cues = [
        f"{number}\n{_clock(row['start'], ',')} --> {_clock(row['end'], ',')}\n{_plain(row['prompt'])}\n"
        for number, row in enumerate(rows, 1)
    ]
    return "\n".join(cues)


def _storyboard(rows: Sequence[Row], name: str) -> str:
    title = escape(_printable(name))
    cards = "\n".join(_card(row) for row in rows)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        f"<title>Storyboard of {title}</title>\n<style>{_STYLE}</style>\n<h1>Storyboard of {title}</h1>\n<ol>\n{cards}\n</ol>\n</html>\n"
    )


def _card(row: Row) -> str:
    words = f'<p class="words">{escape(_printable(row["words"]))}</p>' if row["words"] else ""
    swatch = f"<span>{_clock(row['start'], '.')}</span><span>{escape(row['loudness'])}</span>"
    heard = escape(_printable(f"{heard_of(row)}; {row['color']}"))
    return (
        f'<li><div class="swatch" style="background:{escape(row["color_hex"])}">{swatch}</div>'
        f'<p>{escape(_printable(row["prompt"]))}</p>{words}<p class="heard">{heard}</p></li>'
    )


def _plain(text: str) -> str:
    """Break what players read as markup or as a time line."""
    return _printable(text).replace("-->", "->").replace("<", "\u2039").replace(">", "\u203a").replace("{", "(").replace("}", ")")


def _printable(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _clock(seconds: float, separator: str) -> str:
    minutes, rest = divmod(round(max(0.0, seconds) * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{separator}{rest % 1000:03d}"
