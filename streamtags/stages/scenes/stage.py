"""The stage `scenes`: groups segments that belong together."""

from __future__ import annotations

from streamtags.core.events import SceneDetected
from streamtags.stages.scenes.builder import SceneBuilder
from streamtags.stages.stage import Stage

__all__ = ["SCENES"]

SCENES = Stage(
    name="scenes",
    title="Scenes",
    description="Groups consecutive segments that look and sound alike.",
    scope="scene",
    needs=frozenset({"evidence", "tags"}),
    emits=(SceneDetected,),
    create=lambda _: SceneBuilder(),
)
