"""The scripts for DaVinci Resolve, in a Resolve of the documented API."""

from __future__ import annotations

import ast
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import streamtags_markers as core
import streamtags_menu
import streamtags_studio
from hypothesis import given
from hypothesis import strategies as st
from streamtags_paint import clip_color_of
from streamtags_resolve import ResolveError, Result, open_target, remove_all, update
from streamtags_run import run
from streamtags_settings import SettingsError, configure
from streamtags_source import FileSource, SourceError

from streamtags.core.events import SegmentDetected
from streamtags.core.fold import fold
from streamtags.core.timecode import format_timecode, parse_timecode
from tests.examples.fake_resolve import CLIP_COLORS, Clip, Item, Resolve, Timeline
from tests.payloads import Make

FOLDER = Path(core.__file__).parent
MOOD = dict.fromkeys(("calm", "tense", "sad"), "mood") | {"night": "time"}


def timeline_state(*segments: tuple[float, dict[str, float], str | None], **changed: Any) -> dict[str, Any]:
    """A state with segments (length in frames, tags, caption) at 23.976."""
    make = Make()
    payloads: list[Any] = [make.opened()]
    frame = 0
    for index, (frames, tags, caption) in enumerate(segments):
        bounds = [make.clock.at(int(at * 1001), int(at)) for at in (frame, frame + frames)]
        frame += int(frames)
        detected = SegmentDetected(
            segment=f"s{index:04d}", index=index, shot=index, start=bounds[0], end=bounds[1], kind="shot", transition="cut"
        )
        payloads += [detected, make.measured(index)]
        payloads += [make.captioned(index, 1, caption)] if caption else []
        payloads += [make.tagged(index, 2, **tags)] if tags else []
    return fold(make.events(payloads)).to_dict() | changed


