from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main

LIST = """TITLE: Reel one
FCM: NON-DROP FRAME
001 A001 V C 00:00:01:00 00:00:02:00 01:00:00:00 01:00:01:00
* FROM CLIP NAME: a.mov
* LOC: 01:00:00:05 RED look here
002 B001 V D 010 00:00:05:00 00:00:06:00 01:00:01:00 01:00:02:00
* TO CLIP NAME: b.mov
003 C001 V C 00:00:07:00 00:00:08:00 01:00:03:00 01:00:04:00
* FROM CLIP NAME: c.mov
"""


@pytest.fixture
def edit(tmp_path: Path) -> Path:
    path = tmp_path / "reel.edl"
    path.write_text(LIST)
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["edit", *arguments, "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_json_counts_frames_from_timecode_zero_at_the_rate_of_the_edit(edit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = printed(capsys, str(edit), "--rate", "25")
    assert (result["rate"], result["start_timecode"]) == ("25/1", "01:00:00:00")
    first, second, third = result["clips"]
    assert (first["record_in"], first["record_out"], first["source_in"], first["source_out"]) == (90000, 90025, 25, 50)
    assert second["transition"] == {"kind": "dissolve", "frames": 10, "record_in": 90025, "alignment": "start"}
    assert [clip["index"] for clip in result["clips"]] == [0, 1, 2]
    assert (third["media"], third["speed"], third["source_rate"]) == ("c.mov", 1.0, "25/1")
    assert result["gaps"] == [[90050, 90075]]
    assert [(marker["frame"], marker["color"], marker["name"]) for marker in result["markers"]] == [(90005, "RED", "look here")]


def test_the_table_names_clips_gaps_markers_and_missing_media(edit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (edit.parent / "b.mov").touch()
    assert main(["edit", str(edit), "--rate", "25", "--media-root", str(edit.parent)]) == 0
    output = capsys.readouterr().out.splitlines()
    assert output[0].startswith("Reel one  edl  25 fps  01:00:00:00 to 01:00:04:00")
    assert any("01:00:02:00  01:00:03:00" in line and "(gap)" in line for line in output)
    assert any("marker 01:00:00:05" in line and "look here" in line for line in output)
    assert "dissolve 10" in "\n".join(output)
    assert [line for line in output if line.startswith("missing")] == ["missing: a.mov", "missing: c.mov"]


def test_media_is_located_by_name_under_a_media_root_and_by_reel(edit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "media" / "day 1"
    folder.mkdir(parents=True)
    for name in ("A.MOV", "C001_0412_R2.mxf"):
        (folder / name).touch()
    result = printed(capsys, str(edit), "--rate", "25", "--media-root", str(tmp_path / "media"))
    assert [clip["file"] and Path(clip["file"]).name for clip in result["clips"]] == ["A.MOV", None, "C001_0412_R2.mxf"]
    assert [clip["missing"] for clip in result["clips"]] == [False, True, False]
    assert result["missing"] == ["b.mov"]


@pytest.mark.parametrize("text", ['{"a.mov": "x.mp4", "B001": "x.mp4"}', '"a.mov" = "x.mp4"\nB001 = "x.mp4"\n'], ids=["json", "toml"])
def test_media_is_located_by_a_map(text: str, edit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.mp4").touch()
    (tmp_path / "map").write_text(text)
    result = printed(capsys, str(edit), "--rate", "25", "--media-map", str(tmp_path / "map"))
    assert result["missing"] == ["c.mov"]


@pytest.mark.parametrize("text", ['{"a": 1}', "not = a = map", "{"])
def test_a_wrong_map_is_a_usage_error(text: str, edit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "map").write_text(text)
    assert main(["edit", str(edit), "--media-map", str(tmp_path / "map")]) == 2
    assert "map" in capsys.readouterr().err


def test_a_malformed_edit_ends_with_status_3_and_one_line_that_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.edl"
    path.write_text("TITLE: x\n001 A V C 00:00:01:00 00:00:02:00 01:00:00:00\n")
    assert main(["edit", str(path)]) == 3
    assert capsys.readouterr().err.startswith("streamtags: bad.edl:2: ")


@pytest.mark.parametrize("name", ["missing.edl", "."])
def test_a_file_that_cannot_be_read_ends_with_status_3(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edit", str(tmp_path / name)]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_control_characters_of_an_edit_do_not_reach_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "list.edl"
    path.write_text(LIST.replace("a.mov", "a\x1b[31m.mov"))
    assert main(["edit", str(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_json_states_which_source_frames_a_retimed_clip_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fast.edl"
    path.write_text("001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00\nM2 A 050.0 00:00:10:00\n")
    (clip,) = printed(capsys, str(path), "--rate", "25")["clips"]
    assert (clip["source_in"], clip["source_out"], clip["speed"]) == (250, 275, 2.0)
    assert (clip["shown_in"], clip["shown_out"]) == (250, 299)
