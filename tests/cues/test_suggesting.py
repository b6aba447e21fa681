"""Cues requested again: what a person chose keeps its library, and a film spotted over its music stays so."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streamtags.cli import main
from streamtags.core.answers import SegmentHeard
from streamtags.core.cue_tracks import library_of, tracks_of
from streamtags.core.errors import NotInStore, UsageError
from streamtags.core.events import SceneCorrected
from streamtags.core.music import StoredTrack, Track, TrackSound
from streamtags.core.records import TimelineIdentity
from streamtags.core.stores import Store
from streamtags.export import find_format
from streamtags.export.registry import export_timeline
from streamtags.run.cues import CueRequest, decide, spot_again, suggest_cues
from streamtags.run.library_files import music_files
from streamtags.store.opening import open_music_libraries, open_store
from tests.cues.films import Part, film_payloads

CALM, TENSE = {"Calm": 0.9}, {"Tense": 0.9}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 's.db'}"


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    """Two libraries whose tracks have the same ids, and a film with a temporary mix in its second half."""
    pytest.importorskip("wordllama", reason="the static embeddings are in the extra text")
    with open_store(url) as opened:
        with closing(open_music_libraries(opened)) as libraries:
            for name in ("attic", "house"):
                folder = tmp_path / name
                folder.mkdir()
                for track in ("1.wav", "2.wav"):
                    with wave.open(str(folder / track), "wb") as made:
                        made.setparams((1, 2, 8000, 0, "NONE", ""))
                        made.writeframes(bytes(80))
                sound = TrackSound(seconds=60, curve=(50,) * 120, hits=(3.0,))
                tracks = [
                    StoredTrack(Track(f"{number}.wav", 1, title=f"{name} {number}", description=text, sound=sound))
                    for number, text in ((1, "calm piano"), (2, "tense drums"))
                ]
                libraries.save(name, str(folder), "folder", tracks)
        opened.open_timeline("tl_film", TimelineIdentity("key of the film"))
        opened.append("tl_film", film_payloads([Part(20, 4, CALM), Part(20, 4, TENSE, has_music=True)]))
        yield opened


def spotted(store: Store, *, is_over_music: bool | None = None) -> list[str]:
    return [cue.cue for cue in suggest_cues(store, "tl_film", CueRequest(is_over_music=is_over_music)).spotting]


def test_a_chosen_track_keeps_its_library_when_another_library_suggests_later(store: Store, tmp_path: Path) -> None:
    suggest_cues(store, "tl_film", CueRequest(library="attic"))
    decide(store, "tl_film", "1M1", "accept", "1.wav", "ada")
    state = suggest_cues(store, "tl_film", CueRequest(library="house", is_over_music=True))
    first, second = state.spotting
    assert first.chosen is not None
    assert (first.chosen.title, first.chosen.library, library_of(first, state)) == ("attic 1", "attic", "attic")
    assert library_of(second, state) == "house"
    decide(store, "tl_film", "1M2", "accept", "1.wav", "ada")  # an id that is used in the other library is free in this one
    text = export_timeline(store, "tl_film", find_format("music-edl"), music_file=music_files(store)).decode()
    assert [line.partition(": ")[2] for line in text.splitlines() if "SOURCE FILE" in line] == [
        str(tmp_path / "attic" / "1.wav"),
        str(tmp_path / "house" / "1.wav"),
    ]


def test_a_track_that_is_rejected_from_one_library_is_still_suggested_from_another(store: Store) -> None:
    suggest_cues(store, "tl_film", CueRequest(library="attic"))
    decide(store, "tl_film", "1M1", "reject", "1.wav", "ada")

    def tracks(library: str) -> list[str]:
        state = suggest_cues(store, "tl_film", CueRequest(library=library))
        return [each.track for each in tracks_of(state.spotting[0], state, 5)]

    assert (tracks("attic"), sorted(tracks("house"))) == (["2.wav"], ["1.wav", "2.wav"])
    decide(store, "tl_film", "1M1", "swap", "1.wav", "ada", library="house")  # from the first of the house
    assert store.state("tl_film").spotting[0].rejected_in["1.wav"] == ("attic",)
    decide(store, "tl_film", "1M1", "reset", "1.wav", "ada")
    assert sorted(tracks("attic")) == ["1.wav", "2.wav"]


def test_a_track_that_an_older_log_does_not_say_the_library_of_is_from_the_suggestions(store: Store) -> None:
    suggest_cues(store, "tl_film", CueRequest(library="attic"))
    cue = decide(store, "tl_film", "1M1", "accept", None, "ada")
    assert cue.chosen is not None
    older = cue.model_copy(update={"chosen": cue.chosen.model_copy(update={"library": ""})})
    assert library_of(older, store.state("tl_film")) == "attic"


def test_a_person_takes_a_track_of_another_library_than_the_suggestions(store: Store) -> None:
    suggest_cues(store, "tl_film", CueRequest(library="house"))
    chosen = decide(store, "tl_film", "1M1", "swap", "2.wav", "ada", library="attic").chosen
    assert chosen is not None
    assert (chosen.title, chosen.library) == ("attic 2", "attic")
    assert chosen.fit is not None  # it lies under the cue as a suggested track would
    assert chosen.fit.seconds == 20
    with pytest.raises(NotInStore, match="no music library 'cellar'"):
        decide(store, "tl_film", "1M1", "accept", "2.wav", "ada", library="cellar")
    with pytest.raises(NotInStore, match=r"no track '3\.wav' in the library 'attic'"):
        decide(store, "tl_film", "1M1", "accept", "3.wav", "ada", library="attic")
    suggest_cues(store, "tl_film", CueRequest(is_over_music=True))
    with pytest.raises(UsageError, match="no suggestion"):
        decide(store, "tl_film", "1M2", "accept", None, "ada")
    assert decide(store, "tl_film", "1M2", "accept", "1.wav", "ada", library="attic").decision == "accepted"  # without suggestions


def test_a_film_is_spotted_again_as_before_unless_it_is_said_otherwise(store: Store) -> None:
    assert spotted(store) == ["1M1", "1M2S"]
    assert spotted(store, is_over_music=True) == ["1M1", "1M2"]
    assert spotted(store) == ["1M1", "1M2"]
    decide(store, "tl_film", "1M2", "reject", None, "ada")
    assert spotted(store, is_over_music=False) == ["1M1", "1M2"]  # it is decided, so it stays
    decide(store, "tl_film", "1M2", "reset", None, "ada")
    assert spotted(store, is_over_music=False) == ["1M1", "1M2S"]
    assert spotted(store) == ["1M1", "1M2S"]


def test_scenes_that_change_by_hand_leave_a_film_spotted_over_its_music(store: Store) -> None:
    spotted(store, is_over_music=True)
    store.append("tl_film", [SceneCorrected(segment="s0004", begins=False, by="ada")])
    spot_again(store, "tl_film")
    assert all(cue.over_music and cue.usage != "source" for cue in store.state("tl_film").spotting)


def test_music_that_is_heard_only_later_is_no_reason_to_spot_over_it(store: Store) -> None:
    payloads = film_payloads([Part(20, 4, CALM), Part(20, 4, TENSE, has_music=True)])
    heard = [each for each in payloads if isinstance(each, SegmentHeard)]
    store.open_timeline("tl_late", TimelineIdentity("key of the late film"))
    store.append("tl_late", [each for each in payloads if each not in heard])
    assert [cue.usage for cue in suggest_cues(store, "tl_late", CueRequest()).spotting] == ["background", "background"]
    store.append("tl_late", heard)
    assert [cue.usage for cue in suggest_cues(store, "tl_late", CueRequest()).spotting] == ["background", "source"]


def test_the_command_says_that_no_track_fits(store: Store, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cues", "tl_film", "--store", url, "--library", "attic", "--guide", "at least 9 minutes"]) == 0
    said = "no track of attic is left: all 2 tracks were rejected, or are used for another cue"
    assert f"{said}, or break a limit of the guide, --instrumental or --license\n" in capsys.readouterr().out
    flags = ["--reject", "1M1=1.wav", "--reject", "1M1=2.wav"]
    assert main(["cues", "tl_film", "--store", url, "--library", "attic", *flags]) == 0
    out = capsys.readouterr().out
    assert f"{said}\n" in out
    state = store.state("tl_film")
    for name in ("spotting-csv", "cue-sheet", "music-edl", "otio", "html"):
        assert export_timeline(store, "tl_film", find_format(name), music_file=music_files(store))
    assert all(not tracks_of(cue, state, 5) for cue in state.spotting)
    assert main(["cues", "tl_film", "--store", url, "--library", "attic", "--cue", "1M1"]) == 0
    assert capsys.readouterr().out.count(said) == 1


def test_a_mistake_in_the_guide_is_said_before_a_film_or_a_library_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wish = ["--library", str(tmp_path / "gone"), "--guide", "+piano:abc"]
    assert main(["cues", str(tmp_path / "film.mp4"), "--store", f"sqlite:///{tmp_path / 'new.db'}", *wish]) == 2
    assert "'+piano:abc': the weight 'abc' is no number from 0 to 3" in capsys.readouterr().err
    assert not (tmp_path / "new.db").exists()


def test_the_command_spots_as_before_until_a_flag_says_otherwise(store: Store, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for flags, expected in (
        (["--over-music"], ["1M1", "1M2"]),
        ([], ["1M1", "1M2"]),
        (["--no-over-music"], ["1M1", "1M2S"]),
        ([], ["1M1", "1M2S"]),
    ):
        assert main(["cues", "tl_film", "--store", url, "--json", *flags]) == 0
        assert [cue["cue"] for cue in json.loads(capsys.readouterr().out)["cues"]] == expected, flags
