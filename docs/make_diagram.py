"""Draw `pictures/architecture.svg`, the data flow of `architecture.md`: `python -m docs.make_diagram`.

An SVG rather than a Mermaid diagram: the site loads nothing from other servers, and the picture looks the same everywhere.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

WIDTH, HEIGHT = 990, 300
TARGET = Path(__file__).parent / "pictures" / "architecture.svg"

# Title, second line, x, y, width, class
BOXES = [
    ("source", "file, URL, live", 10, 60, 110, "in"),
    ("decode", "frames, sound, text", 145, 60, 140, "in"),
    ("shots", "cuts, dissolves", 310, 60, 110, "in"),
    ("segments", "measured", 445, 60, 110, "in"),
    ("stages", "caption, tag, scenes, ...", 580, 60, 160, "run"),
    ("writer", "one per timeline", 765, 60, 120, "run"),
    ("log (store)", "SQLite: seq, epoch", 765, 190, 120, "log"),
    ("fold", "state of a timeline", 580, 190, 160, "log"),
    ("hub", "one tail per process", 410, 190, 145, "server"),
    ("readers", "page, watch, programs", 225, 190, 160, "server"),
    ("jobs", "a process per analysis", 10, 190, 165, "server"),
]
# From (x, y) to (x, y)
ARROWS = [
    (120, 85, 145, 85),
    (285, 85, 310, 85),
    (420, 85, 445, 85),
    (555, 85, 580, 85),
    (740, 85, 765, 85),
    (825, 110, 825, 190),
    (765, 215, 740, 215),
    (580, 215, 555, 215),
    (410, 215, 385, 215),
    (65, 190, 65, 110),
    (660, 190, 660, 110),
]
# Text, x, y, anchor
NOTES = [
    ("one thread, one pass, no seeking", 145, 45, "start"),
    ("asyncio: lanes, deadlines, retries", 580, 45, "start"),
    ("durable, then published", 835, 155, "start"),
    ("resume: what a segment still lacks", 650, 155, "end"),
    ("the server starts an analysis", 75, 155, "start"),
    ("blue: reading and measuring; yellow: run; green: store and core; violet: server", 10, 275, "start"),
]
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1d2733 } .small { font-size: 11px; fill: #52606d }
rect { stroke: #7b8794; rx: 6px } .in { fill: #e3f2fd } .run { fill: #fff3d6 } .log { fill: #e4f5e6 } .server { fill: #f1e8fa }
line { stroke: #52606d; stroke-width: 1.5; marker-end: url(#head) } .page { fill: #ffffff; stroke: none }
"""


def drawing() -> str:
    """Return the SVG text."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Data flow of streamtags">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#52606d"/></marker></defs>',
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
    ]
    for title, text, x, y, width, kind in BOXES:
        parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="50"/>')
        parts.append(f'<text x="{x + width / 2}" y="{y + 21}" text-anchor="middle">{escape(title)}</text>')
        parts.append(f'<text class="small" x="{x + width / 2}" y="{y + 38}" text-anchor="middle">{escape(text)}</text>')
    parts += [f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}"/>' for a, b, c, d in ARROWS]
    for text, x, y, anchor in NOTES:
        parts.append(f'<text class="small" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    TARGET.write_text(drawing(), encoding="utf-8")
    print(f"wrote {TARGET}")
