"""Figures for people: a table with bars for a terminal, one self-contained page for a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from streamtags.evaluation.scores import AxisScores, ExpressionScores, ReliabilityBin, Scores, SoundScores

__all__ = ["bars", "curves", "page", "table"]

_BAR = 30
_PLOT = 220  # side of the reliability plot, in SVG units
_FEWEST = 30  # with fewer tags, ten bins are mostly chance

_Row = tuple[str, Callable[[Scores], str]]

_ROWS: tuple[_Row, ...] = (
    ("items", lambda s: str(s.items)),
    ("failed", lambda s: str(s.failed)),
    ("mean average precision", lambda s: _share(s.mean_average_precision)),
    ("micro F1", lambda s: _share(s.micro_f1)),
    ("micro precision", lambda s: _share(s.micro_precision)),
    ("micro recall", lambda s: _share(s.micro_recall)),
    ("macro F1", lambda s: _share(s.macro_f1)),
    ("calibration error (ECE)", lambda s: _share(s.calibration_error)),
    ("tags an item", lambda s: "-" if s.mean_average_precision is None else f"{s.tags_per_item:.1f}"),
    ("shot F1", lambda s: _share(s.shots.f1 if s.shots else None)),
    ("shot precision", lambda s: _share(s.shots.precision if s.shots else None)),
    ("shot recall", lambda s: _share(s.shots.recall if s.shots else None)),
    ("word error rate", lambda s: _share(s.sound.word_error_rate if s.sound else None)),
    ("words where none are", lambda s: str(s.sound.words_where_none) if s.sound and s.sound.words_where_none else "-"),
    ("error of speech, singing, music", lambda s: _content(s.sound)),
    ("cue F1", lambda s: _share(s.cues.f1 if s.cues else None)),
    ("cue precision", lambda s: _share(s.cues.precision if s.cues else None)),
    ("cue recall", lambda s: _share(s.cues.recall if s.cues else None)),
    ("bounds of cues apart", lambda s: f"{s.cues.seconds_apart:.2f} s" if s.cues and s.cues.seconds_apart is not None else "-"),
    ("expressions right, of those said", lambda s: _right_of_said(s.expressions)),
    ("expressions right, of those labeled", lambda s: f"{s.expressions.right} of {s.expressions.labeled}" if s.expressions else "-"),
    ("latency, median", lambda s: _ms(s.median_ms)),
    ("latency, 95th percentile", lambda s: _ms(s.p95_ms)),
    ("prompt tokens", lambda s: f"{s.prompt_tokens:,}" if s.prompt_tokens else "-"),
    ("completion tokens", lambda s: f"{s.completion_tokens:,}" if s.completion_tokens else "-"),
    ("cost", lambda s: ", ".join(f"{amount:.4f} {currency}" for currency, amount in sorted(s.cost.items())) or "-"),
)


def _content(sound: SoundScores | None) -> str:
    errors = sound.content_error if sound else {}
    return ", ".join(_share(errors.get(kind)) for kind in ("speech", "singing", "music")) if errors else "-"


def _right_of_said(expressions: ExpressionScores | None) -> str:
    return f"{expressions.right} of {expressions.said}" if expressions else "-"


def table(scores: Sequence[Scores]) -> str:
    """A table of profiles side by side, then each axis; rows without a value are left out."""
    lines = [["", *(one.profile for one in scores)]]
    lines += _rows(scores)
    axes = list(dict.fromkeys(axis.axis for one in scores for axis in one.axes if axis.labels))
    for axis in axes:
        lines.append([f"{axis}: mAP / micro F1", *(_axis(one, axis) for one in scores)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def bars(scores: Scores) -> str:
    """The reliability of a profile's confidences as bars: where `|` (the confidence) and the bar's end agree, it is well calibrated."""
    if not scores.reliability:
        return f"{scores.profile}: no tag was given"
    return "\n".join(
        [f"{scores.profile}: share of the given tags that are right, by confidence (bar: right, |: confidence)", *_bars(scores.reliability)]
    )


def curves(scores: Scores) -> str:
    """The reliability of each axis: its calibration error, whether its confidences are too high, and the bars of `bars`."""
    lines = [f"{scores.profile}: reliability by axis (bar: share right, |: confidence)"]
    for axis in scores.axes:
        lines += ["", f"{axis.axis}: {_verdict(axis)}", *_bars(axis.reliability)]
    return "\n".join(lines)


def _verdict(axis: AxisScores) -> str:
    if axis.calibration_error is None or axis.confidence_gap is None:
        return f"no tag was given, {axis.labels} labeled"
    given = sum(each.tags for each in axis.reliability)
    gap = f"{abs(axis.confidence_gap):.2f} too {'high' if axis.confidence_gap > 0 else 'low'}"
    few = ", too few to judge" if given < _FEWEST else ""
    return f"ECE {axis.calibration_error:.3f}, confidences {gap} on average, {given} tags given{few}"


def _bars(bins: Sequence[ReliabilityBin]) -> list[str]:
    lines = []
    for each in bins:
        cells = ["█" if place < round(each.right * _BAR) else "·" for place in range(_BAR)]
        cells[min(_BAR - 1, int(each.confidence * _BAR))] = "|"
        lines.append(f"  {each.low:.1f}-{each.high:.1f}  {''.join(cells)}  {each.right:.2f}  {each.tags:5} tags")
    return lines


def page(title: str, about: str, scores: Sequence[Scores]) -> str:
    """The whole report as one HTML page that loads nothing."""
    head = "".join(f"<th scope=col>{escape(one.profile)}<br><small>{escape(one.model)}</small></th>" for one in scores)
    rows = "".join(_line(row) for row in _rows(scores))
    axes = list(dict.fromkeys(axis.axis for one in scores for axis in one.axes if axis.labels))
    by_axis = "".join(_line([axis, *(_axis(one, axis) for one in scores)]) for axis in axes)
    plots = "".join(_figure(one.profile, one.reliability, one.calibration_error) for one in scores)
    axis_plots = "".join(
        _figure(f"{one.profile}, {axis.axis}", axis.reliability, axis.calibration_error) for one in scores for axis in one.axes
    )
    failures = "".join(f"<li>{escape(one.profile)}: {escape(why)}</li>" for one in scores for why in one.failures)
    threshold = scores[0].threshold if scores else 0.0
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1><p>{escape(about)}</p>
<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>
<p>F1, precision and recall count tags given with a confidence of at least {threshold:g}. A failed item counts as one without tags.</p>
{f"<h2>By axis: mean average precision / micro F1</h2><table><tbody>{by_axis}</tbody></table>" if by_axis else ""}
{f"<h2>Reliability</h2><p>Confidences below the diagonal are too high. Area: how many tags.</p>{plots}" if plots else ""}
{f"<h3>By axis</h3>{axis_plots}" if axis_plots else ""}
{f"<h2>Failures</h2><ul>{failures}</ul>" if failures else ""}
</body></html>
"""


