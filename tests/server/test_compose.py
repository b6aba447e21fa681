"""The compose files: tests have no engine to run them, so they are checked against the schema, each other and the package itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamtags.cli.parser import build_parser
from streamtags.config.settings import load_settings
from streamtags.run.backends import captioner_options, classifier_options

SERVER = Path(__file__).resolve().parents[2] / "server"
FILES = [SERVER / "compose.yaml", SERVER / "several" / "compose.yaml"]
SEVERAL: dict[str, Any] = yaml.safe_load(FILES[1].read_text("utf-8"))
STREAMTAGS = ("server-a", "server-b", "worker")


@pytest.fixture(params=FILES, ids=lambda file: file.parent.name)
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def filled(value: str) -> str:
    """A value where no variable is set but those that must be: `${NAME:-this}` is this, `${NAME:?why}` is a password."""
    if not value.startswith("${"):
        return value
    return value.partition(":-")[2].rstrip("}") if ":-" in value else "secret"


def test_compose_files_fit_the_schema() -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, FILES)]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_service_uses_only_what_the_file_defines(file: Path) -> None:
    compose = yaml.safe_load(file.read_text("utf-8"))
    published = list[str]()
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (file.parent / source).is_file(), "a folder would be made in place of a missing file"
            elif not source.startswith("$"):  # the folder of films
                assert source in compose["volumes"]
        assert set(service.get("secrets", ())) <= set(compose.get("secrets", ()))
        for name, needed in service.get("depends_on", {}).items():
            assert needed["condition"] != "service_healthy" or "healthcheck" in compose["services"][name]
        if "build" in service:
            container = file.parent / service["build"]["context"] / service["build"]["dockerfile"]
            assert f" AS {service['build']['target']}\n" in container.read_text("utf-8")
        published += service.get("ports", ())
    assert all(port.startswith("127.0.0.1:") for port in published), "a server that anyone reaches needs a proxy with TLS before it"
    assert len({port.split(":")[1] for port in published}) == len(published)


@pytest.mark.parametrize("name", STREAMTAGS)
def test_several_servers_share_a_store_its_files_and_a_model(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service, database = SEVERAL["services"][name], SEVERAL["services"]["database"]
    for variable, value in service["environment"].items():
        monkeypatch.setenv(variable, filled(value))
    args = build_parser().parse_args(["serve", *service["command"]])
    settings = load_settings({"profile": args.profile})
    assert settings.server.drain_seconds < float(service["stop_grace_period"].rstrip("s"))

    address = pytest.importorskip("streamtags.store.postgres.address", reason="the extra postgres is not installed")
    store = address.PostgresAddress.parse(args.store)
    user, name = database["environment"]["POSTGRES_USER"], database["environment"]["POSTGRES_DB"]
    assert args.store.startswith(f"postgresql://{user}@database/{name}?")
    assert f"files:{store.folder.parent}" in service["volumes"]
    assert service["environment"]["PGPASSWORD"] == database["environment"]["POSTGRES_PASSWORD"]
    assert str(args.token_file) == f"/run/secrets/{service['secrets'][0]}"

    profile = settings.choose_profile()
    for options in (captioner_options(profile), classifier_options(profile)):
        assert (options["base_url"], options["model"]) == ("http://model:8000/v1", filled(SEVERAL["services"]["model"]["command"][0]))


def test_prometheus_reads_every_server_where_it_listens() -> None:
    scraped = yaml.safe_load((SERVER / "several" / "prometheus.yaml").read_text("utf-8"))["scrape_configs"][0]["static_configs"][0]
    assert sorted(scraped["targets"]) == [f"{name}:8710" for name in sorted(STREAMTAGS)]


def test_prometheus_shows_the_token_that_metrics_ask_for() -> None:
    scraping = yaml.safe_load((SERVER / "several" / "prometheus.yaml").read_text("utf-8"))["scrape_configs"][0]
    secrets = [f"/run/secrets/{name}" for name in SEVERAL["services"]["prometheus"]["secrets"]]
    assert secrets == [scraping["authorization"]["credentials_file"]]
