"""Music: spotting cues, suggesting tracks, and what people decide."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

from streamtags.core.errors import NotInStore
from streamtags.core.music import Library, Track
from streamtags.core.state import TimelineState
from streamtags.operations.operation import FileResult
from streamtags.operations.params import DecideCue, NoParams, OneTrack, SuggestCues
from streamtags.operations.services import Caller, Services
from streamtags.run.cues import CueRequest, cues_as_json, decide, suggest_cues
from streamtags.run.library_files import audio_file
from streamtags.run.matching import open_matcher
from streamtags.store.opening import open_music_libraries

__all__ = ["decide_cue", "describe_track", "list_libraries", "suggest", "track_audio"]


async def suggest(services: Services, params: SuggestCues, _: Caller) -> dict[str, Any]:
    """Spot a timeline and suggest tracks; the cues come as events, too.

    Raises:
        NotInStore: there is no such timeline, library or cue.
        UsageError: the guide is wrong, or the timeline has no segments yet.
    """
    timeline = await services.readers.resolve(params.id)
    path = services.settings.cues.matcher
    request = CueRequest(
        library=params.library,
        guide=params.guide,
        top=params.top,
        cue=params.cue,
        is_instrumental=params.instrumental,
        licenses=tuple(params.licenses),
        is_over_music=params.over_music,
    )

    def work() -> TimelineState:
        matcher = None if path is None or params.library is None else open_matcher(path)
        return suggest_cues(services.store, timeline, replace(request, matcher=matcher))

    state = await services.threads.searching(work)
    return {"cues": cues_as_json(state, params.top)}


async def decide_cue(services: Services, params: DecideCue, caller: Caller) -> dict[str, Any]:
    """Write what a person decides about a cue; return the cue as it is then.

    Raises:
        NotInStore: there is no such timeline, cue, track or library.
        UsageError: there is no suggestion to accept, or a swap names no track.
    """
    timeline = await services.readers.resolve(params.id)
    by = params.by or caller.name or "person"
    cue = await services.threads.writing(
        lambda: decide(services.store, timeline, params.cue, params.decision, params.track, by, params.library)
    )
    return cue.model_dump(mode="json")


async def list_libraries(services: Services, _: NoParams, caller: Caller) -> dict[str, Any]:
    """Return the music libraries by name."""

    def read() -> dict[str, Any]:
        with closing(open_music_libraries(services.store)) as libraries:
            return {"libraries": [{"library": one.name, "kind": one.kind, "tracks": one.tracks} for one in libraries.libraries()]}

    return await services.threads.reading(read)


async def describe_track(services: Services, params: OneTrack, _: Caller) -> dict[str, Any]:
    """Return a track of a library with its loudness over time, and whether its audio can be read.

    Raises:
        NotInStore: there is no such library or track.
    """

    def read() -> dict[str, Any]:
        library, track = _find_track(services, params)
        sound = track.sound
        return {
            "track": track.track,
            "title": track.title,
            "artist": track.artist,
            "seconds": track.seconds,
            "bpm": track.tempo,
            "energy": sound.energy if sound is not None else None,
            "curve": list(sound.curve) if sound is not None else [],
            "curve_seconds": sound.curve_seconds if sound is not None else None,
            "hits": list(sound.hits) if sound is not None else [],
            "sections": list(sound.sections) if sound is not None else [],
            "has_audio": audio_file(library, track) is not None,
        }

    return await services.threads.lookups(read)


async def track_audio(services: Services, params: OneTrack, _: Caller) -> FileResult:
    """Return the audio file of a track.

    Raises:
        NotInStore: there is no such library or track, or the folder of the library holds no file of it.
    """

    def read() -> FileResult:
        library, track = _find_track(services, params)
        path = audio_file(library, track)
        if path is None:
            raise NotInStore(f"no audio file of the track {params.track!r}", where=library.name, hint="add the library again")
        return FileResult(path)

    return await services.threads.lookups(read)


def _find_track(services: Services, params: OneTrack) -> tuple[Library, Track]:
    with closing(open_music_libraries(services.store)) as libraries:
        library = libraries.library(params.library)
        tracks = libraries.some(library.name, [params.track])
    if not tracks:
        raise NotInStore(f"no track {params.track!r}", where=library.name, hint="a suggestion names it")
    return library, tracks[0]
