from __future__ import annotations

import asyncio
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from streamtags import testing
from streamtags.core.errors import ConfigError, ModelError, SourceError
from streamtags.core.events import SegmentTagged, TimelineCompleted
from streamtags.core.fold import fold
from streamtags.core.model import CaptionRequest, ClassifyRequest, Frame, Measured, Picture, Segment, Sound, Subtitle
from streamtags.core.ports import Captioner, Classifier, FrameSource
from streamtags.core.timebase import Clock
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.testing import (
    Encoding,
    FakeSource,
    ScriptedCaptioner,
    ScriptedClassifier,
    ShotSpec,
    create_captioner,
    create_classifier,
    make_events,
    make_payloads,
    make_video,
    read_calls,
    render_shots,
    render_sound,
)

CLOCK = Clock(Fraction(1, 25), Fraction(25))
VOCABULARY = Vocabulary(
    id="v", version="1", axes=(Axis(name="mood"),), tags=tuple(Tag(name=name, axis="mood") for name in ("Tense", "Calm", "Joyful"))
)


def caption_request(index: int) -> CaptionRequest:
    segment = Segment(
        f"s{index:04d}", index, index, CLOCK.at(10 * index, 10 * index), CLOCK.at(10 * index + 10, 10 * index + 10), "shot", "cut"
    )
    picture = np.zeros((4, 4, 3), np.uint8)
    return CaptionRequest(
        Measured(segment, {}, stills=(testing.PictureStill(10 * index, picture), testing.PictureStill(10 * index + 5, picture)))
    )


def to_classify(index: int) -> ClassifyRequest:
    return ClassifyRequest(segment=f"s{index:04d}", caption="anything", caption_model="scripted")


