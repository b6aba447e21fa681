"""Paths in a configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamtags.config.settings import Settings, load_settings


def settings_of(folder: Path, text: str) -> Settings:
    folder.mkdir(exist_ok=True)
    (folder / "streamtags.toml").write_text(text)
    return load_settings(config=folder / "streamtags.toml")


def test_relative_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_of(
        Path("project"),
        """
        tags = "moods.yaml"
        store = "sqlite:///data/film.db"
        [server]
        media_roots = ["media", "/films"]
        token_file = "tokens"
        [profiles.mine]
        calibration = "mine.json"
        captioner = {backend = "embedded"}
        classifier = {backend = "embedded"}
        """,
    )
    project = tmp_path / "project"
    assert settings.tags == str(project / "moods.yaml")
    assert settings.store == f"sqlite:///{project}/data/film.db"
    assert settings.server.media_roots == (project / "media", Path("/films"))
    assert settings.server.token_file == project / "tokens"
    assert settings.profiles["mine"].calibration == project / "mine.json"


def test_names_absolute_paths_and_other_stores_stay_as_they_are(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 'tags = "seed-eight"\nstore = "postgresql://host/db"\nprofile = "embedded"\n')
    assert (settings.tags, settings.store, settings.profile) == ("seed-eight", "postgresql://host/db", "embedded")
    assert settings_of(tmp_path, 'tags = "/etc/moods.yaml"\nstore = "sqlite:////var/film.db"\n').store == "sqlite:////var/film.db"
    (tmp_path / "seed-eight").write_text("id: own")  # a file of that name beside the configuration
    assert settings_of(tmp_path, 'tags = "seed-eight"\n').tags == str(tmp_path / "seed-eight")
