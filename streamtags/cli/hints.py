"""Advice that follows a finished command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamtags.core.answers import heard_shares
from streamtags.core.model import is_measured

if TYPE_CHECKING:
    from streamtags.config.settings import Settings
    from streamtags.run.outcome import Analyzed

__all__ = ["music_hint", "untagged_hint"]


def untagged_hint(state: Analyzed, vocabulary: str) -> str | None:
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


def music_hint(state: Analyzed, settings: Settings) -> str | None:
    """Return one line if music was heard and not tagged only because the weights of the music tagger were not fetched; else None."""
    settings_of_music = settings.hear.music
    if not any(heard_shares(segment.answers).get("music", 0.0) >= settings_of_music.min_share for segment in state.segments):
        return None
    from streamtags.stages.music.choice import PULL_COMMAND, lacks_weights

    if not lacks_weights(settings_of_music):
        return None
    return f"music was heard: `{PULL_COMMAND}` fetches what names its instruments, genre and mood in the next analysis"
