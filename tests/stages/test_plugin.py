"""A stage in a package of its own: the one that docs/howto/write-a-stage.md explains."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamtags_server.reference.documents import asyncapi_document

from streamtags.config.settings import Settings, load_settings
from streamtags.core.errors import ConfigError
from streamtags.core.events import Event, parse_payload
from streamtags.core.fold import fold
from streamtags.core.payload import _readable
from streamtags.core.plugins import installed_stages
from streamtags.core.state import TimelineState
from streamtags.run.analyze import analyze
from streamtags.stages.table import all_stages
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video
from tests.plugins import install_plugin
from tests.server.conftest import Serve, serve

__all__ = ["serve"]  # a fixture

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).parent / "plugin"
HOW_TO = ROOT / "docs" / "howto" / "write-a-stage.md"
SCRIPTED = {"captioner": {"backend": "scripted"}, "classifier": {"backend": "scripted"}}
SHOTS = [ShotSpec(30, "texture"), ShotSpec(30, "stripes"), ShotSpec(30, "lights"), ShotSpec(30, "blocks")]


def forget_stages() -> None:
    installed_stages.cache_clear()
    _readable.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder on the path of this process and its children."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delitem(sys.modules, "streamtags_sharpness", raising=False)
    forget_stages()
    yield folder
    sys.modules.pop("streamtags_sharpness", None)
    forget_stages()


@pytest.fixture
def installed(site: Path) -> Any:
    """The module of the installed package."""
    install_plugin(PACKAGE, site)
    forget_stages()
    import streamtags_sharpness

    return streamtags_sharpness


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    make_video(path, SHOTS, size=(160, 90))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "streamtags.db") as opened:
        yield opened


def settings() -> Settings:
    return load_settings({"tags": "seed-eight", "profile": "mine", "profiles": {"mine": SCRIPTED}})


def streamtags(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streamtags", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=200, check=False)


def without_log_position(state: TimelineState) -> dict[str, Any]:
    kept = state.to_dict()
    for name in ("epoch", "seq", "progress"):
        del kept[name]
    return kept


async def test_an_installed_stage_answers_for_every_segment(installed: Any, film: Path, store: SqliteStore) -> None:
    events: list[Event] = []
    state = await analyze(str(film), settings(), store, publish=events.extend)
    assert state.state == "completed"
    assert [segment.status for segment in state.segments] == ["tagged"] * len(SHOTS)
    assert [segment.answers["sharpness"]["model"] for segment in state.segments] == ["sharpness-1"] * len(SHOTS)
    answers = [event for event in events if event.type == "segment.sharpness"]
    assert sorted(event.data.segment for event in answers) == [segment.segment for segment in state.segments]
    assert all(isinstance(event.data, installed.SegmentSharpness) for event in answers)
    revs = [(event.data.segment, event.data.rev) for event in events if hasattr(event.data, "rev")]
    assert len(revs) == len(set(revs)), "each answer of a segment has a rev of its own"
    assert state.progress is not None
    assert state.progress.stages == {"sharpness": len(SHOTS)}
    assert len(state.scenes) >= 1
    assert fold(store.read(state.id)) == state


async def test_a_failure_of_the_stage_is_retried_by_the_next_run(
    installed: Any, film: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(picture: object) -> float:
        raise ZeroDivisionError("no edges")

    monkeypatch.setattr(installed, "sharpness_of", fail)
    state = await analyze(str(film), settings(), store)
    assert [segment.status for segment in state.segments] == ["failed"] * len(SHOTS)
    error = state.segments[0].error
    assert error is not None
    assert (error.stage, error.code) == ("sharpness", "stage.error")
    assert "ZeroDivisionError: no edges" in error.message
    assert all(segment.tags_rev for segment in state.segments), "the other stages go on"
    assert len(state.scenes) >= 1

    monkeypatch.undo()
    events: list[Event] = []
    before = state.seq
    state = await analyze(str(film), settings(), store, publish=events.extend)
    assert {segment.status for segment in state.segments} == {"tagged"}
    new = [event.type for event in events if event.seq > before and event.type.startswith("segment.")]
    assert new == ["segment.sharpness"] * len(SHOTS), "nothing else is done again"


async def test_a_finished_timeline_gets_the_answers_of_a_stage_that_is_installed_later(site: Path, film: Path, store: SqliteStore) -> None:
    first = await analyze(str(film), settings(), store)
    assert all("answers" not in segment for segment in first.to_dict()["segments"])
    install_plugin(PACKAGE, site)
    forget_stages()
    second = await analyze(str(film), settings(), store)
    assert second.id == first.id
    assert all(segment.answers for segment in second.segments)
    captions = [(segment.caption, segment.caption_rev) for segment in second.segments]
    assert captions == [(segment.caption, segment.caption_rev) for segment in first.segments]


async def test_the_answers_are_reused_for_a_new_edit(installed: Any, film: Path, store: SqliteStore, tmp_path: Path) -> None:
    first = await analyze(str(film), settings(), store)
    edit = tmp_path / "edit.mp4"
    make_video(edit, SHOTS[:2], size=(160, 90))
    installed.sharpness_of = None  # so that a call fails
    state = await analyze(str(edit), settings(), store)
    assert state.segments[0].reused_from is not None
    assert state.segments[0].answers["sharpness"]["sharpness"] == first.segments[0].answers["sharpness"]["sharpness"]


@pytest.mark.usefixtures("profile_of_the_file")
def test_an_analysis_with_the_stage_resumes_after_a_kill(installed: Any, film: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    slow = SCRIPTED | {"captioner": {"backend": "scripted", "delay_seconds": 0.2}}
    profile = "\n".join(f"{part} = {{ {', '.join(f'{k} = {json.dumps(v)}' for k, v in keys.items())} }}" for part, keys in slow.items())
    config.write_text(f'profile = "mine"\ntags = "seed-eight"\n[profiles.mine]\nconcurrency = 1\n{profile}\n')
    words = ["analyze", film.name, "--config", config.name, "--store"]
    assert streamtags(*words, "sqlite:///whole.db", cwd=tmp_path).returncode == 0
    log = tmp_path / "log.jsonl"
    running = subprocess.Popen(
        [sys.executable, "-m", "streamtags", *words, "sqlite:///killed.db", "--jsonl", log.name],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (log.exists() and b"segment.sharpness" in log.read_bytes()) and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert streamtags(*words, "sqlite:///killed.db", cwd=tmp_path).returncode == 0
    with SqliteStore(tmp_path / "whole.db") as whole, SqliteStore(tmp_path / "killed.db") as killed:
        resumed, events = killed.state(killed.find("last")), killed.read(killed.find("last"))
        answers = [event.data.segment for event in events if event.type == "segment.sharpness"]
        assert sorted(answers) == [segment.segment for segment in resumed.segments], "none is lost and none is requested twice"
        values = [segment.answers["sharpness"]["sharpness"] for segment in resumed.segments]
        assert values == [segment.answers["sharpness"]["sharpness"] for segment in whole.state(whole.find("last")).segments]


async def test_the_javascript_client_folds_the_events_of_the_stage(installed: Any, film: Path, store: SqliteStore, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    state = await analyze(str(film), settings(), store)
    (tmp_path / "log.json").write_text(json.dumps([json.loads(line) for line in store.read_json(state.id)]))
    script = tmp_path / "fold.mjs"
    script.write_text(
        f'import {{ emptyState, fold }} from "{(ROOT / "clients/javascript/streamtags.js").as_uri()}";\n'
        'import { readFileSync } from "node:fs";\n'
        'const events = JSON.parse(readFileSync("log.json", "utf8"));\n'
        "console.log(JSON.stringify(events.reduce(fold, emptyState())));\n"
    )
    done = subprocess.run([node, script.name], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=True)
    assert json.loads(done.stdout) == state.to_dict()


async def test_show_and_export_print_the_answers(installed: Any, film: Path, store: SqliteStore, tmp_path: Path) -> None:
    state = await analyze(str(film), settings(), store)
    shown = streamtags("show", "last", "--store", store.url, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    lines = [line.strip() for line in shown.stdout.splitlines() if line.strip().startswith("sharpness: ")]
    assert len(lines) == len(SHOTS)
    assert f"is_blurred {json.dumps(state.segments[0].answers['sharpness']['is_blurred'])}" in lines[0]
    exported = streamtags("export", "last", "--format", "json", "--store", store.url, cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    assert [segment["answers"] for segment in json.loads(exported.stdout)["segments"]] == [one.answers for one in state.segments]


async def test_show_prints_the_answers_of_a_stage_that_is_not_installed_any_more(
    installed: Any, film: Path, store: SqliteStore, site: Path, tmp_path: Path
) -> None:
    await analyze(str(film), settings(), store)
    shutil.rmtree(site)
    shown = streamtags("show", "last", "--store", store.url, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("sharpness: ") == len(SHOTS)


async def test_the_server_delivers_the_answers(installed: Any, film: Path, store: SqliteStore, serve: Serve) -> None:
    state = await analyze(str(film), settings(), store)
    running = serve()
    status, got = running.json("GET", f"/v1/timelines/{state.id}")
    assert (status, got["segments"][0]["answers"]) == (200, state.segments[0].answers)
    with running.client() as client:
        client.say(type="subscribe", id="a", timeline=state.id)
        snapshot = client.until("snapshot")[-1]
        assert snapshot["state"]["segments"][-1]["answers"] == state.segments[-1].answers
        client.say(type="subscribe", id="b", timeline=state.id, after=0, epoch=state.epoch, filter={"types": ["segment.sharpness"]})
        events = client.events(len(SHOTS))
        assert {event["type"] for event in events} == {"segment.sharpness"}


def test_the_generated_reference_describes_the_event(installed: Any) -> None:
    described = asyncapi_document.__wrapped__() if hasattr(asyncapi_document, "__wrapped__") else asyncapi_document()
    schemas = described["components"]["schemas"]
    assert schemas["SegmentSharpnessEvent"]["properties"]["type"] == {"const": "segment.sharpness"}
    assert set(schemas["SegmentSharpness"]["required"]) >= {"segment", "sharpness", "is_blurred", "model"}


def test_the_stage_takes_its_place_in_the_table(installed: Any) -> None:
    assert [stage.name for stage in all_stages()] == [
        "measure",
        "read",
        "faces",
        "hear",
        "transcribe",
        "caption",
        "tag",
        "scenes",
        "sharpness",
    ]


def test_a_stage_that_cannot_be_imported_is_named(site: Path, film: Path, tmp_path: Path) -> None:
    install_plugin(PACKAGE, site)
    (site / "streamtags_sharpness.py").write_text("import a_module_that_is_not_installed\n")
    done = streamtags("analyze", film.name, "--store", "sqlite:///s.db", cwd=tmp_path)
    assert done.returncode == 2
    assert "stage 'sharpness' of the package streamtags-sharpness: cannot be imported: ModuleNotFoundError" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    payload = parse_payload("segment.sharpness", {"segment": "s0000", "rev": 1, "sharpness": 0.5})
    assert payload.event_type == "segment.sharpness", "the log can still be read"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('name="sharpness"', "there is a stage 'tag' already"),
        ("needs=frozenset({STILLS})", "needs smell, which no stage before it gives"),
        ("emits=(SegmentSharpness,)", "must emit one payload class, of type 'segment.sharpness'"),
    ],
)
def test_a_stage_that_does_not_fit_into_the_table_is_refused(site: Path, change: str, message: str) -> None:
    install_plugin(PACKAGE, site)
    wrong = {"name": 'name="tag"', "needs": 'needs=frozenset({"smell"})', "emits": "emits=()"}[change.partition("=")[0]]
    module = site / "streamtags_sharpness.py"
    module.write_text(module.read_text().replace(change, wrong))
    forget_stages()
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        all_stages()


def test_an_event_that_the_class_refuses_is_still_read(installed: Any) -> None:
    payload = parse_payload("segment.sharpness", {"segment": "s0000", "rev": 1, "sharpness": "of an older version"})
    assert not isinstance(payload, installed.SegmentSharpness)
    assert payload.event_type == "segment.sharpness"


def test_the_how_to_shows_the_package_as_it_is() -> None:
    text = HOW_TO.read_text("utf-8")
    for name in ("pyproject.toml", "streamtags_sharpness.py"):
        assert (PACKAGE / name).read_text("utf-8").strip() in text
