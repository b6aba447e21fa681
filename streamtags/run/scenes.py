"""A person's corrections of scenes: splitting one, merging two, and returning to what was detected."""

from __future__ import annotations

from typing import Literal

from streamtags.core.errors import NotInStore, UsageError
from streamtags.core.events import SceneCorrected, SceneDetected
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.run.cues import spot_again

__all__ = ["SceneChange", "correct_scene"]

SceneChange = Literal["split", "merge", "reset"]


def correct_scene(store: Store, timeline: str, change: SceneChange, at: str, by: str) -> TimelineState:
    """Split or merge scenes; return the state afterwards. It wins over the detector, now and later. Cues that were spotted follow.

    Args:
        store: where the timeline is.
        timeline: its id.
        change: `split` the scene before a segment; `merge` the scene that a segment is in into the one before; `reset`: the detector
            decides again whether a scene begins with a segment.
        at: the segment; for `merge`, also the name of a scene.
        by: who corrects.

    Raises:
        NotInStore: there is no such timeline, segment or scene.
        UsageError: there is nothing to change.
    """
    state = store.state(timeline)
    if change == "merge":
        correction = SceneCorrected(segment=_merged(state, at), begins=False, by=by)
    else:
        segment = state.segment(at).segment
        if change == "split" and (segment == state.segments[0].segment or any(scene.first == segment for scene in state.scenes)):
            raise UsageError("a scene begins there already", where=segment, hint="name a later segment of the scene")
        if change == "reset" and all(edit.segment != segment for edit in state.scene_edits):
            raise UsageError("nothing was split or merged there", where=segment, hint=_hint(state))
        correction = SceneCorrected(segment=segment, begins=True if change == "split" else None, by=by)
    store.append(timeline, [correction], expect_epoch=state.epoch)
    spot_again(store, timeline)
    return store.state(timeline)


def _merged(state: TimelineState, at: str) -> str:
    """Return the segment with which the scene begins that is to be merged into the one before."""
    scene = next((scene for scene in state.scenes if scene.scene == at), None) or _scene_of(state, at)
    if scene.index == 0:
        raise UsageError("there is no scene before this one", where=scene.scene, hint="name a later scene")
    return scene.first


def _scene_of(state: TimelineState, name: str) -> SceneDetected:
    try:
        index = state.segment(name).index
    except NotInStore as error:
        error.hint = f"{error.hint}; scenes: {', '.join(scene.scene for scene in state.scenes[:8]) or 'none'}"
        raise
    for scene in state.scenes:
        if state.segment(scene.first).index <= index <= state.segment(scene.last).index:
            return scene
    raise UsageError("is in no scene yet", where=name, hint="wait until the analysis has come so far")


def _hint(state: TimelineState) -> str:
    return f"edited: {', '.join(edit.segment for edit in state.scene_edits)}" if state.scene_edits else "no scene was edited"
