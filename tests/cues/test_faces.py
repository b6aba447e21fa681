"""Music from how faces look: one more input of a cue, and enough for a short portrait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streamtags.core.answers import ApparentExpression, SegmentFaces
from streamtags.core.events import Payload, SegmentCaptioned, SegmentTagged
from streamtags.core.fold import fold
from streamtags.core.music import StoredTrack, Track
from streamtags.core.records import TimelineIdentity
from streamtags.core.stores import Store
from streamtags.cues.film import film_of
from streamtags.cues.spotting import spot
from streamtags.run.cues import CueRequest, suggest_cues, wanted_of
from streamtags.store.opening import open_music_libraries, open_store
from streamtags.testing import make_events
from tests.cues.films import Part, film_payloads

TRACKS = {
    "a": "a sad, melancholic piano ballad",
    "b": "happy, joyful ukulele, uplifting",
    "c": "aggressive metal, angry and intense",
    "d": "calm ambient pads, gentle",
    "e": "neutral corporate background",
}


def faces(segment: str, **expressions: float) -> SegmentFaces:
    shares = [ApparentExpression(label=label, confidence=confidence) for label, confidence in expressions.items()]
    return SegmentFaces(segment=segment, rev=5, count=1, shot_size="close-up", expressions=shares, model="made")


def portrait(*answers: SegmentFaces, seconds: float = 4) -> list[Payload]:
    """A film of which nothing is known but what `answers` say."""
    silent = [each for each in film_payloads([Part(seconds)]) if not isinstance(each, SegmentCaptioned | SegmentTagged)]
    return [*silent[:-1], *answers, silent[-1]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    pytest.importorskip("wordllama", reason="the static embeddings are in the extra text")
    with closing(open_store(f"sqlite:///{tmp_path / 's.db'}")) as opened:
        with closing(open_music_libraries(opened)) as libraries:
            tracks = [StoredTrack(Track(name, 1, title=name.upper(), description=text)) for name, text in TRACKS.items()]
            libraries.save("house", "/music", "folder", tracks)
        yield opened


def suggested(store: Store, payloads: list[Payload]) -> list[tuple[str, str]]:
    store.open_timeline("tl_film", TimelineIdentity("key of the film"))
    store.append("tl_film", payloads)
    (cues,) = suggest_cues(store, "tl_film", CueRequest(library="house", top=3)).cues
    return [(each.track, each.why) for each in cues.cues]


@pytest.mark.parametrize(
    ("expressions", "track", "path"),
    [
        ({"joy": 0.62, "surprise": 0.2, "neutral": 0.1}, "b", "joy 0.62 (happy, joyful, uplifting), surprise 0.20 (playful, exciting)"),
        ({"sadness": 0.7, "neutral": 0.2}, "a", "sadness 0.70 (sad, melancholic, emotional), neutral 0.20 (calm, gentle)"),
        ({"anger": 0.8}, "c", "anger 0.80 (angry, aggressive, intense)"),
        ({"neutral": 0.9}, "d", "neutral 0.90 (calm, gentle)"),
    ],
)
def test_a_short_portrait_gets_the_music_of_its_face_and_the_way_there_is_explained(
    store: Store, expressions: dict[str, float], track: str, path: str
) -> None:
    first, why = suggested(store, portrait(faces("s0000", **expressions)))[0]
    assert first == track
    assert f"faces look {path}" in why


def test_a_cue_says_how_faces_look_and_its_music_is_chosen_by_it() -> None:
    state = fold(make_events(portrait(faces("s0000", joy=0.6, neutral=0.3, fear=0.01))))
    film = film_of(state)
    assert film is not None
    (cue,) = spot(film)
    assert cue.reason.endswith("Faces look: joy 0.60, neutral 0.30.")
    wanted = wanted_of(film, fold(make_events([*portrait(faces("s0000", joy=0.6, neutral=0.3)), cue])).spotting[0])
    assert wanted.expressions == (("joy", 0.6), ("neutral", 0.3))


def test_faces_of_a_few_shots_count_less_in_a_long_cue() -> None:
    payloads = film_payloads([Part(40, 4, {"Calm": 0.9})])
    state = fold(make_events([*payloads, faces("s0001", joy=0.8)]))
    film = film_of(state)
    assert film is not None
    assert film.expressions(0, 40) == [("joy", pytest.approx(0.2))]
    assert film.expressions(0, 10) == []


def test_without_faces_a_short_film_gets_no_cue_and_reasons_are_as_before() -> None:
    film = film_of(fold(make_events(portrait())))
    assert film is not None
    assert spot(film) == []
    long = film_of(fold(make_events(portrait(seconds=8))))
    assert long is not None
    assert "Faces" not in spot(long)[0].reason


def test_an_expression_that_is_not_known_chooses_no_music(store: Store) -> None:
    why = suggested(store, portrait(faces("s0000", smirk=0.9)))[0][1]
    assert "faces look" not in why
