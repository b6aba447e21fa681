"""Advice that follows a finished command."""

from __future__ import annotations

from streamtags.core.model import is_measured
from streamtags.core.state import TimelineState

__all__ = ["untagged_hint"]


def untagged_hint(state: TimelineState, vocabulary: str) -> str | None:
    """Return one line if no segment of a finished timeline has a tag, with the reason and what to try; else None.

    Args:
        state: the timeline.
        vocabulary: its name or file, as the person gave it.
    """
    segments = [segment for segment in state.segments if segment.kind != "gap"]
    if state.state != "completed" or not segments or any(segment.tags or segment.status == "failed" for segment in segments):
        return None
    count = f"0 of {len(segments)} segments tagged"
    if all(is_measured(segment.caption_model) for segment in segments):
        return (
            f"{count}: this profile measures but does not see. Try `--profile vllm` or `--profile openai` with `streamtags analyze`, "
            "or a vocabulary whose tags have `when` rules"
        )
    return f"{count}: no tag of {vocabulary} fits the captions. Check its descriptions and aliases with `streamtags tags check`"