def decoded(path: Path) -> list[tuple[int, Picture]]:
    with av.open(str(path)) as container:
        return [(frame.pts or 0, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def difference(a: Picture, b: Picture) -> float:
    return float(np.mean(cv2.absdiff(a, b)))


def test_every_name_is_exported_once_and_in_order() -> None:
    assert sorted(testing.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == testing.__all__
    assert all(hasattr(testing, name) for name in testing.__all__)


# scripted models


async def test_a_captioner_answers_by_index_by_id_and_by_default() -> None:
    captioner = ScriptedCaptioner({0: "A dog.", "s0001": "A cat."})
    assert isinstance(captioner, Captioner)
    texts = [(await captioner.caption(caption_request(index))).text for index in range(3)]
    assert texts == ["A dog.", "A cat.", "Scripted caption of s0002."]
    assert [call.measured.segment.index for call in captioner.calls] == [0, 1, 2]


async def test_a_caption_names_the_frames_it_was_shown() -> None:
    assert (await ScriptedCaptioner().caption(caption_request(3))).frames == (30, 35)


async def test_a_list_of_captions_repeats() -> None:
    captioner = ScriptedCaptioner(["A.", "B."])
    assert [(await captioner.caption(caption_request(index))).text for index in range(3)] == ["A.", "B.", "A."]


async def test_a_script_may_be_a_function_or_an_exception() -> None:
    captioner = ScriptedCaptioner(lambda request: request.measured.segment.id.upper())
    assert (await captioner.caption(caption_request(4))).text == "S0004"
    with pytest.raises(RuntimeError, match="boom"):
        await ScriptedCaptioner({1: RuntimeError("boom")}).caption(caption_request(1))


async def test_a_segment_fails_always_or_a_number_of_times() -> None:
    for_good, at_first = ScriptedCaptioner(fail={1}), ScriptedCaptioner(fail={1: 2})
    for _ in range(3):
        with pytest.raises(ModelError) as caught:
            await for_good.caption(caption_request(1))
        assert not caught.value.retryable
    for _ in range(2):
        with pytest.raises(ModelError) as caught:
            await at_first.caption(caption_request(1))
        assert caught.value.retryable
    assert (await at_first.caption(caption_request(1))).text
    assert len(at_first.calls) == 3


async def test_suspended_calls_wait_and_the_peak_is_counted() -> None:
    captioner = ScriptedCaptioner()
    captioner.hold()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        tasks = [group.create_task(captioner.caption(caption_request(index))) for index in range(3)]
        await captioner.reached(3)
        assert captioner.running == 3
        assert not any(task.done() for task in tasks)
        captioner.release()
    assert (captioner.running, captioner.peak) == (0, 3)


async def test_one_segment_can_be_suspended_while_others_pass() -> None:
    captioner = ScriptedCaptioner()
    captioner.hold("s0001")
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        suspended = group.create_task(captioner.caption(caption_request(1)))
        assert (await captioner.caption(caption_request(0))).text
        assert not suspended.done()
        captioner.release()


async def test_a_cancelled_call_is_no_longer_running() -> None:
    captioner = ScriptedCaptioner()
    captioner.hold()
    task = asyncio.create_task(captioner.caption(caption_request(0)))
    async with asyncio.timeout(60):
        await captioner.reached(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert captioner.running == 0


async def test_a_classifier_gives_tags_of_the_vocabulary_in_turn_and_always_the_same() -> None:
    classifier = ScriptedClassifier()
    assert isinstance(classifier, Classifier)
    first = [score.tag for score in (await classifier.classify(to_classify(2), VOCABULARY)).tags]
    await classifier.classify(to_classify(0), VOCABULARY)
    assert first == ["Joyful", "Tense"]
    assert [score.tag for score in (await ScriptedClassifier().classify(to_classify(2), VOCABULARY)).tags] == first


async def test_a_classifier_answers_by_script_highest_first() -> None:
    tags = (await ScriptedClassifier({0: {"Calm": 0.2, "Tense": 0.7}}).classify(to_classify(0), VOCABULARY)).tags
    assert [(score.tag, score.confidence) for score in tags] == [("Tense", 0.7), ("Calm", 0.2)]


async def test_backends_made_from_options_log_every_call_even_a_failing_one(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    assert read_calls(log) == []
    captioner = create_captioner({"log": str(log), "fail_segments": [1], "captions": ["A.", "B."]})
    classifier = create_classifier({"log": str(log), "tags_per_segment": 1})
    assert (await captioner.caption(caption_request(0))).text == "A."
    with pytest.raises(ModelError):
        await captioner.caption(caption_request(1))
    assert len((await classifier.classify(to_classify(0), VOCABULARY)).tags) == 1
    assert [(call["stage"], call["segment"]) for call in read_calls(log)] == [("caption", "s0000"), ("caption", "s0001"), ("tag", "s0000")]


def test_an_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"no option 'delay'; did you mean 'delay_seconds'"):
        create_captioner({"delay": 3})


# a source in memory


def test_a_fake_source_interleaves_sound_and_subtitles_with_its_frames() -> None:
    sound = np.ones((1, 48000), np.float32)
    source = FakeSource(list(render_shots([ShotSpec(25)], size=(320, 180))), sound=sound, subtitles=[Subtitle(0.5, 0.8, "Hello")])
    assert isinstance(source, FrameSource)
    items = list(source.read())
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.pts for frame in frames] == list(range(25))
    assert frames[0].bgr.shape == (144, 256, 3)
    assert frames[0].still.rgb().shape == (180, 320, 3)
    assert max(frames[0].still.rgb(100).shape) == 100
    assert sum(item.samples.shape[1] for item in items if isinstance(item, Sound)) == 48000
    line = next(i for i, item in enumerate(items) if isinstance(item, Subtitle))
    assert sum(isinstance(item, Frame) for item in items[:line]) == 13
    heard = 0.0
    for item in items:
        if isinstance(item, Sound):
            assert item.start == pytest.approx(heard)
            heard += item.samples.shape[1] / item.rate
        elif isinstance(item, Frame):
            assert item.pts / 25 - heard < 0.2


def test_a_fake_source_keeps_the_pts_it_is_given() -> None:
    source = FakeSource([np.zeros((4, 6, 3), np.uint8)] * 3, pts=[5, 6, 20], time_base=Fraction(1, 100))
    frames = [item for item in source.read() if isinstance(item, Frame)]
    assert [(frame.pts, frame.duration) for frame in frames] == [(5, 1), (6, 14), (20, 14)]


def test_a_fake_source_fails_at_the_chosen_frame() -> None:
    source = FakeSource([np.zeros((4, 6, 3), np.uint8)] * 5, fail_at=2)
    seen: list[object] = []
    with pytest.raises(SourceError, match="frame 2"):
        seen.extend(source.read())
    assert len(seen) <= 2


# generated videos


@pytest.mark.parametrize(
    ("name", "rate", "encoding"),
    [
        ("a.mp4", Fraction(24000, 1001), Encoding()),
        ("a.mov", Fraction(30000, 1001), Encoding(start_timecode="00:59:59;20")),
        ("a.mkv", Fraction(60000, 1001), Encoding(codec="libx265", pix_fmt="yuv420p10le")),
        ("a.ts", Fraction(25), Encoding(codec="mpeg2video", bitrate=2_000_000)),
        ("a.webm", Fraction(30), Encoding(codec="libvpx-vp9", crf=40)),
    ],
)
def test_decoding_agrees_with_the_truth(tmp_path: Path, name: str, rate: Fraction, encoding: Encoding) -> None:
    shots = [ShotSpec(14, sound="tone"), ShotSpec(16, "blocks", sound="noise")]
    truth = make_video(tmp_path / name, shots, rate=rate, size=(320, 180), encoding=encoding)
    frames = decoded(truth.path)
    assert [pts for pts, _ in frames] == list(truth.pts)
    assert truth.frames == 30
    seconds = [float((pts - truth.pts[0]) * truth.time_base) for pts in truth.pts]
    assert seconds == pytest.approx([float(i / rate) for i in range(30)], abs=0.0011)
    changes = [difference(frames[i][1], frames[i - 1][1]) for i in range(1, 30)]
    assert int(np.argmax(changes)) + 1 == truth.boundaries[0].frame == 14
    with av.open(str(truth.path)) as container:
        assert len(container.streams.audio) == 1


def test_drop_frame_timecodes_leave_numbers_out_as_smpte_does(tmp_path: Path) -> None:
    truth = make_video(
        tmp_path / "a.mov",
        [ShotSpec(4)],
        rate=Fraction(30000, 1001),
        size=(160, 90),
        encoding=Encoding(start_timecode="00:00:59;28"),
        sound=False,
    )
    assert truth.timecodes == ("00:00:59;28", "00:00:59;29", "00:01:00;02", "00:01:00;03")
    with av.open(str(truth.path)) as container:
        assert container.streams.video[0].metadata["timecode"] == "00:00:59;28"
        assert not container.streams.audio


def test_a_variable_rate_is_written_as_given(tmp_path: Path) -> None:
    when = [0, 10, 50, 51, 90, 300]
    truth = make_video(tmp_path / "a.mp4", [ShotSpec(6)], size=(160, 90), pts=when, time_base=Fraction(1, 1000), sound=False)
    assert [float(pts * truth.time_base) for pts, _ in decoded(truth.path)] == pytest.approx([at / 1000 for at in when])


def test_a_rotated_video_is_upright_after_rotation(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "a.mp4", [ShotSpec(2)], size=(160, 90), sound=False)
    turned = make_video(tmp_path / "b.mp4", [ShotSpec(2)], size=(160, 90), sound=False, encoding=Encoding(rotation=90))
    with av.open(str(turned.path)) as container:
        frame = next(container.decode(video=0))
        stored = frame.to_ndarray(format="bgr24")
        assert (stored.shape[:2], frame.rotation) == ((160, 90), -90)
    assert difference(np.asarray(cv2.rotate(stored, cv2.ROTATE_90_CLOCKWISE), np.uint8), decoded(plain.path)[0][1]) < 6


def test_a_dissolve_mixes_its_frames_and_no_other() -> None:
    black, white = ShotSpec(20, "plain", color=(0, 0, 0), grain=0), ShotSpec(20, "plain", color=(250, 250, 250), grain=0)
    levels = [float(picture.mean()) for picture in render_shots([black, ShotSpec(**{**_fields(white), "into": "dissolve", "over": 9})])]
    assert levels[:16] == [0.0] * 16
    assert levels[25:] == [250.0] * 15
    assert all(a < b for a, b in pairwise(levels[15:26]))


def _fields(shot: ShotSpec) -> dict[str, object]:
    return {name: getattr(shot, name) for name in ShotSpec.__slots__}


@pytest.mark.parametrize(("kind", "level"), [("black", 0.0), ("white", 255.0)])
def test_a_fade_goes_through_its_color_in_the_middle(kind: Any, level: float) -> None:
    shots = [ShotSpec(20, grain=0), ShotSpec(20, "blocks", grain=0, into=kind, over=11)]
    levels = [float(picture.mean()) for picture in render_shots(shots)]
    middle = min(range(40), key=lambda frame: abs(levels[frame] - level))
    assert middle == 20
    assert abs(levels[20] - level) < 1


def test_a_flash_and_a_title_are_distractions_and_not_boundaries(tmp_path: Path) -> None:
    shot = ShotSpec(30, flashes=(10,), flash_frames=3, title="LIVE", title_at=15, title_frames=5)
    truth = make_video(tmp_path / "a.mp4", [ShotSpec(10), shot], size=(320, 180), sound=False)
    assert [(one.kind, one.first, one.last) for one in truth.distractions] == [("flash", 20, 22), ("title", 25, 29)]
    assert [boundary.frame for boundary in truth.boundaries] == [10]
    frames = [picture for _, picture in decoded(truth.path)]
    assert frames[20].mean() > frames[19].mean() + 60
    assert frames[26].max() > 250


@pytest.mark.parametrize(
    "shots",
    [
        [],
        [ShotSpec(0)],
        [ShotSpec(10, into="dissolve", over=4)],
        [ShotSpec(10), ShotSpec(10, into="black")],
        [ShotSpec(10), ShotSpec(4, into="dissolve", over=6), ShotSpec(10, into="dissolve", over=6)],
    ],
)
def test_an_impossible_edit_is_refused(shots: list[ShotSpec]) -> None:
    with pytest.raises(ValueError, match=r"shot|frames"):
        list(render_shots(shots))


def test_clicks_have_their_tempo() -> None:
    sound = np.concatenate(list(render_sound([ShotSpec(250, sound="clicks", bpm=150)])), axis=1)[0]
    assert len(sound) == 480_000
    loudest = np.abs(sound[: 480_000 // 400 * 400].reshape(-1, 400)).max(axis=1)
    hits = [i for i in range(1, len(loudest)) if loudest[i] > 0.5 * loudest.max() and loudest[i - 1] < 0.25 * loudest.max()]
    assert np.diff(hits) == pytest.approx(48, abs=1)  # 0.4 s in steps of 1/120 s


def test_sound_has_the_chosen_level() -> None:
    sound = np.concatenate(list(render_sound([ShotSpec(100, sound="noise", sound_level=-30.0)])), axis=1)
    assert 20 * np.log10(np.sqrt(np.mean(np.square(sound)))) == pytest.approx(-30, abs=0.2)


# generated logs


def test_a_generated_log_folds_into_a_finished_timeline_that_covers_its_source() -> None:
    state = fold(make_events(25))
    assert state.state == "completed"
    assert len(state.segments) == 25
    for one, following in pairwise(state.segments):
        assert one.end == following.start
    assert all(segment.tags and segment.caption and segment.evidence for segment in state.segments)
    assert [scene.last for scene in state.scenes][-1] == state.segments[-1].segment


def test_a_generated_log_can_be_left_unfinished_and_continued() -> None:
    payloads = make_payloads(3, tags=("Calm",), completed=False)
    assert not any(isinstance(payload, TimelineCompleted) for payload in payloads)
    assert {score.tag for payload in payloads if isinstance(payload, SegmentTagged) for score in payload.tags} == {"Calm"}
    assert [event.seq for event in make_events(payloads, after=7)] == list(range(8, 8 + len(payloads)))
    assert make_payloads(3) == make_payloads(3)
