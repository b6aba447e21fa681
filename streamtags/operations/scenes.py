"""Scenes that a person splits and merges."""

from __future__ import annotations

from typing import Any

from streamtags.operations.params import CorrectScene
from streamtags.operations.services import Caller, Services
from streamtags.run.scenes import correct_scene

__all__ = ["correct"]


async def correct(services: Services, params: CorrectScene, caller: Caller) -> dict[str, Any]:
    """Split or merge scenes; return all scenes as they are then.

    Raises:
        NotInStore: no such timeline, segment or scene.
        UsageError: there is nothing to change.
    """
    timeline = await services.readers.resolve(params.id)
    by = params.by or caller.name or "person"
    state = await services.threads.writing(lambda: correct_scene(services.store, timeline, params.change, params.at, by))
    return {"scenes": [scene.model_dump(mode="json") for scene in state.scenes]}
