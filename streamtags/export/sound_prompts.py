"""`sound-prompts`: one sentence for a text-to-video model for each segment, from what was heard and said in it."""

from __future__ import annotations

from streamtags.core.answers import heard_shares, heard_tags, transcript_text
from streamtags.core.state import SegmentState
from streamtags.export.base import Format, TimelineView
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import one_line
from streamtags.soundscape.grammar import shipped_grammar
from streamtags.soundscape.sentence import sentence
from streamtags.soundscape.window import SILENT_DB, RunningLevel, Window, relative, three_instruments

__all__ = ["SOUND_PROMPTS"]


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    grammar, level = shipped_grammar(), RunningLevel()
    segments = {segment.segment: segment for segment in view.state.segments}
    windows = [_window(segments[marker.segment], level) for marker in view.markers]
    lines = [sentence(window, grammar, seed=marker.segment) for window, marker in zip(windows, view.markers, strict=True)]
    return "".join(f"{one_line(line)}\n" for line in lines).encode()


def _window(segment: SegmentState, level: RunningLevel) -> Window:
    """Return a segment as one window; the weight of its spectrum stands for the dominant frequency, which is not measured."""
    evidence = segment.evidence or {}
    loudness, centroid, silence = (evidence.get(name) for name in ("loudness_lufs", "spectral_centroid_hz", "silence_share"))
    is_silent = not isinstance(centroid, int | float) or (isinstance(silence, int | float) and silence > 0.95)
    return Window(
        start=segment.start.seconds,
        end=segment.end.seconds,
        loudness=level.push(float(loudness) if isinstance(loudness, int | float) else SILENT_DB),
        content=heard_shares(segment.answers),
        words=transcript_text(segment.answers),
        instruments=three_instruments(relative(heard_tags(segment.answers).get("instruments", []))),
        hertz=None if is_silent or not isinstance(centroid, int | float) else float(centroid),
    )


SOUND_PROMPTS = Format(
    name="sound-prompts",
    suffix=".txt",
    media_type="text/plain; charset=utf-8",
    description="Sentences for a text-to-video model, from the sound",
    render=_render,
    options=frozenset({"axes", "tags", "min_confidence"}),
)