class Source:
    """A server that keeps corrections, with the fold of the real one."""

    def __init__(self, state: dict[str, Any], axes: dict[str, str] | None = None, *, refuses: bool = False) -> None:
        self.content, self._axes, self._refuses = state, axes or {}, refuses
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def axes(self, state: Any) -> dict[str, str]:
        return self._axes

    def colors(self) -> dict[str, str]:
        return {}

    def correct(self, segment: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._refuses:
            raise SourceError("only an editor may correct")
        self.sent.append((segment, body))
        segment_state = next(one for one in self.content["segments"] if one["segment"] == segment)
        tags = {score["tag"]: score["confidence"] for score in segment_state["tags"] if score["tag"] not in body.get("untag", ())}
        tags |= {score["tag"]: score["confidence"] for score in body.get("tags", ())}
        segment_state["tags"] = [{"tag": tag, "confidence": value} for tag, value in sorted(tags.items(), key=lambda item: -item[1])]
        segment_state["caption"] = body.get("caption", segment_state["caption"])
        return segment_state


THREE = ((48, {"Tense": 0.92, "Night": 0.4}, "A boat."), (24, {"Calm": 0.8}, None), (30, {}, "A door."))


@pytest.fixture
def edit() -> Timeline:
    return Timeline()


@pytest.fixture
def memory(tmp_path: Path) -> str:
    return str(tmp_path / "memory" / "markers.json")


def sync(timeline: Timeline, source: Source, memory: str = "", **settings: Any) -> Result:
    chosen = configure(settings).settings
    target = open_target(Resolve(timeline), chosen, source.content)
    return update(target, source, source.content, chosen, memory, say=lambda text: None)


def shown(timeline: Any) -> dict[int, tuple[str, str, int]]:
    return {frame: (m["name"], m["color"], int(m["duration"])) for frame, m in sorted(timeline.markers.items())}


def test_every_segment_gets_a_marker_that_counts_from_the_start_of_the_timeline(edit: Timeline) -> None:
    source = Source(timeline_state(*THREE), MOOD)
    assert sync(edit, source).added == 3
    assert shown(edit) == {0: ("Tense, Night", "Blue", 48), 48: ("Calm", "Blue", 24), 72: ("Segment 3", "Blue", 30)}
    assert edit.markers[0]["note"] == "A boat.\nTags: Tense 0.92, Night 0.40"


def test_a_second_update_changes_nothing(edit: Timeline, memory: str) -> None:
    source = Source(timeline_state(*THREE))
    sync(edit, source, memory)
    edit.calls.clear()
    assert sync(edit, source, memory) == Result(kept=3)
    assert edit.calls == []


def test_changed_tags_change_one_marker_and_segments_that_are_gone_lose_theirs(edit: Timeline, memory: str) -> None:
    sync(edit, Source(timeline_state(*THREE)), memory)
    changed = Source(timeline_state(THREE[0], (24, {"Sad": 0.9}, None)))
    assert sync(edit, changed, memory) == Result(added=1, removed=1, kept=1)
    assert [name for name, _, _ in shown(edit).values()] == ["Tense, Night", "Sad"]


def test_filters_choose_the_markers_and_their_colors(edit: Timeline) -> None:
    source = Source(timeline_state(*THREE), MOOD)
    sync(edit, source, axes=["Time"], colors={"time": "Navy"})
    assert shown(edit) == {0: ("Night", "Blue", 48)}  # Navy is a color of clips
    sync(edit, source, min_confidence=0.85, colors={"mood": "rose"})
    assert shown(edit) == {0: ("Tense", "Rose", 48)}
    sync(edit, source, tags=["calm"])
    assert shown(edit) == {48: ("Calm", "Blue", 24)}


def test_an_edited_name_is_a_correction_and_stays(edit: Timeline, memory: str) -> None:
    source = Source(timeline_state(*THREE), MOOD)
    sync(edit, source, memory)
    edit.markers[0]["name"] = "sad, Night"
    assert sync(edit, source, memory).corrections == 1
    assert source.sent == [("s0000", {"tags": [{"tag": "sad", "confidence": 1.0}], "untag": ["Tense"]})]
    assert edit.markers[0]["name"] == "sad, Night"
    assert sync(edit, source, memory) == Result(kept=3)


def test_an_edited_note_corrects_the_caption_and_confidences_but_confirms_nothing_else(edit: Timeline) -> None:
    source = Source(timeline_state(*THREE), MOOD)
    sync(edit, source)
    edit.markers[0]["note"] = "Two boats,\nin the dark.\nTags: Tense 0.5, Night 0.40"
    sync(edit, source)
    assert source.sent == [("s0000", {"tags": [{"tag": "Tense", "confidence": 0.5}], "caption": "Two boats, in the dark."})]
    edit.markers[48]["note"] = ""
    sync(edit, source)
    assert len(source.sent) == 1, "a deleted note deletes no tag"


def test_text_that_is_no_tag_stays_in_resolve(edit: Timeline) -> None:
    source = Source(timeline_state(*THREE), MOOD)
    sync(edit, source)
    edit.markers[0]["name"] = "ask Jo about this"
    source.content["segments"][0]["tags"] = []
    assert sync(edit, source) == Result(kept=3)
    assert source.sent == []
    assert edit.markers[0]["name"] == "ask Jo about this"


def test_a_correction_that_the_server_refuses_stays_in_resolve(edit: Timeline) -> None:
    source = Source(timeline_state(*THREE), refuses=True)
    sync(edit, source)
    edit.markers[0]["name"] = "Sad"
    assert sync(edit, source) == Result(kept=3, problems=1)
    sync(edit, source, tags=["calm"])
    assert [name for name, _, _ in shown(edit).values()] == ["Sad", "Calm"]


def test_a_marker_that_a_person_moved_recolored_and_resized_stays_so(edit: Timeline, memory: str) -> None:
    source = Source(timeline_state(*THREE))
    sync(edit, source, memory)
    edit.markers[10] = edit.markers.pop(0) | {"color": "Red", "duration": 5.0}
    for tags in ({"Calm": 0.9}, {"Sad": 0.9}):  # twice: what a person did is not forgotten by the first rewrite
        source.content["segments"][0]["tags"] = [{"tag": tag, "confidence": value} for tag, value in tags.items()]
        assert sync(edit, source, memory) == Result(added=1, kept=2)
        assert shown(edit)[10] == (next(iter(tags)), "Red", 5)
        assert 0 not in edit.markers


def test_a_deleted_marker_is_not_written_again_in_a_later_run(edit: Timeline, memory: str) -> None:
    source = Source(timeline_state(*THREE))
    sync(edit, source, memory)
    del edit.markers[48]
    assert sync(edit, source, memory).added == 0
    source.content["segments"][1]["tags"] = [{"tag": "Sad", "confidence": 1.0}]
    assert sync(edit, source, memory) == Result(kept=2)
    other_log = Source(timeline_state(*THREE, epoch="e2"))
    assert 48 in (sync(edit, other_log, memory), shown(edit))[1]


def test_markers_of_a_person_are_not_touched_and_their_frames_are_left_to_them(edit: Timeline) -> None:
    edit.AddMarker(48, "Red", "mine", "", 1)
    edit.AddMarker(200, "Red", "mine, too", "", 1, '{"other": "plugin"}')
    source = Source(timeline_state(*THREE))
    sync(edit, source)
    assert shown(edit)[49] == ("Calm", "Blue", 24)
    assert sync(edit, source) == Result(kept=3)
    assert remove_all(open_target(Resolve(edit), configure({}).settings, source.content)) == 3
    assert shown(edit) == {48: ("mine", "Red", 1), 200: ("mine, too", "Red", 1)}


def test_segments_on_one_frame_share_a_marker() -> None:
    slow = Timeline(rate="8")
    source = Source(timeline_state((1, {"Tense": 0.9}, "One."), (1, {"Calm": 0.8}, "Two."), (48, {}, None)))
    assert sync(slow, source).added == 2
    assert shown(slow) == {0: ("Tense / Calm", "Blue", 1), 1: ("Segment 3", "Blue", 16)}
    slow.markers[0]["name"] = "Tense / Sad"
    sync(slow, source)
    assert source.sent == [("s0001", {"tags": [{"tag": "Sad", "confidence": 1.0}], "untag": ["Calm"]})]
    assert shown(slow)[0][0] == "Tense / Sad"


def test_markers_that_exchange_their_frames_stay_frame_exact(edit: Timeline) -> None:
    source = Source(timeline_state(*THREE))
    sync(edit, source, offset_frames=24)
    assert list(shown(edit)) == [24, 72, 96]
    sync(edit, source, offset_frames=0)
    assert list(shown(edit)) == [0, 48, 72]


def test_nothing_is_lost_while_a_dialog_is_open(edit: Timeline, memory: str) -> None:
    source = Source(timeline_state(*THREE))
    sync(edit, source, memory)
    edit.busy = True
    with pytest.raises(ResolveError, match="dialog"):
        sync(edit, source, memory)
    edit.busy = False
    assert sync(edit, source, memory) == Result(kept=3)


def test_a_source_can_lie_at_its_timecode_in_the_timeline() -> None:
    make = timeline_state(*THREE)
    ten_minutes_earlier = Timeline(start_frame=86400 - 600 * 24)
    sync(ten_minutes_earlier, Source(make), align="timecode")
    assert list(shown(ten_minutes_earlier)) == [14400, 14448, 14472]
    faster = Timeline(rate="25", start_frame=90000)  # 01:00:00:00 at 25
    sync(faster, Source(make), align="timecode")
    assert list(shown(faster)) == [0, 50, 75]


def test_markers_can_go_to_the_clip_that_was_analyzed(edit: Timeline) -> None:
    clip = Clip("/edits/edit.mp4", 23.976)
    source = Source(timeline_state(*THREE))
    sync(Timeline(clips=(Clip("/other.mov", 25.0), clip)), source, target="clip")
    assert list(shown(clip)) == [0, 48, 72]
    with pytest.raises(ResolveError, match="no clip of the file"):
        sync(edit, source, target="clip")


def test_clips_get_the_color_of_most_of_what_they_show_unless_a_person_chose_one(memory: str) -> None:
    clip = Clip("/edits/edit.mp4", 23.976)
    items = [Item(clip, 86400, 40, 30), Item(clip, 86430, 0, 40), Item(clip, 86470, 75, 20), Item(clip, 86490, 0, 10)]
    items[3].color = "Tan"
    edit = Timeline(clips=(Item(Clip("/other.mov", 25.0), 0, 0, 50), *items))
    source = Source(timeline_state(*THREE), MOOD)
    settings = {"target": "clip", "paint_clips": True, "min_confidence": 0.5, "colors": {"mood": "Navy"}}

    def colors() -> list[str]:
        return [item.color for item in items]

    sync(edit, source, memory, **settings)
    assert colors() == ["Navy", "Navy", "", "Tan"]  # Navy is a color of clips; their markers are blue
    assert {marker["color"] for marker in clip.markers.values()} == {"Blue"}
    source.content["segments"][0]["tags"] = [{"tag": "Night", "confidence": 0.9}]
    items[0].color = "Lime"  # a person's
    sync(edit, source, memory, **settings, axes=["mood"])
    assert colors() == ["Lime", "", "", "Tan"]
    sync(edit, source, memory, **(settings | {"colors": {"time": "Cocoa"}}))
    assert colors() == ["Lime", "Brown", "", "Tan"]  # clips have no color Cocoa


def test_every_marker_color_has_a_clip_color() -> None:
    assert {clip_color_of(color) for color in core.MARKER_COLORS} <= CLIP_COLORS
    assert [clip_color_of(color) for color in CLIP_COLORS] == list(CLIP_COLORS)
    assert clip_color_of("Ultraviolet") is None


@given(st.integers(0, 10**7), st.sampled_from(["24", "25", "30", "60", "24000/1001", "30000/1001", "60000/1001"]), st.booleans())
def test_timecodes_count_as_in_streamtags(frame: int, rate: str, drop: bool) -> None:
    exact = Fraction(rate)
    drop = drop and exact in (Fraction(30000, 1001), Fraction(60000, 1001))
    text = format_timecode(frame, exact, drop=drop)
    assert core.first_frame(text, exact) == parse_timecode(text, exact)[0]


@pytest.mark.parametrize(
    ("written", "rate"),
    [("23.976", "24000/1001"), (29.97, "30000/1001"), ("29.97 DF", "30000/1001"), ("25.0", "25"), (24, "24"), ("59.94", "60000/1001")],
)
def test_the_rate_of_a_timeline_is_exact(written: Any, rate: str) -> None:
    assert core.parse_rate(written) == Fraction(rate)


@given(st.text())
def test_custom_data_of_others_is_not_taken_for_ours(text: str) -> None:
    assert core.Custom.parse(text) is None


@pytest.mark.parametrize("text", ['{"streamtags": {}}', '{"streamtags": 1}', '{"streamtags": {"segments": []}}', "[]", "{}", "null"])
def test_damaged_custom_data_is_not_taken_for_ours(text: str) -> None:
    assert core.Custom.parse(text) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hue": 1}, "no setting 'hue'"),
        ({"colors": {"mood": "Ultraviolet"}}, "no marker color"),
        ({"paint_clips": True}, 'needs the target "clip"'),
        ({"align": "middle"}, "one of start, timecode"),
        ({"min_confidence": 2.0}, "between 0 and 1"),
        ({"axes": [1]}, "list of names"),
        ({"offset_frames": "1"}, "must be like 0"),
    ],
)
def test_wrong_settings_are_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        configure(fields)


