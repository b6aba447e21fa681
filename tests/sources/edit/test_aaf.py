from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import SourceError
from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.read import read_edit
from tests.sources.edit.samples import Sample, samples

aaf2 = pytest.importorskip("aaf2", reason="pyaaf2 is not installed (extra `aaf`)")


@pytest.mark.parametrize("sample", samples("aaf"), ids=lambda sample: sample.id)
def test_every_clip_of_a_real_composition_is_at_its_record_and_source_frames(sample: Sample) -> None:
    edit = read_edit(sample.path)
    truth = sample.truth["mobs"][0]
    assert edit.sequence.name == truth["mob"]
    assert (edit.sequence.start_frame, edit.drop) == (truth["timecode"]["start"], truth["timecode"]["drop"])
    for track, expected in zip(edit.sequence.tracks, truth["tracks"], strict=True):
        assert edit.rate == Fraction(expected["edit_rate"])
        rows = [
            (clip.name, clip.record_in, clip.record_out, clip.source_in, clip.speed, clip.transition and clip.transition.frames)
            for clip in track.clips
            if clip.kind != "gap"
        ]
        assert rows == [
            (
                *(row[name] for name in ("name", "record_in", "record_out", "source_in", "speed")),
                row["transition_in"] and row["transition_in"]["frames"],
            )
            for row in expected["clips"]
        ]


def make_composition(path: Path) -> None:
    """A tape at 10:00:00:00 with two clips of it, a dissolve of 10 frames around their cut, and a gap; record time from 01:00:00:00."""
    with aaf2.open(str(path), "w") as file:
        tape = file.create.SourceMob("TAPE1")
        tape.create_tape_slots("TAPE1", 25, 25)
        tape.slots[1].segment["Start"].value = 900_000
        master = file.create.MasterMob("shot")
        master_slot = master.create_picture_slot(25)
        master_slot.segment = tape.create_source_clip(slot_id=1, start=100, length=1000)
        file.content.mobs.extend([tape, master])
        composition = file.create.CompositionMob("film")
        composition.usage = "Usage_TopLevel"
        timecode = composition.create_timeline_slot(25)
        timecode.segment = file.create.Timecode(25)
        timecode.segment.start = 90_000
        timecode.segment.length = 200
        picture = composition.create_timeline_slot(25)
        picture.segment = file.create.Sequence("picture")
        parts = picture.segment.components
        parts.append(master.create_source_clip(slot_id=master_slot.slot_id, start=0, length=60, media_kind="picture"))
        parts.append(_dissolve(file))
        parts.append(master.create_source_clip(slot_id=master_slot.slot_id, start=500, length=60, media_kind="picture"))
        parts.append(file.create.Filler("picture", 25))
        file.content.mobs.append(composition)


def _dissolve(file: Any) -> Any:
    definition = file.create.OperationDef(aaf2.auid.AUID("0c3bea40-fc05-11d2-8a29-0050040ef7d2"), "Video Dissolve")
    definition.media_kind = "picture"
    definition["NumberInputs"].value = 2
    file.dictionary.register_def(definition)
    transition = file.create.Transition("picture", 10)
    transition["OperationGroup"].value = file.create.OperationGroup(definition)
    transition["CutPoint"].value = 5
    return transition


def test_source_frames_come_from_the_timecode_of_the_tape(tmp_path: Path) -> None:
    make_composition(tmp_path / "film.aaf")
    edit = read_edit(tmp_path / "film.aaf")
    assert edit.sequence.start_frame == 90_000
    first, second, gap = flatten(edit.sequence)
    assert (first.record_in, first.record_out, first.source_in, first.source_out) == (90_000, 90_055, 900_100, 900_155)
    assert (second.record_in, second.record_out, second.source_in) == (90_055, 90_110, 900_605)
    assert second.transition is not None
    assert (second.transition.frames, second.transition.record_in, second.transition.alignment) == (10, 90_050, "center")
    assert (gap.kind, gap.record_out) == ("gap", 90_135)
    assert (first.name, first.media.reel) == ("shot", "TAPE1")


def make_nested(path: Path) -> None:
    """An outer composition that shows frames 10 to 50 of an inner one, then a clip at double speed."""
    with aaf2.open(str(path), "w") as file:
        master = file.create.MasterMob("shot")
        master.create_timeline_slot(25).segment = file.create.SourceClip(media_kind="picture", length=1000)
        inner, outer = file.create.CompositionMob("inner"), file.create.CompositionMob("outer")
        outer.usage = "Usage_TopLevel"
        for mob in (inner, outer):
            mob.create_timeline_slot(25).segment = file.create.Sequence("picture")
        file.content.mobs.extend([master, inner, outer])

        def clip(mob: Any, start: int, length: int) -> Any:
            return mob.create_source_clip(slot_id=1, start=start, length=length, media_kind="picture")

        inner.slots[0].segment.components.extend([clip(master, 100, 30), clip(master, 500, 30)])
        outer.slots[0].segment.components.extend([clip(inner, 10, 40), _double_speed(file, clip(master, 200, 40))])


def _double_speed(file: Any, source: Any) -> Any:
    identifier = aaf2.auid.AUID("72559a80-24d7-11d3-8a50-0050040ef7d2")
    parameter = file.create.ParameterDef(identifier, "SpeedRatio", "", file.dictionary.lookup_typedef("Rational"))
    file.dictionary.register_def(parameter)
    definition = file.create.OperationDef(aaf2.auid.AUID("9d2ea890-0968-11d3-8a38-0050040ef7d2"), "Motion Control")
    definition.media_kind = "picture"
    definition["NumberInputs"].value = 1
    file.dictionary.register_def(definition)
    effect = file.create.OperationGroup(definition, length=20)
    effect.media_kind = "picture"
    effect.segments.append(source)
    effect.parameters.append(file.create.ConstantValue(parameter, "2/1"))
    return effect


def test_a_nested_composition_shows_its_cuts_and_a_motion_effect_changes_the_speed(tmp_path: Path) -> None:
    make_nested(tmp_path / "film.aaf")
    clips = flatten(read_edit(tmp_path / "film.aaf").sequence)
    assert [(clip.record_in, clip.record_out, clip.source_in, clip.source_out, clip.inside, clip.speed) for clip in clips] == [
        (0, 20, 110, 130, ("inner",), 1),
        (20, 40, 500, 520, ("inner",), 1),
        (40, 60, 200, 240, (), 2),
    ]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.aaf"
    path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(2000))
    with pytest.raises(SourceError, match=r"^damaged\.aaf: "):
        read_edit(path)