def _rows(scores: Sequence[Scores]) -> list[list[str]]:
    rows = [[name, *(show(one) for one in scores)] for name, show in _ROWS]
    return [row for row in rows if set(row[1:]) != {"-"}]


def _line(row: Sequence[str]) -> str:
    return f"<tr><th scope=row>{escape(row[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>"


def _axis(scores: Scores, axis: str) -> str:
    scored = next((each for each in scores.axes if each.axis == axis and each.labels), None)
    return f"{scored.mean_average_precision:.3f} / {scored.micro_f1:.3f}" if scored else "-"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.1f} ms"


def _figure(name: str, bins: Sequence[ReliabilityBin], error: float | None) -> str:
    if not bins:
        return ""
    tags = sum(each.tags for each in bins)
    return f"<figure>{_plot(name, bins, error)}<figcaption>{escape(name)}: ECE {_share(error)}, {tags} tags</figcaption></figure>"


def _plot(name: str, bins: Sequence[ReliabilityBin], calibration_error: float | None) -> str:
    most = max(each.tags for each in bins)
    points = [(each.confidence * _PLOT, (1 - each.right) * _PLOT, each) for each in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 9 * (each.tags / most) ** 0.5:.1f}">'
        f"<title>confidence {each.confidence:.2f}, right {each.right:.2f}, {each.tags} tags</title></circle>"
        for x, y, each in points
    )
    error = _share(calibration_error)
    return (
        f'<svg viewBox="-34 -10 {_PLOT + 50} {_PLOT + 44}" role="img" aria-label="reliability of {escape(name)}, ECE {error}">'
        f'<rect width="{_PLOT}" height="{_PLOT}"/><line x1="0" y1="{_PLOT}" x2="{_PLOT}" y2="0"/><polyline points="{line}"/>{dots}'
        f'<text x="0" y="{_PLOT + 14}">0</text><text x="{_PLOT - 6}" y="{_PLOT + 14}">1</text><text x="-14" y="8">1</text>'
        f'<text x="{_PLOT / 2 - 40}" y="{_PLOT + 28}">confidence</text>'
        f'<text transform="translate(-20 {_PLOT / 2 + 26}) rotate(-90)">share right</text></svg>'
    )


_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}th,td{padding:.2rem .9rem;border-bottom:1px solid #8884;text-align:right}th[scope=row]{text-align:left;
font-weight:normal}small{font-weight:normal;opacity:.7}figure{display:inline-block;margin:0 1rem 1rem 0;width:20rem}
svg rect{fill:none;stroke:#8888}svg line{stroke:#8888;stroke-dasharray:4}svg polyline{fill:none;stroke:#b0388f;stroke-width:2}
svg circle{fill:#b0388f;opacity:.75}svg text{font-size:11px;fill:currentColor}figcaption{text-align:center}
"""
