"""The command line as a person or a script meets it: what is printed where, and the exit status."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main
from streamtags.cli.parser import COMMANDS
from streamtags.cli.views import segment_line
from streamtags.core.events import ErrorInfo, TimelineFailed
from streamtags.core.records import TimelineIdentity
from streamtags.core.state import SegmentState
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video

SHOTS = [ShotSpec(20, "texture", sound="chords"), ShotSpec(25, "stripes", sound="noise"), ShotSpec(20, "lights")]
ENTRY = "import sys; from streamtags.cli import main; sys.exit(main())"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_video(path, SHOTS, size=(320, 180))
    return path


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Path:
    """A folder with `store.db`, which holds one finished timeline."""
    folder = tmp_path_factory.mktemp("analyzed")
    assert main(["analyze", str(film), "--store", f"sqlite:///{folder}/store.db"]) == 0
    return folder


@pytest.fixture
def store(analyzed: Path, tmp_path: Path) -> list[str]:
    """The flags that choose a copy of that store."""
    (tmp_path / "store.db").write_bytes((analyzed / "store.db").read_bytes())
    return ["--store", f"sqlite:///{tmp_path}/store.db"]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["tags", "check"]], ids=" ".join)
def test_help_is_printed_for_every_command(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "-h"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("usage: streamtags")
    assert said.err == ""


@pytest.mark.parametrize(
    "program", [["-m", "streamtags"], [str(Path(__file__).parents[2] / "examples" / "watch.py")]], ids=["module", "example"]
)
def test_help_is_printed_however_it_is_started(program: list[str]) -> None:
    ended = subprocess.run([sys.executable, *program, "-h"], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith(f"usage: {Path(program[-1]).name}")
    assert ended.stderr == ""


def test_plain_lines_in_a_pipe(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(film), "--store", f"sqlite:///{tmp_path}/s.db"]) == 0
    said = capsys.readouterr()
    *segments, summary = said.out.splitlines()
    assert {line.split()[0] for line in segments} == {"s0000", "s0001", "s0002"}
    assert re.fullmatch(r"completed: tl_\w+, 3 shots, 3 segments.*", summary)
    assert said.err == ""


def test_an_analysis_runs_no_other_program(film: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ffmpeg"
    program.write_text(f"#!/bin/sh\n: > {shlex.quote(str(tmp_path / 'was-run'))}\n")
    program.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    words = [sys.executable, "-c", ENTRY, "analyze", str(film), "--store", f"sqlite:///{tmp_path}/s.db"]
    subprocess.run(words, env={**os.environ, "PATH": path}, capture_output=True, check=True)
    assert not (tmp_path / "was-run").exists()


def test_what_is_to_be_typed_next_can_be_typed(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "streamtags"
    script.write_text(f"#!{sys.executable}\n{ENTRY}\n")
    script.chmod(0o755)
    (tmp_path / "my films").mkdir()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    def run(words: str) -> str:
        return subprocess.run(words, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    said = run(f"bin/streamtags analyze {shlex.quote(str(film))} --store 'sqlite:///my films/s.db'")
    match = re.search(r"completed: (tl_\w+).*; see `(.+)`$", said)
    assert match is not None, said
    assert match[1] in run(match[2])
    retagged = re.search(r"see `(.+)`$", run("bin/streamtags retag last --tags seed-eight --store 'sqlite:///my films/s.db'"))
    assert retagged is not None
    assert match[1] in run(retagged[1])


def test_the_log_as_lines_is_gapless_and_replayed_word_for_word(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["analyze", str(film), "--store", f"sqlite:///{tmp_path}/s.db", "--jsonl"]
    assert main(words) == 0
    first = capsys.readouterr().out
    events = lines(first)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["type"]) == ("timeline.opened", "timeline.completed")
    assert main([*words, str(tmp_path / "log.jsonl")]) == 0
    assert (tmp_path / "log.jsonl").read_text("utf-8") == first
    capsys.readouterr()
    assert main([*words, "--fresh"]) == 0
    again = lines(capsys.readouterr().out)
    assert again[0]["timeline"] == events[0]["timeline"]
    assert again[0]["epoch"] != events[0]["epoch"]


def test_the_source_may_stand_after_jsonl(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--store", f"sqlite:///{tmp_path}/s.db", "--jsonl", str(film)]) == 0
    assert lines(capsys.readouterr().out)[-1]["type"] == "timeline.completed"


def test_a_line_is_printed_only_after_its_event_is_durable(film: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", ENTRY, "analyze", str(film), "--store", f"sqlite:///{tmp_path}/s.db", "--jsonl"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            with SqliteStore(tmp_path / "s.db") as store:
                assert store.head(event["timeline"]).seq >= event["seq"]
    assert process.returncode == 0


def test_several_exports_at_once_are_what_export_writes(
    store: list[str], film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = {name: tmp_path / f"out.{name}" for name in ("json", "jsonl", "csv")}
    flags = [flag for name, path in targets.items() for flag in ("--export", f"{name}:{path}")]
    assert main(["analyze", str(film), *store, *flags]) == 0
    for name, path in targets.items():
        capsys.readouterr()
        assert main(["export", "last", "--format", name, *store]) == 0
        assert capsys.readouterr().out == path.read_bytes().decode()


def test_a_device_or_link_that_is_written_to_stays_one(store: list[str], tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("")
    (tmp_path / "link.json").symlink_to("real.json")
    assert main(["export", "last", "--format", "json", "--output", str(tmp_path / "link.json"), *store]) == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text("utf-8"))["state"] == "completed"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert main(["export", "last", "--format", "csv", "--output", str(tmp_path / "pipe"), *store]) == 0
        assert os.read(reader, 10)
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_timelines_show_and_remove(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timelines", "--json", *store]) == 0
    (summary,) = lines(capsys.readouterr().out)
    for name in ("last", summary["id"], summary["id"][:7], summary["id"].removeprefix("tl_")[:6]):
        assert main(["show", name, "--json", *store]) == 0
        assert json.loads(capsys.readouterr().out)["id"] == summary["id"]
    assert main(["show", "last", *store]) == 0
    assert "s0002" in capsys.readouterr().out
    assert main(["remove", "last", *store]) == 0
    capsys.readouterr()
    assert main(["timelines", *store]) == 0
    assert "no timelines yet" in capsys.readouterr().out


def test_a_correction_by_alias_wins_and_outlives_retagging(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["correct", "last", "s0001", "--tag", "Nonsense=0.7", "--caption", "Stripes.", *store]) == 0
    said = capsys.readouterr()
    assert "Nonsense 0.70" in said.out
    assert "not in the timeline's vocabulary" in said.err
    assert main(["retag", "last", "--tags", "seed-eight", *store]) == 0
    capsys.readouterr()
    assert main(["show", "last", "--json", *store]) == 0
    state = json.loads(capsys.readouterr().out)
    corrected = state["segments"][1]
    assert corrected["caption"] == "Stripes."
    assert [tag["confidence"] for tag in corrected["tags"] if tag["tag"] == "Nonsense"] == [0.7]
    assert {segment["vocabulary"]["id"] for segment in state["segments"]} == {"seed-eight"}


@pytest.mark.parametrize("flags", [[], ["--tag", "Calm=2"], ["--tag", "Calm=x"], ["--tag", "=0.5"], ["--caption", " "]], ids=" ".join)
def test_a_correction_that_makes_no_sense_is_refused(flags: list[str], store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["correct", "last", "s0001", *flags, *store]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--tag", "Calm", "--untag", "Calm"], "the tag Calm is both set and removed; set it or remove it"),
        (["--tag", "Calm=0.5", "--untag", " calm"], "the tag Calm is both set and removed"),
        (["--tag", "Odd=0.5", "--tag", "Odd=0.7"], "the tag Odd is set to 0.5 and to 0.7; set it once"),
    ],
    ids=["same", "another spelling", "twice"],
)
def test_a_correction_that_contradicts_itself_is_refused(
    flags: list[str], said: str, store: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["correct", "last", "s0001", *flags, *store]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["show last", "cues last", "scenes last", "remove last --yes"])
def test_a_store_that_does_not_exist_is_named_and_not_created(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gone.db"
    assert main([*command.split(), "--store", f"sqlite:///{path}"]) == 2
    said = capsys.readouterr()
    assert said.err == f"streamtags: sqlite:///{path}: does not exist; check the path; `streamtags analyze` creates a store\n"
    assert (said.out, path.exists()) == ("", False)


def test_every_mistake_in_a_vocabulary_is_reported_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "v.yaml"
    path.write_text("id: v\nversion: '1'\naxes: [{name: mood}]\ntags:\n  - {name: A, axis: color}\n  - {axis: mood}\n")
    assert main(["tags", "check", str(path)]) == 2
    mistakes = [line for line in capsys.readouterr().err.splitlines() if ": mistake: " in line]
    assert {line.split(":")[1] for line in mistakes} == {"5", "6"}


def test_one_tag_is_not_counted_as_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("id: one\nversion: '1'\naxes: [{name: mood}]\ntags:\n  - {name: Calm, axis: mood, description: Nothing moves fast.}\n")
    assert main(["tags", "check", str(path)]) == 0
    assert capsys.readouterr().out.endswith("one 1, 1 tag on 1 axis\n")


@pytest.mark.parametrize("name", ["music-library", "seed-eight"])
def test_vocabularies_that_ship_are_right(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tags", "check", name]) == 0
    said = capsys.readouterr().out
    assert re.search(r"\b(1 axis|[2-9]\d* axes)\b", said), said


def test_doctor_says_that_all_is_ready(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *store]) == 0
    assert "ready" in capsys.readouterr().out


def test_a_traceback_only_with_debug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["analyze", str(tmp_path / "none.mp4"), "--store", f"sqlite:///{tmp_path}/s.db"]
    assert main(words) == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert main([*words, "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def scripted(tmp_path: Path, options: str, concurrency: int = 8) -> list[str]:
    (tmp_path / "c.toml").write_text(
        f"[profiles.p]\nconcurrency = {concurrency}\n"
        f'captioner = {{ backend = "scripted", {options} }}\nclassifier = {{ backend = "scripted" }}\n'
    )
    return ["--config", str(tmp_path / "c.toml"), "--set", "profile=p", "--store", f"sqlite:///{tmp_path}/s.db"]


def test_failed_segments_give_status_five_and_only_they_are_tried_again(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(film), *scripted(tmp_path, "fail_segments = [1]")]) == 5
    assert "1 of 3 segments failed" in capsys.readouterr().err
    log = tmp_path / "calls"
    assert main(["analyze", str(film), *scripted(tmp_path, f'log = "{log}"')]) == 0
    assert [json.loads(line)["segment"] for line in log.read_text().splitlines()] == ["s0001"]


def unread(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command with an output whose reader has exited."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run([sys.executable, "-c", ENTRY, *words], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)


@pytest.mark.parametrize("flags", [["--jsonl"], []], ids=["events", "lines"])
def test_a_reader_that_leaves_stops_the_analysis_as_an_interrupt_does(flags: list[str], film: Path, tmp_path: Path) -> None:
    slow = scripted(tmp_path, "delay_seconds = 0.5", concurrency=1)
    ended = unread("analyze", str(film), *slow, *flags)
    assert ended.returncode == 130
    assert "run the same command again to resume tl_" in ended.stderr
    assert ended.stderr.count("\n") == 1
    with SqliteStore(tmp_path / "s.db") as store:
        assert store.read(store.find("last"))[-1].type == "timeline.cancelled"
    assert main(["analyze", str(film), *slow]) == 0


def test_one_that_leaves_does_not_keep_the_log_from_its_file(film: Path, tmp_path: Path) -> None:
    slow = scripted(tmp_path, "delay_seconds = 0.5", concurrency=1)
    assert unread("analyze", str(film), *slow, "--jsonl", str(tmp_path / "log")).returncode == 130
    assert lines((tmp_path / "log").read_text())[-1]["type"] == "timeline.cancelled"


@pytest.mark.parametrize("words", ["show last", "show last --json", "timelines", "export last --format json"])
def test_a_reader_may_leave_what_is_only_printed(words: str, store: list[str]) -> None:
    ended = unread(*words.split(), *store)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_reader_that_leaves_stops_retagging(store: list[str]) -> None:
    ended = unread("retag", "last", "--tags", "seed-eight", "--jsonl", *store)
    assert (ended.returncode, ended.stderr) == (130, "streamtags: interrupted\n")


def test_an_interrupt_stops_cleanly_and_the_same_command_resumes(commands: Any, film: Path, tmp_path: Path) -> None:
    words = ("analyze", film, *scripted(tmp_path, "delay_seconds = 60"), "--jsonl", tmp_path / "log")
    running = commands.start(*words, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while "segment.measured" not in ((tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.signal(signal.SIGINT)
    ended = running.wait()
    assert ended.status == 130
    assert "run the same command again to resume tl_" in ended.err
    assert ended.err.count("\n") == 1
    assert lines((tmp_path / "log").read_text())[-1]["type"] == "timeline.cancelled"
    words = ("analyze", film, *scripted(tmp_path, "delay_seconds = 0"))
    assert commands.run(*words, cwd=tmp_path).status == 0


@pytest.mark.parametrize("words", [["remove"], ["retag", "--tags", "seed-eight"]], ids=["remove", "retag"])
def test_a_timeline_under_analysis_is_neither_removed_nor_retagged(words: list[str], commands: Any, film: Path, tmp_path: Path) -> None:
    slow = scripted(tmp_path, "delay_seconds = 60")
    running = commands.start("analyze", film, *slow, "--jsonl", tmp_path / "log", cwd=tmp_path)
    try:
        deadline = time.monotonic() + 60
        while "segment.measured" not in ((tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        refused = subprocess.run(
            [sys.executable, "-c", ENTRY, words[0], "last", *words[1:], "--store", slow[-1]], capture_output=True, text=True, check=False
        )
        assert refused.returncode == 4
        assert f"is being worked on by process {running.pid}" in refused.stderr
        assert refused.stderr.count("\n") == 1
    finally:
        running.signal(signal.SIGINT)
        assert running.wait().status == 130
    assert lines((tmp_path / "log").read_text())[-1]["type"] == "timeline.cancelled"
    assert main([words[0], "last", *words[1:], "--store", slow[-1]]) == 0


def test_a_terminal_shows_cards_and_is_not_driven_by_what_is_shown(film: Path, tmp_path: Path) -> None:
    evil = tmp_path / "a\x1b]0;owned\x07b.mp4"
    evil.write_bytes(film.read_bytes())
    master, slave = pty.openpty()
    words = ["analyze", str(evil), *scripted(tmp_path, 'captions = ["evil \\u001b[2Jcaption"]')]
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "COLORTERM": ""}
    process = subprocess.Popen([sys.executable, "-c", ENTRY, *words], stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    assert process.wait() == 0
    text = shown.decode()
    assert "caption" in text
    assert "completed: tl_" in text
    assert "━" in text
    assert "\x1b]0;" not in text
    assert "\x1b[2Jcaption" not in text


def test_the_program_alone_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "analyze" in capsys.readouterr().out


def test_a_name_with_spaces_that_is_not_quoted_is_recognized(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my own film.mp4").touch()
    words = f"analyze {tmp_path}/my own film.mp4".split()
    assert main(words) == 2
    assert f"did you mean '{tmp_path}/my own film.mp4'? Quote a name with spaces" in capsys.readouterr().err
    assert main(["correct", "last", "s0000", "--tag", "High", "Energy=0.9"]) == 2
    assert "quote a name with spaces" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["anlyze"], "did you mean analyze? "),
        (["tags", "chek"], "did you mean check? "),
        (["show", "last", "--stroe", "x"], "did you mean --store? "),
        (["show", "last", "--formt"], ""),
        (["list"], ""),
    ],
)
def test_a_misspelled_word_is_answered_with_one_that_is_allowed_there(
    words: list[str], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    line = capsys.readouterr().err
    assert f"; {advice}see streamtags" in line, line


def test_show_prints_scenes_and_marks_the_tags_of_a_person(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["correct", "last", "s0001", "--tag", "Tense=0.9", *store]) == 0
    capsys.readouterr()
    assert main(["show", "last", *store]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].startswith("scene 1  00:00:00:00  ")
    assert "s0000 to s000" in printed[1]
    assert any(line.startswith("s0001") and "Tense 0.90*" in line for line in printed)
    assert "* set by a person" in printed


def test_show_says_why_a_timeline_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SqliteStore(tmp_path / "failed.db") as opened:
        opened.open_timeline("tl_failed", TimelineIdentity("key"))
        error = ErrorInfo(code="source.unreadable", message="film.mp4: is text, not a video")
        opened.append("tl_failed", [TimelineFailed(error=error)])
    assert main(["show", "last", "--store", f"sqlite:///{tmp_path / 'failed.db'}"]) == 0
    assert capsys.readouterr().out.startswith("film.mp4: is text, not a video\nfailed: tl_failed")


@pytest.mark.parametrize(("answer", "is_removed"), [(b"y\n", True), (b"\n", False)])
def test_remove_requires_a_confirmation_on_a_terminal(answer: bytes, is_removed: bool, store: list[str]) -> None:
    main_end, end = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", ENTRY, "remove", "last", *store], stdin=end, stderr=subprocess.PIPE) as process:
        os.close(end)
        os.write(main_end, answer)
        _, err = process.communicate(timeout=60)
    os.close(main_end)
    assert b"film.mp4: 3 segments, 0 corrections)? The film stays. [y/N]" in err
    with SqliteStore(Path(store[1].removeprefix("sqlite:///"))) as opened:
        assert (opened.timelines() == []) == is_removed


def test_remove_does_not_ask_with_yes_or_in_a_script(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["remove", "last", "--yes", *store]) == 0
    assert "removed tl_" in capsys.readouterr().out


def test_scenes_are_split_merged_and_reset(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    def scenes(*words: str) -> list[str]:
        assert main(["scenes", "last", *words, "--by", "ada", "--json", *store]) == 0
        return [scene["first"] for scene in json.loads(capsys.readouterr().out)["scenes"]]

    detected = scenes()
    assert main(["show", "last", "--json", *store]) == 0
    names = [segment["segment"] for segment in json.loads(capsys.readouterr().out)["segments"]]
    inside = [name for name in names if name not in detected]
    for name in inside:
        assert name in scenes("--split", name)
    assert scenes(*(word for name in names[1:] for word in ("--merge", name))) == names[:1]
    assert scenes(*(word for name in names[1:] for word in ("--reset", name))) == detected
    assert main(["scenes", "last", "--merge", "s0000", *store]) == 2
    assert "no scene before" in capsys.readouterr().err
    assert main(["scenes", "last", *store]) == 0
    assert "scene 1" in capsys.readouterr().out


def test_a_tag_that_was_read_in_a_subtitle_is_marked() -> None:
    time = {"pts": 0, "time_base": "1/25", "seconds": 0.0, "frame": 0, "timecode": "00:00:00:00"}
    bounds = {"segment": "s0000", "index": 0, "shot": 0, "start": time, "end": time, "kind": "shot", "transition": "cut"}
    tags = [{"tag": "Sad", "confidence": 0.5, "source": "subtitle"}, {"tag": "Dark", "confidence": 0.4, "source": "measurement"}]
    line = segment_line(SegmentState.model_validate({**bounds, "tags": tags}))
    assert "Sad 0.50 (subtitle), Dark 0.40 |" in line


def test_a_reset_returns_to_the_answer_of_the_models(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "last", "--json", *store]) == 0
    before = json.loads(capsys.readouterr().out)["segments"][1]
    assert main(["correct", "last", "s0001", "--tag", "Tense=0.9", "--caption", "A storm.", *store]) == 0
    assert main(["correct", "last", "s0001", "--reset", *store]) == 0
    capsys.readouterr()
    assert main(["show", "last", "--json", *store]) == 0
    after = json.loads(capsys.readouterr().out)["segments"][1]
    assert [after[name] for name in ("caption", "caption_model", "tags", "correction")] == [
        before[name] for name in ("caption", "caption_model", "tags", "correction")
    ]
