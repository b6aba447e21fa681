"""The music of cues in exports, read back by OpenTimelineIO, pycmx, and a description of the IPTC Video Metadata Hub."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pycmx
import pytest

from streamtags.core.answers import ScreenLine
from streamtags.core.cue_events import Cue, CueDecided, CueFit, CuesSuggested
from streamtags.core.events import Payload, SegmentRead
from streamtags.core.fold import fold
from streamtags.core.state import TimelineState
from streamtags.core.timecode import parse_timecode
from streamtags.cues.film import film_of
from streamtags.cues.spotting import spot
from streamtags.export import ExportOptions, TimelineView, find_format
from streamtags.testing import make_events
from tests.cues.films import Part, film_payloads

NTSC = Fraction(30000, 1001)
PATHS = {"dawn.ogg": "/music/dawn.ogg", "storm one.wav": "/music/storm one.wav"}


def scored(rate: Fraction = Fraction(25), start: str = "01:00:00:00", more: tuple[Payload, ...] = ()) -> TimelineState:
    """1M1 with an accepted track from 0 to 20 s, 1M2 with a suggested and shorter one from 20 s, 1M3S with music of the film."""
    payloads = film_payloads(
        [Part(20, 4, {"Calm": 0.9}), Part(50, 4, {"Tense": 0.9}, energies=[0.2, 0.8]), Part(20, has_music=True)], rate, start
    )
    dawn = Cue(
        track="dawn.ogg",
        title="Dawn",
        artist="Anon",
        score=0.7,
        why="calm",
        fit=CueFit(offset_seconds=12.4, seconds=20, fade_in_seconds=0.48, fade_out_seconds=2),
        rights={"composer": "A. Composer", "publisher": "House"},
    )
    storm = Cue(track="storm one.wav", title="Storm", artist="", score=0.6, why="tense", fit=CueFit(offset_seconds=0, seconds=40))
    other = storm.model_copy(update={"track": "no.wav", "title": "No"})
    suggested = [CuesSuggested(cue="1M1", library="house", cues=[storm]), CuesSuggested(cue="1M2", library="house", cues=[other, storm])]
    decided = [
        CueDecided(cue="1M1", track="dawn.ogg", decision="accepted", by="ada", chosen=dawn),
        CueDecided(cue="1M2", track="no.wav", decision="rejected", by="ada"),
    ]
    return fold(make_events([*payloads, *spot(film_of(fold(make_events(payloads)))), *suggested, *decided, *more]))


def render(name: str, state: TimelineState, **options: Any) -> bytes:
    chosen = ExportOptions.read(options)
    view = replace(TimelineView.of(state, [], chosen), music_file=lambda library, track: PATHS.get(track) if library == "house" else None)
    return find_format(name).render(view, chosen)


def read_otio(data: bytes) -> Any:
    return otio.adapters.read_from_string(data.decode(), "otio_json")


@pytest.mark.parametrize(("rate", "start"), [(Fraction(25), "01:00:00:00"), (NTSC, "01:00:00;00")])
def test_otio_has_the_chosen_music_at_its_place_with_offset_and_fades(rate: Fraction, start: str) -> None:
    state = scored(rate, start)
    timeline = read_otio(render("otio", state))
    one, two = timeline.audio_tracks()  # they touch: a fade needs a gap after it
    assert [type(item).__name__ for item in one] == ["Transition", "Clip", "Transition"]
    (dawn,), (storm,) = one.find_clips(), two.find_clips()
    assert dawn.media_reference.target_url == "file:///music/dawn.ogg"
    assert storm.media_reference.target_url == "file:///music/storm%20one.wav"
    assert (dawn.metadata["streamtags"]["accepted"], storm.metadata["streamtags"]["accepted"]) == (True, False)
    cues = {cue.cue: cue for cue in state.spotting}
    for clip, cue, offset, seconds in ((dawn, cues["1M1"], 12.4, 20), (storm, cues["1M2"], 0, 40)):
        place = clip.transformed_time_range(clip.trimmed_range(), timeline.tracks)
        assert place.start_time.value == cue.start.frame
        assert place.duration.value == round(seconds * rate)
        assert clip.source_range.start_time.value == round(Fraction(offset) * rate)
    fade_in, _, fade_out = one
    assert (fade_in.in_offset.value, fade_in.out_offset.value) == (0, round(Fraction(0.48) * rate))
    assert (fade_out.in_offset.value, fade_out.out_offset.value) == (round(2 * rate), 0)


def test_otio_names_a_track_whose_file_is_not_known() -> None:
    chosen = ExportOptions()
    view = TimelineView.of(scored(), [], chosen)
    clip = next(iter(read_otio(find_format("otio").render(view, chosen)).audio_tracks()[0].find_clips()))
    assert clip.media_reference.is_missing_reference
    assert clip.media_reference.name == "dawn.ogg"


@pytest.mark.parametrize(("rate", "start"), [(Fraction(25), "01:00:00:00"), (NTSC, "01:00:00;00")])
def test_a_list_has_the_music_on_sound_tracks(rate: Fraction, start: str) -> None:
    text = render("music-edl", scored(rate, start)).decode()
    events = list(pycmx.parse_cmx3600(io.StringIO(text)).events)

    def frames(label: str) -> int:
        return parse_timecode(label, rate)[0]

    first = frames(start)
    fading_in, fading_out, storm = events
    silence, dawn = fading_in.edits
    assert silence.black
    assert dawn.transition.dissolve
    assert dawn.transition.effect_duration == round(Fraction(0.48) * rate)
    assert (dawn.clip_name, dawn.source_file) == ("Dawn", "/music/dawn.ogg")
    assert dawn.channels.audio
    assert not dawn.channels.video
    assert frames(dawn.record_in) == first
    assert frames(dawn.source_in) == round(Fraction(12.4) * rate)
    ending, black = fading_out.edits
    assert frames(dawn.record_out) == frames(ending.record_in) == frames(black.record_in)
    assert black.black
    assert frames(black.record_out) - frames(black.record_in) == black.transition.effect_duration == round(2 * rate)
    (storm,) = storm.edits
    assert frames(storm.record_in) - first == frames(black.record_out) - first == round(20 * rate)
    assert frames(storm.record_out) - frames(storm.record_in) == frames(storm.source_out) - frames(storm.source_in) == round(40 * rate)
    assert "* 1M1 accepted by Anon: calm" in text


@pytest.mark.parametrize("name", ["otio", "fcpxml", "xmeml", "edl", "resolve-edl", "avid", "premiere-csv"])
def test_cues_are_markers_in_editing_systems(name: str) -> None:
    state = scored()
    data = render(name, state)
    text = data.decode("utf-16" if name == "premiere-csv" else "utf-8")
    for words in ("1M1 background", "accepted: Dawn by Anon", "1M2", "suggested: Storm", "1M3S source", "hit 01:00:32:12"):
        assert words in text
    assert "1M1 background" not in render(name, state, tags=["Calm"]).decode("utf-16" if name == "premiere-csv" else "utf-8")


def test_a_segment_keeps_its_length_where_a_cue_begins_on_its_frame() -> None:
    timeline = read_otio(render("otio", scored()))
    cue = next(marker for marker in timeline.tracks.markers if marker.metadata["streamtags"].get("cue") == "1M1")
    assert cue.marked_range.duration.value == 500
    rows = [line.split("\t") for line in render("avid", scored()).decode().splitlines()]
    assert rows[0][4].startswith("1M1 background, Calm")
    assert rows[0][5] == "125"


def test_a_report_shows_each_cue_with_its_tracks() -> None:
    text = render("html", scored()).decode()
    assert "1M1 <small>01:00:00:00 to 01:00:20:00, background, accepted</small>" in text
    assert "<li><b>Dawn</b> (Anon) 0.70 calm</li>" in text
    assert "<b>No</b>" not in text


def test_a_timeline_without_cues_has_no_music() -> None:
    state = fold(make_events(film_payloads([Part(20, 4, {"Calm": 0.9})])))
    assert len(read_otio(render("otio", state)).tracks) == 1
    assert render("music-edl", state).decode() == "TITLE: film music\r\nFCM: NON-DROP FRAME\r\n\r\n"


# Properties and their types: IPTC Video Metadata Hub, Recommendation 1.7 of 16 October 2025, columns "PVMD JSON Property" and "PVMD JSON
# Data Type" (https://iptc.org/std/videometadatahub/recommendation/IPTC-VideoMetadataHub-props-Rec_1.7.html), and its JSON Schema
# (https://iptc.org/std/videometadatahub/recommendation/iptc-vmhub-1.7-schema.json): an array of at least one object, which has
# `photoVideoMetadataIPTC` and nothing else that is not a fragment or another party's container.
TEXTS = {"aISystemUsed", "aISystemVersionUsed", "aIPromptInformation", "language", "signalAspectRatio"}
NUMBERS = {"videoFrameRate", "audioChannelCount", "audioSampleRate"}
LANGUAGES = {"title", "description", "dopesheet", "transcript"}
ENTITIES = {"metadataLastEditor", "fileFormat", "videoCoding", "audioCoding"}


def is_language_text(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(part, str) and part for pair in value.items() for part in pair)


def is_valid(name: str, value: Any) -> bool:
    if name in TEXTS:
        return isinstance(value, str)
    if name in NUMBERS:
        return isinstance(value, int | float)
    if name in LANGUAGES:
        return is_language_text(value)
    if name in ENTITIES:
        return value.keys() == {"name"} and is_language_text(value["name"])
    if name == "keywords":
        return all(map(is_language_text, value))
    if name == "dataOnScreen":
        return all(item.keys() == {"regionText"} and isinstance(item["regionText"], str) for item in value)
    if name == "contributors":
        return all(item.keys() == {"name", "role"} and is_language_text(item["name"]) and isinstance(item["role"], list) for item in value)
    return name == "fileDuration" and value.keys() == {"timeFormat", "timeValue"} and value["timeFormat"] == "normalPlayTime"


def test_iptc_is_what_the_recommendation_says(state: TimelineState) -> None:
    line = ScreenLine(text="HARBOR", confidence=0.9, box=(0, 0, 1, 1), pts=0)
    film = scored(more=(SegmentRead(segment="s0000", rev=9, lines=[line], model="ocr/1"),))
    for each in (film, state):
        (item,) = json.loads(render("iptc", each))
        assert item.keys() == {"photoVideoMetadataIPTC"}
        for name, value in item["photoVideoMetadataIPTC"].items():
            assert is_valid(name, value), (name, value)
    video = json.loads(render("iptc", film))[0]["photoVideoMetadataIPTC"]
    assert video["aISystemUsed"].startswith(
        "For this metadata only, not for the video: captions: c; sound: h; tags: m; text on screen: ocr/1"
    )
    assert "vocabulary test, version 1" in video["aIPromptInformation"]
    assert "digitalSourceType" not in video  # how the film was made is not known
    assert video["keywords"][:2] == [{"en": "Tense"}, {"en": "Calm"}]
    assert video["dataOnScreen"] == [{"regionText": "HARBOR"}]
    assert video["dopesheet"]["en"].splitlines()[0] == "01:00:00:00 to 01:00:05:00 Shot 0 of something. [Calm]"
    assert {"name": {"x-default": "A. Composer"}, "role": ["composer"]} in video["contributors"]


def test_iptc_of_a_film_that_no_model_described_has_no_fields_about_ai() -> None:
    state = scored()
    bare = [
        segment.model_copy(update={"caption": "By hand.", "caption_model": "person", "tags_model": None, "answers": {}})
        for segment in state.segments
    ]
    video = json.loads(render("iptc", state.model_copy(update={"segments": tuple(bare)})))[0]["photoVideoMetadataIPTC"]
    assert not [name for name in video if name.startswith("aI")]
    assert video["description"]["en"] == "By hand."