def test_the_menu_script_reads_a_file_and_prints_the_command_for_a_correction(
    tmp_path: Path, edit: Timeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    exported, settings = tmp_path / "film.json", tmp_path / "resolve.json"
    exported.write_text(json.dumps(timeline_state(*THREE)), encoding="utf-8")
    settings.write_text(json.dumps({"file": str(exported)}), encoding="utf-8")
    assert streamtags_menu.main(Resolve(edit), str(settings)) == 0
    assert "3 added" in capsys.readouterr().out
    edit.markers[48]["name"] = "It's over, Calm"
    assert streamtags_menu.main(Resolve(edit), str(settings)) == 0
    assert """streamtags correct tl_test s0001 --tag 'It'"'"'s over=1.0'""" in capsys.readouterr().out


def test_the_menu_script_writes_its_settings_to_be_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "new" / "resolve.json"
    assert streamtags_menu.main(None, str(settings)) == 1
    assert "Resolve cannot be reached" in capsys.readouterr().out
    assert json.loads(settings.read_text("utf-8"))["server"] == "http://127.0.0.1:8710"


def test_one_script_runs_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert run(None, lambda: configure({}), lock_port=taken.getsockname()[1]) == 1
    assert "another script" in capsys.readouterr().out


def test_the_outside_script_says_that_resolve_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert streamtags_studio.main(["--once"]) == 1
    assert "allow external scripting" in capsys.readouterr().out
    assert streamtags_studio.main(["--color", "mood"]) == 1


def test_a_file_that_is_no_timeline_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read"):
        FileSource(str(tmp_path / "absent.json")).state()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_the_scripts_need_python_3_6_and_no_package(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 6))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.partition(".")[0] in sys.stdlib_module_names or (FOLDER / f"{name}.py").exists(), f"{path.name} imports {name}"
            assert name not in ("dataclasses", "__future__"), "Python 3.6 has no dataclasses"
