"""The container and compose files: no engine runs here, so what they copy, start and set is compared with the package itself."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamtags.cli.parser import build_parser
from streamtags.config.settings import load_settings
from streamtags.run.backends import captioner_options, classifier_options

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "server" / "compose.yaml").read_text("utf-8"))
MODEL = "llava-next-video-7b"


def instructions() -> list[tuple[str, str, str]]:
    """(stage, instruction, rest) of each line of the container file."""
    lines, stage = [], ""
    for line in (ROOT / "server" / "Containerfile").read_text("utf-8").replace("\\\n", "").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stage = rest.rpartition(" AS ")[2]
        if word.isupper():
            lines.append((stage, word, rest))
    return lines


def copied() -> list[Path]:
    sources = [rest.split()[:-1] for stage, word, rest in instructions() if (stage, word) == ("source", "COPY")]
    return [ROOT / name for names in sources for name in names]


def command(stage: str, arguments: list[str] | None = None) -> list[str]:
    """What a container of that stage runs, without the program's own name."""
    commands = {word: json.loads(rest) for at, word, rest in instructions() if at == stage and word in ("ENTRYPOINT", "CMD")}
    program, *fixed = commands["ENTRYPOINT"]
    assert Path(program).name == "streamtags"
    return [*fixed, *(commands["CMD"] if arguments is None else arguments)]


def filled(value: str) -> str:
    """A value of the compose file where no variable is set: `${NAME:-this}` is this."""
    return value.partition(":-")[2].rstrip("}") if value.startswith("${") else value


def test_all_that_the_package_is_made_of_is_copied() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = build["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [
        *wheel["packages"],
        *wheel["force-include"],
        build["project"]["readme"],
        *build["project"]["license-files"],
        "constraints.txt",
    ]
    within = copied()
    assert all(path.exists() for path in within)
    for path in [ROOT / name for name in needed]:
        assert path in within
        links = [file for file in path.rglob("*") if file.is_symlink()] if path.is_dir() else []
        assert all(any(link.resolve().is_relative_to(one) for one in within) for link in links), links


@pytest.mark.parametrize("stage", ["model", "server"])
def test_the_commands_are_ones_that_streamtags_takes(stage: str) -> None:
    for arguments in (None, [filled(word) for word in COMPOSE["services"][stage]["command"]]):
        args = build_parser().parse_args(command(stage, arguments))
        assert args.host == "0.0.0.0"


def test_the_server_uses_the_model_of_the_compose_file(monkeypatch: pytest.MonkeyPatch) -> None:
    server = COMPOSE["services"]["server"]
    for name, value in server["environment"].items():
        monkeypatch.setenv(name, filled(value))
    model, asking = (build_parser().parse_args(command(stage)) for stage in ("model", "server"))
    profile = load_settings({"profile": server["command"][server["command"].index("--profile") + 1]}).choose_profile()
    for options in (captioner_options(profile), classifier_options(profile)):
        assert options["base_url"] == f"http://model:{model.port}/v1"
    assert captioner_options(profile)["model"] == classifier_options(profile)["model"] == MODEL == model.model
    assert f"127.0.0.1:{asking.port}:{asking.port}" in server["ports"]


def test_what_the_server_keeps_and_reads_outlives_its_container() -> None:
    server = COMPOSE["services"]["server"]
    args = build_parser().parse_args(command("server", server["command"]))
    places = {
        volume.rpartition(":ro")[0].rpartition(":")[2] if volume.endswith(":ro") else volume.rpartition(":")[2]
        for volume in server["volumes"]
    }
    assert str(Path(args.store.removeprefix("sqlite:///")).parent) in places
    assert {str(root) for root in args.media_root} <= places
    assert str(args.token_file) == f"/run/secrets/{server['secrets'][0]}"
    assert COMPOSE["secrets"][server["secrets"][0]]["file"]
