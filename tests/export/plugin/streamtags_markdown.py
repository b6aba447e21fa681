"""A Markdown table of a timeline: an export format in a package of its own."""

from __future__ import annotations

from streamtags.export import ExportOptions, Format, TimelineView

__all__ = ["MARKDOWN"]


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    lines = ["| timecode | tags | caption |", "| --- | --- | --- |"]
    for marker in view.markers:
        cells = (marker.start_timecode, ", ".join(score.tag for score in marker.tags), marker.comment)
        lines.append(f"| {' | '.join(_cell(text) for text in cells)} |")
    return ("\n".join(lines) + "\n").encode()


def _cell(text: str) -> str:
    """Return `text` on one line; a bar would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


MARKDOWN = Format(
    name="markdown",
    suffix=".md",
    media_type="text/markdown; charset=utf-8",
    description="Markdown table",
    render=_render,
    options=frozenset({"rate", "start_timecode", "axes", "tags", "min_confidence"}),
)
