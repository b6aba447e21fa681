"""Music: spotting cues, suggesting tracks, and what people decide."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from streamtags.cues.spotting import SpotSettings
from streamtags.operations.params import DecideCue, NoParams, SuggestCues
from streamtags.operations.services import Caller, Services
from streamtags.run.cues import CueRequest, cues_as_json, decide, suggest_cues
from streamtags.store.opening import open_music_libraries

__all__ = ["decide_cue", "list_libraries", "suggest"]


async def suggest(services: Services, params: SuggestCues, _: Caller) -> dict[str, Any]:
    """Spot a timeline and suggest tracks; the cues come as events, too.

    Raises:
        NotInStore: there is no such timeline, library or cue.
        UsageError: the guide is wrong, or the timeline has no segments yet.
    """
    timeline = await services.readers.resolve(params.id)
    request = CueRequest(
        library=params.library,
        guide=params.guide,
        top=params.top,
        cue=params.cue,
        is_instrumental=params.instrumental,
        licenses=tuple(params.licenses),
        spotting=SpotSettings(is_over_music=params.over_music),
    )
    state = await services.threads.searching(lambda: suggest_cues(services.store, timeline, request))
    return {"cues": cues_as_json(state, params.top)}


async def decide_cue(services: Services, params: DecideCue, caller: Caller) -> dict[str, Any]:
    """Write what a person decides about a cue; return the cue as it is then.

    Raises:
        NotInStore: there is no such timeline, cue or track.
        UsageError: there is no suggestion to accept, or a swap names no track.
    """
    timeline = await services.readers.resolve(params.id)
    by = params.by or caller.name or "person"
    cue = await services.threads.writing(lambda: decide(services.store, timeline, params.cue, params.decision, params.track, by))
    return cue.model_dump(mode="json")


async def list_libraries(services: Services, _: NoParams, caller: Caller) -> dict[str, Any]:
    """Return the music libraries by name."""

    def read() -> dict[str, Any]:
        with closing(open_music_libraries(services.store)) as libraries:
            return {"libraries": [{"library": one.name, "kind": one.kind, "tracks": one.tracks} for one in libraries.libraries()]}

    return await services.threads.reading(read)
