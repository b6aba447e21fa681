"""Cues of a timeline: spotting it, suggesting tracks, and what people decide. Everything becomes events of its log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from streamtags.core.cue_events import Cue, CueDecided, CueDetected, CueFit, CuesSuggested
from streamtags.core.cue_fold import after_cue_event, in_order
from streamtags.core.cue_tracks import is_rejected, library_of, tracks_of
from streamtags.core.errors import NotInStore, UsageError
from streamtags.core.music import MusicLibraries, Track
from streamtags.core.payload import Payload
from streamtags.core.state import SpottedCue, TimelineState
from streamtags.core.stores import Store
from streamtags.cues.film import Film, Shot, film_of
from streamtags.cues.spotting import SpotSettings, spot
from streamtags.music.fitting import Fit, fit_track
from streamtags.music.guide import Guide, Range, parse_guide
from streamtags.music.index import TrackIndex, open_index
from streamtags.music.ranking import MAX_RESULTS, Limits, rank
from streamtags.music.reasons import why_it_fits
from streamtags.music.wanted import Matcher, Wanted, WantedSegment
from streamtags.run.search import StaticEmbedder
from streamtags.store.opening import open_music_libraries

__all__ = ["CueRequest", "Decision", "cues_as_json", "decide", "spot_again", "suggest_cues", "wanted_of"]

Decision = Literal["accept", "reject", "swap", "reset"]

_MAX_TAGS = 12
_RIGHTS = ("composer", "publisher", "society", "license")


@dataclass(frozen=True, slots=True)
class CueRequest:
    """What music is suggested.

    Attributes:
        library: name of the library; None spots without suggestions.
        guide: a person's wishes; see `streamtags.music.guide`.
        top: suggestions for each cue.
        cue: suggest for this cue only; None for all.
        is_instrumental: no track with vocals.
        licenses: rights that are allowed, as parts of what the library states; empty allows all.
        is_over_music: spot also where music is heard already; None does as the timeline was spotted before, at first False.
        matcher: a trained one, which the ranking then uses, too.
    """

    library: str | None = None
    guide: str = ""
    top: int = 5
    cue: str | None = None
    is_instrumental: bool = False
    licenses: tuple[str, ...] = ()
    is_over_music: bool | None = None
    matcher: Matcher | None = None


def suggest_cues(store: Store, timeline: str, request: CueRequest) -> TimelineState:
    """Spot a timeline and suggest tracks for its cues; return its state afterwards. What a person decided stays.

    Raises:
        NotInStore: there is no such timeline, library or cue.
        UsageError: the guide or the number of suggestions is wrong, or the timeline has no segments yet.
        StoreError: the store or the libraries cannot be read or written.
    """
    if not 1 <= request.top <= MAX_RESULTS:
        raise UsageError(f"the number of suggestions is {request.top}, not 1 to {MAX_RESULTS}", where="cues")
    guide = parse_guide(request.guide)
    state = store.state(timeline)
    film = film_of(state)
    if film is None:
        raise UsageError("has no segments yet", where=timeline, hint="analyze it first")
    payloads: list[Payload] = list(_spotted(state, film, request.is_over_music))
    cues = _after(state, payloads)
    if request.cue is not None and request.cue not in {cue.cue for cue in cues}:
        known = ", ".join(cue.cue for cue in cues) or "none"
        raise NotInStore(f"no cue {request.cue!r}", where=timeline, hint=f"its cues: {known}")
    if request.library is not None:
        with closing(open_music_libraries(store)) as libraries:
            library = libraries.library(request.library)
            index = open_index(libraries, library, StaticEmbedder(), store.folder / "music" / "indexes")
            payloads += _Suggesting(libraries, index, film, guide, request).suggest(cues, state)
    if payloads:
        store.append(timeline, payloads, expect_epoch=state.epoch)
    return store.state(timeline)


def spot_again(store: Store, timeline: str) -> None:
    """Spot a timeline again after its scenes have changed, as it was spotted before; do nothing if it was not.

    Raises:
        NotInStore: there is no such timeline.
        StoreError: the store cannot be read or written.
    """
    state = store.state(timeline)
    film = film_of(state) if state.spotting else None
    if film is None:
        return
    payloads = _spotted(state, film)
    if payloads:
        store.append(timeline, payloads, expect_epoch=state.epoch)


def _spotted(state: TimelineState, film: Film, is_over_music: bool | None = None) -> list[CueDetected]:
    """Return the events that bring the cues of a state up to date: those that are gone first."""
    kept = [cue for cue in state.spotting if cue.decision is not None]
    if is_over_music is None:
        undecided = [cue for cue in state.spotting if cue.decision is None]
        is_over_music = any(cue.over_music for cue in undecided or kept)  # a decided cue may be from an earlier spotting
    fresh = spot(film, SpotSettings(is_over_music=is_over_music), kept)
    names = {cue.cue for cue in fresh} | {cue.cue for cue in kept}
    gone = [
        CueDetected(cue=cue.cue, start=cue.start, end=cue.end, reason="not spotted any more", removed=True)
        for cue in state.spotting
        if cue.cue not in names
    ]
    known = {cue.cue: cue for cue in state.spotting}
    return [*gone, *(cue for cue in fresh if cue.cue not in known or not _is_same(known[cue.cue], cue))]


def _is_same(known: SpottedCue, fresh: CueDetected) -> bool:
    return all(getattr(known, name) == value for name, value in fresh if name != "removed")


def _after(state: TimelineState, payloads: Sequence[Payload]) -> list[SpottedCue]:
    """Return the cues as they are once the events are folded."""
    cues = {cue.cue: cue for cue in state.spotting}
    for payload in payloads:
        if isinstance(payload, CueDetected):
            cues = after_cue_event(cues, payload)
    return list(in_order(cues.values()))


class _Suggesting:
    """Ranks the library for one cue after another, so that neighbors fit each other and no track is used twice."""

    def __init__(self, libraries: MusicLibraries, index: TrackIndex, film: Film, guide: Guide, request: CueRequest) -> None:
        self._libraries, self._index, self._film, self._guide, self._request = libraries, index, film, guide, request

    def suggest(self, cues: Sequence[SpottedCue], state: TimelineState) -> list[CuesSuggested]:
        """Return the suggestions that differ from the present ones."""
        present = {suggested.cue: suggested for suggested in state.cues if suggested.cue is not None}
        library = self._request.library or ""
        rejected = list(dict.fromkeys(track for cue in cues for track in cue.rejected if is_rejected(cue, track, library)))
        chosen = {cue.cue: cue.chosen.track for cue in cues if cue.chosen is not None and library_of(cue, state) == library}
        used = set(chosen.values())
        neighbor: str | None = None
        events = []
        for cue in cues:
            if cue.chosen is not None:
                neighbor = chosen.get(cue.cue)
            elif cue.usage != "source" and cue.decision != "rejected":
                known = present.get(cue.cue)
                if self._request.cue in (None, cue.cue):
                    suggested = self._for_cue(cue, rejected, used, neighbor)
                    if suggested != known:
                        events.append(suggested)
                    known = suggested
                if known is not None and known.cues and known.library == self._request.library:
                    neighbor = known.cues[0].track
                    used = used | {neighbor}
        return events

    def _for_cue(self, cue: SpottedCue, rejected: Sequence[str], used: set[str], neighbor: str | None) -> CuesSuggested:
        request, wanted = self._request, wanted_of(self._film, cue)
        ranked = rank(
            self._index,
            StaticEmbedder(),
            wanted,
            self._guide,
            limits=Limits(is_instrumental=request.is_instrumental, licenses=request.licenses, used=frozenset(used)),
            rejected=rejected,
            neighbor=neighbor,
            matcher=request.matcher,
            top=request.top,
        )
        tracks = {track.track: track for track in self._libraries.some(request.library or "", [each.track for each in ranked])}
        suggestions = []
        for each in ranked:
            track = tracks[each.track]
            fit = _fit_under(cue, track)
            why = why_it_fits(track, each, wanted, self._guide, fit, len(cue.hits))
            suggestions.append(_cue_of(track, each.score, why, fit))
        return CuesSuggested(cue=cue.cue, guide=request.guide or None, library=request.library or "", cues=suggestions)


def wanted_of(film: Film, cue: SpottedCue) -> Wanted:
    """Return what a cue wants of music: the captions, tags and faces of its span, its energy, tempo, length and dialogue."""
    start, end = cue.start.seconds, cue.end.seconds
    shots = film.shots_in(start, end)
    weights: dict[str, float] = {}
    total = sum(shot.end - shot.start for shot in shots) or 1.0
    for shot in shots:
        for tag, confidence in (shot.tags or {}).items():
            weights[tag] = weights.get(tag, 0.0) + confidence * (shot.end - shot.start) / total
    tags = sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_TAGS]
    return Wanted(
        words=" ".join(dict.fromkeys(shot.caption for shot in shots if shot.caption and shot.is_described)),
        tags=tuple((tag, min(1.0, weight)) for tag, weight in tags),
        energy=sum(cue.intensity) / len(cue.intensity) if cue.intensity else None,
        bpm=Range(*cue.bpm) if cue.bpm is not None else Range(),
        seconds=end - start,
        dialogue_share=film.dialogue_share(start, end),
        expressions=tuple(film.expressions(start, end)),
        segments=tuple(_segment_of(shot, start, end) for shot in shots),
    )


def _segment_of(shot: Shot, start: float, end: float) -> WantedSegment:
    tags = sorted((shot.tags or {}).items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_TAGS]
    seconds = min(end, shot.end) - max(start, shot.start)
    return WantedSegment(shot.caption if shot.is_described else "", tuple(tags), shot.energy, seconds)


def _fit_under(cue: SpottedCue, track: Track) -> Fit | None:
    hits = [hit.at.seconds - cue.start.seconds for hit in cue.hits]
    return fit_track(track.sound, cue.end.seconds - cue.start.seconds, hits)


def _fit_of(fit: Fit) -> CueFit:
    return CueFit(
        offset_seconds=fit.offset_seconds,
        seconds=fit.seconds,
        fade_in_seconds=fit.fade_in_seconds,
        fade_out_seconds=fit.fade_out_seconds,
        hits=list(fit.hits),
    )


def _cue_of(track: Track, score: float, why: str, fit: Fit | None) -> Cue:
    return Cue(
        track=track.track,
        title=track.title or Path(track.track).stem,
        artist=track.artist,
        score=score,
        why=why,
        fit=None if fit is None else _fit_of(fit),
        rights={name: text for name in _RIGHTS if (text := track.texts.get(name))},
    )


def decide(store: Store, timeline: str, cue: str, decision: Decision, track: str | None, by: str, library: str | None = None) -> SpottedCue:
    """Write what a person decided about a cue; return the cue as it is then.

    Args:
        store: where the timeline is.
        timeline: its id.
        cue: name of the cue, such as `1M1`.
        decision: `accept` a track (the first suggestion if none is named); `reject` a track, or the cue if none is named; `swap` for
            another track: the chosen or first suggested one is rejected; `reset` what was decided about a track, or everything about the
            cue if none is named.
        track: id of the track.
        by: who decides.
        library: the library of the track; None for that of the suggestions, or of the chosen track if it is that one. A reset without
            it takes back what was decided about tracks of this id in every library.

    Raises:
        NotInStore: there is no such timeline, cue, track or library.
        UsageError: there is no suggestion to accept, or a swap names no track.
    """
    state = store.state(timeline)
    spotted = next((each for each in state.spotting if each.cue == cue), None)
    if spotted is None:
        known = ", ".join(each.cue for each in state.spotting) or "none; `streamtags cues` spots them"
        raise NotInStore(f"no cue {cue!r}", where=timeline, hint=f"its cues: {known}")
    suggested = next((each for each in state.cues if each.cue == cue), None)
    first = suggested.cues[0].track if suggested is not None and suggested.cues else None
    events: list[Payload] = []
    if decision in ("reject", "reset"):
        name = (library or "") if decision == "reset" or track is None else _library_of(spotted, suggested, track, library)
        events.append(CueDecided(cue=cue, track=track, decision="rejected" if decision == "reject" else "reset", by=by, library=name))
    else:
        if decision == "swap":
            if track is None:
                raise UsageError("a swap names the new track", where=cue, hint="give its id")
            before = spotted.chosen.track if spotted.chosen is not None else first
            name = _library_of(spotted, suggested, before, None)
            if before is not None and (before, name) != (track, library or name):
                events.append(CueDecided(cue=cue, track=before, decision="rejected", by=by, library=name))
        chosen = _chosen(store, spotted, suggested, track or first, library)
        events.append(CueDecided(cue=cue, track=chosen.track, decision="accepted", by=by, chosen=chosen))
    store.append(timeline, events, expect_epoch=state.epoch)
    return next(each for each in store.state(timeline).spotting if each.cue == cue)


def _library_of(cue: SpottedCue, suggested: CuesSuggested | None, track: str | None, library: str | None) -> str:
    """Return the library of a track that is rejected: the named one, else that of the chosen track, else that of the suggestions."""
    if library is not None:
        return library
    if cue.chosen is not None and cue.chosen.track == track and cue.chosen.library:
        return cue.chosen.library
    return suggested.library if suggested is not None else ""


def _chosen(store: Store, cue: SpottedCue, suggested: CuesSuggested | None, track: str | None, library: str | None) -> Cue:
    """Return the track as it was suggested, or as its library has it; it names the library."""
    name = library if library is not None else suggested.library if suggested is not None else ""
    if track is None or not name:
        raise UsageError("there is no suggestion to accept", where=cue.cue, hint="run `streamtags cues ID --library NAME` first")
    offered = suggested.cues if suggested is not None and suggested.library == name else []
    chosen = next((each for each in offered if each.track == track), None)
    if chosen is None:
        with closing(open_music_libraries(store)) as libraries:
            others = libraries.some(libraries.library(name).name, [track])
        if not others:
            raise NotInStore(f"no track {track!r} in the library {name!r}", where=cue.cue, hint="name a suggested track or its id")
        chosen = _cue_of(others[0], 0.0, "chosen by a person", _fit_under(cue, others[0]))
    return chosen.model_copy(update={"library": name})


def cues_as_json(state: TimelineState, top: int) -> list[dict[str, Any]]:
    """Return the cues with their tracks in plain JSON types."""
    return [
        {
            **cue.model_dump(mode="json", exclude={"chosen", "rejected", "rejected_in"}),
            "tracks": [each.model_dump(mode="json") for each in tracks_of(cue, state, top)],
        }
        for cue in state.spotting
    ]
