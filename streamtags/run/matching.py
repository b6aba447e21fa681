"""Training a matcher on pairs of scenes and tracks of a library, and opening one for the ranking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streamtags.config.settings import Settings
from streamtags.core.errors import ConfigError, NotInStore, UsageError
from streamtags.core.music import Track
from streamtags.core.stores import Store
from streamtags.cues.film import Film, film_of
from streamtags.matching.checkpoint import INSTALL, Checkpoint, read_checkpoint, write_checkpoint
from streamtags.matching.features import Query, query_of, track_features
from streamtags.matching.options import MatcherSizes, TrainingOptions
from streamtags.matching.pairs import Pair, Pairs, read_pairs
from streamtags.matching.recall import Retrieval, chance, ranks_of, retrieval_of
from streamtags.music.index import TrackIndex, open_index
from streamtags.music.wanted import Matcher, Wanted
from streamtags.run.cues import wanted_of
from streamtags.run.search import StaticEmbedder
from streamtags.run.training_texts import TextChoice, TrainingTexts, write_texts
from streamtags.store.opening import open_music_libraries

if TYPE_CHECKING:
    from streamtags.matching.training import Epoch, Example

__all__ = ["Score", "TrainReport", "TrainRequest", "open_matcher", "train_matcher"]

_MIN_TESTED = 10  # pairs; from fewer, recall says nothing


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What a matcher is trained on.

    Attributes:
        pairs: a file of pairs.
        library: name of the library that has their tracks.
        output: the file of the matcher.
        options: how it is trained.
        texts: where the texts of pairs without one come from.
        test_share: share of the tracks whose pairs are kept for the report.
        is_fresh: an interrupted training is not continued.
    """

    pairs: Path
    library: str
    output: Path
    options: TrainingOptions = field(default_factory=TrainingOptions)
    texts: TextChoice = "auto"
    test_share: float = 0.1
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """How well pairs that were not trained on find their track among all tracks of the library.

    Attributes:
        pairs: how many.
        tracks: among how many.
        with_text: with the words of the pairs.
        without_text: with the scenes alone.
        chance: an order by lot.
    """

    pairs: int
    tracks: int
    with_text: Retrieval
    without_text: Retrieval
    chance: Retrieval


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What came of a training.

    Attributes:
        pairs: the file, with its mistakes.
        trained: pairs that were trained on.
        texts: how many texts there were of each kind.
        score: None if too few pairs were kept for it.
    """

    pairs: Pairs
    trained: int
    texts: TrainingTexts
    score: Score | None


def train_matcher(store: Store, settings: Settings, request: TrainRequest, notice: Callable[[Epoch], None] = lambda _: None) -> TrainReport:
    """Train a matcher and write it.

    Raises:
        UsageError: the pairs cannot be read, too few can be used, or an interrupted training was of other ones.
        NotInStore: there is no such library.
        ConfigError: torch is not installed, or the settings ask for texts by a model and have none.
        ModelError: texts by a model were demanded, and it does not answer.
    """
    training = _training_module()
    pairs, embedder = read_pairs(request.pairs), StaticEmbedder()
    with closing(open_music_libraries(store)) as libraries:
        library = libraries.library(request.library)
        index = open_index(libraries, library, embedder, store.folder / "music" / "indexes")
        tracks = {track.track: track for track in libraries.some(library.name, list({pair.track for pair in pairs.pairs}))}
    usable = _usable(pairs, tracks, store)
    texts = write_texts(
        [(pair, tracks[pair.track]) for pair, _ in usable], settings, request.texts, _texts_file(request.output), request.options.seed
    )
    places = {track: place for place, track in enumerate(index.ids)}
    examples = []
    for pair, wanted in usable:
        alone = query_of(wanted, "", embedder)
        written = [Query(alone.segments, query_of(Wanted(), text, embedder).phrases) for text in texts.of(pair)]
        examples.append(training.Example(tuple(written or [alone]), places[pair.track]))
    kept, tested = _split(examples, request)
    sizes = MatcherSizes(embedder=embedder.name, dimensions=index.vectors.shape[1])
    state = request.output.with_name(f"{request.output.stem}.training.safetensors")
    if request.is_fresh:
        state.unlink(missing_ok=True)
    parameters = training.train(kept, track_features(index), sizes, request.options, state=state, notice=notice)
    checkpoint = Checkpoint(sizes, parameters, {"pairs": len(kept), "library": library.name, "options": request.options.key()})
    write_checkpoint(request.output, checkpoint)
    return TrainReport(pairs, len(kept), texts, _score(checkpoint, index, tested) if tested else None)


def open_matcher(path: Path) -> Matcher:
    """Open the matcher of a file; the last ones that were opened are kept.

    Raises:
        UsageError: the file cannot be read or is no matcher.
        ConfigError: torch is not installed.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint="check the path of the matcher") from error
    return _opened(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _opened(path: Path, _changed: int, _size: int) -> Matcher:
    _training_module()
    from streamtags.matching.matcher import TrainedMatcher

    return TrainedMatcher(read_checkpoint(path), StaticEmbedder(), str(path))


def _training_module() -> Any:
    """Import what needs torch."""
    try:
        from streamtags.matching import training
    except ModuleNotFoundError as error:
        raise ConfigError(f"the package {error.name} is not installed", where="matcher", hint=INSTALL) from error
    return training


def _usable(pairs: Pairs, tracks: dict[str, Track], store: Store) -> list[tuple[Pair, Wanted]]:
    """Return the pairs whose track and cue exist, with their scenes; report the others."""
    films: dict[str, tuple[Film, dict[str, Any]] | str] = {}
    usable = []
    for pair in pairs.pairs:
        try:
            if pair.track not in tracks:
                raise NotInStore(f"no track {pair.track[:60]!r} in the library")
            wanted = pair.scene if pair.scene is not None else _wanted_of_cue(pair, films, store)
        except UsageError as error:
            pairs.report(pair.line, error.what, is_skipped=True)
            continue
        usable.append((pair, wanted))
    return usable


def _wanted_of_cue(pair: Pair, films: dict[str, tuple[Film, dict[str, Any]] | str], store: Store) -> Wanted:
    timeline, cue = pair.cue or ("", "")
    if timeline not in films:
        films[timeline] = _film(timeline, store)
    film = films[timeline]
    if isinstance(film, str):
        raise NotInStore(film)
    if cue not in film[1]:
        raise NotInStore(f"no cue {cue[:60]!r} in the timeline {timeline[:60]!r}")
    return wanted_of(film[0], film[1][cue])


def _film(timeline: str, store: Store) -> tuple[Film, dict[str, Any]] | str:
    """Return a film and its cues by name; what is wrong if there is none."""
    try:
        state = store.state(store.find(timeline))
    except NotInStore as error:
        return error.what
    film = film_of(state)
    return f"the timeline {timeline[:60]!r} has no segments" if film is None else (film, {cue.cue: cue for cue in state.spotting})


def _texts_file(output: Path) -> Path:
    return output.with_name(f"{output.stem}.texts.jsonl")


def _split(examples: Sequence[Example], request: TrainRequest) -> tuple[list[Example], list[Example]]:
    """Return what is trained on and what is kept for the report; all pairs of a track are on one side."""
    tracks = sorted({example.track for example in examples})
    drawn = np.random.default_rng(request.options.seed).permutation(len(tracks))[: int(len(tracks) * request.test_share)]
    chosen = {tracks[place] for place in drawn}
    tested = [example for example in examples if example.track in chosen]
    if len(tested) < _MIN_TESTED:
        return list(examples), []
    return [example for example in examples if example.track not in chosen], tested


def _score(checkpoint: Checkpoint, index: TrackIndex, tested: Sequence[Example]) -> Score:
    from streamtags.matching.matcher import TrainedMatcher

    matcher = TrainedMatcher(checkpoint, StaticEmbedder(), "the trained matcher")
    tracks, targets = matcher.tracks(index), [example.track for example in tested]
    full = [example.queries[0] for example in tested]
    alone = [Query(query.segments, query.phrases[:0]) for query in full]
    both = [retrieval_of(ranks_of(matcher.queries(queries) @ tracks.T, targets)) for queries in (full, alone)]
    return Score(len(tested), len(tracks), both[0], both[1], chance(len(tracks)))
