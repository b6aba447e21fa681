"""Sound files without picture: segments where the sound changes, and what the rest of the program makes of them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from streamtags.cli import main
from streamtags.config.settings import load_settings
from streamtags.core.errors import SourceError
from streamtags.export import ExportOptions, find_format, formats
from streamtags.export.base import TimelineView
from streamtags.run.analyze import analyze
from streamtags.sources.file.sound_changes import band_levels, changes
from streamtags.sources.live.source import open_any_source
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video

RATE = 16_000


def tone(hertz: float, seconds: float, level: float = 0.2) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def noise(seconds: float, level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(3).normal(0, level, round(seconds * RATE))


@pytest.fixture
def piece(tmp_path: Path) -> Path:
    """Ten seconds of a tone, eight of noise, seven of silence, and six and a half of another tone."""
    samples = np.concatenate([tone(220, 10), noise(8), np.zeros(7 * RATE), tone(900, 6.5)])
    path = tmp_path / "piece.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((np.clip(samples, -1, 1) * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


async def test_segments_begin_where_the_sound_changes(piece: Path, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(piece), load_settings(), store)
    assert state.state == "completed"
    assert [segment.start.seconds for segment in state.segments] == [0.0, 10.0, 18.0, 25.0]
    assert state.segments[-1].end.seconds == pytest.approx(31.5, abs=0.04)
    assert all(segment.status == "tagged" and segment.thumbnail is None for segment in state.segments)
    assert state.segments[2].caption == "A sound of 7.0 seconds: there is no sound."
    evidence = state.segments[0].evidence or {}
    assert evidence["loudness_lufs"] is not None
    assert not {"brightness_percent", "camera", "motion_percent_per_second"} & evidence.keys()
    assert state.source is not None
    assert (state.source.video.codec, state.source.video.width, state.source.audio is not None) == ("none", 0, True)


async def test_every_export_takes_a_sound_file(piece: Path, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(piece), load_settings(), store)
        events = list(store.read(state.id))
    for name in formats():
        assert find_format(name).render(TimelineView.of(state, events), ExportOptions()), name
    prompts = find_format("sound-prompts").render(TimelineView.of(state, events), ExportOptions()).decode().splitlines()
    assert len(prompts) == 4
    assert all(prompt.endswith("color palette.") for prompt in prompts)
    assert prompts[2] == "A still place where nothing moves, the scene has a black color palette."


def test_the_command_line_shows_it(
    piece: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["analyze", piece.name, "--store", "sqlite:///s.db", "--set", "ingest.max_seconds=12"]) == 0
    assert main(["show", "last", "--store", "sqlite:///s.db"]) == 0
    assert "piece.wav  sound without picture" in capsys.readouterr().out


def test_frames_carry_the_time_of_the_sound(piece: Path) -> None:
    source = open_any_source(str(piece), load_settings().ingest)
    frames = [item for item in source.read() if hasattr(item, "bgr")]
    source.close()
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert len(frames) in (787, 788)  # 31.5 s at 25 a second
    assert source.info.video.duration == pytest.approx(31.5)


def test_sound_that_is_no_file_is_refused() -> None:
    with pytest.raises(SourceError):
        open_any_source("http://127.0.0.1:9/radio.ogg", load_settings().ingest)


def test_a_film_keeps_its_picture(tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", [ShotSpec(25)], size=(160, 90))
    source = open_any_source(str(tmp_path / "film.mp4"), load_settings().ingest)
    assert source.info.video.width == 160
    source.close()


def test_a_sound_that_stays_the_same_has_no_boundary() -> None:
    steady = [band_levels(noise(0.5).astype(np.float32), RATE) for _ in range(60)]
    assert changes(steady) == []
    assert changes(steady[:5]) == []
    assert changes([]) == []


@pytest.mark.parametrize("at", [6, 20, 54])
def test_one_change_is_one_boundary(at: int) -> None:
    moments = [noise(0.5) if place < at else tone(300, 0.5) for place in range(60)]
    assert changes([band_levels(moment.astype(np.float32), RATE) for moment in moments]) == [at]
