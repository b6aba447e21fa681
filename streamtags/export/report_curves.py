"""The curves of a report: measurements over time, as SVG without scripts or style attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape

from streamtags.core.measures import MEASURES
from streamtags.core.state import SegmentState
from streamtags.export.markers import Marker
from streamtags.export.subtitle_text import one_line

__all__ = ["as_html", "draw_curves", "draw_tags"]

_WIDTH = 1000
_HEIGHT = 60
_CURVES = ("brightness_percent", "saturation_percent", "motion_percent_per_second", "loudness_lufs", "speech_share", "arousal_estimate")
_MAX_TAGS = 8


def as_html(value: object) -> str:
    """Return text as HTML on one line, without control characters."""
    return escape(one_line(str(value)))


@dataclass(frozen=True, slots=True)
class _Axis:
    """The horizontal axis: seconds from the start of the timeline to the end."""

    first: Fraction
    seconds: Fraction

    @classmethod
    def of(cls, markers: Sequence[Marker]) -> _Axis:
        first = markers[0].start
        return cls(first, max(markers[-1].end - first, Fraction(1, 1000)))

    def x(self, at: Fraction) -> str:
        return f"{float((at - self.first) / self.seconds * _WIDTH):.1f}"

    def width(self, marker: Marker) -> str:
        return f"{max(0.5, float((marker.end - marker.start) / self.seconds * _WIDTH)):.1f}"


def draw_curves(markers: Sequence[Marker], segments: dict[str, SegmentState]) -> str:
    """Return one figure for each measure that the segments have: a step for each segment, between the measure's usual bounds."""
    if not markers:
        return ""
    axis = _Axis.of(markers)
    return "".join(filter(None, (_curve(name, markers, segments, axis) for name in _CURVES)))


def _curve(name: str, markers: Sequence[Marker], segments: dict[str, SegmentState], axis: _Axis) -> str:
    measure = MEASURES[name]
    steps = []
    for marker in markers:
        value = (segments[marker.segment].evidence or {}).get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            share = min(1.0, max(0.0, (value - measure.low) / (measure.high - measure.low)))
            height = max(0.5, share * _HEIGHT)
            steps.append(
                f'<rect x="{axis.x(marker.start)}" y="{_HEIGHT - height:.1f}" width="{axis.width(marker)}" height="{height:.1f}"/>'
            )
    if not steps:
        return ""
    title = as_html(f"{name.removesuffix('_percent').replace('_', ' ')}: {measure.description}")
    unit = f" {measure.unit}" if measure.unit else ""
    bounds = as_html(f"{measure.low:g} to {measure.high:g}{unit}")
    return _figure(f"{title} <small>({bounds})</small>", title, "curve", _HEIGHT, steps)


def draw_tags(markers: Sequence[Marker]) -> str:
    """Return when the tags that fill most of the time are there, one line for each."""
    seconds: dict[str, Fraction] = {}
    for marker in markers:
        for score in marker.tags:
            seconds[score.tag] = seconds.get(score.tag, Fraction(0)) + marker.end - marker.start
    names = sorted(seconds, key=lambda tag: (-seconds[tag], tag))[:_MAX_TAGS]
    if not names:
        return ""
    axis = _Axis.of(markers)
    lines = []
    for name in names:
        bars = [
            f'<rect x="{axis.x(marker.start)}" y="0" width="{axis.width(marker)}" height="14" fill-opacity="{score.confidence:.2f}"/>'
            for marker in markers
            for score in marker.tags
            if score.tag == name
        ]
        lines.append(_figure(f"{as_html(name)} <small>({float(seconds[name]):.1f} s)</small>", as_html(name), "tag", 14, bars))
    return "".join(lines)


def _figure(caption: str, title: str, kind: str, height: int, shapes: Sequence[str]) -> str:
    """Return a figure; `caption` and `title` are escaped already."""
    return (
        f'<figure class="{kind}"><figcaption>{caption}</figcaption><svg viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" '
        f'role="img" aria-label="{title}">{"".join(shapes)}</svg></figure>\n'
    )
