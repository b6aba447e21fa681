"""`model pull` from a hub on the loopback interface that breaks off, lies, is no hub, or cannot be reached."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from streamtags.cli import main
from streamtags.core.errors import ConfigError, ModelError
from streamtags.stages.caption import hub, weights
from streamtags.stages.caption.weights import pull, pulled_model
from streamtags.stages.tag.encoders import open_encoder
from streamtags.stages.tag.sentence_models import pulled_sentence_model

NAME = "HuggingFaceTB/SmolVLM2-2.2B-Instruct"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = bytes(range(256)) * 4000


def git_digest(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Hub:
    """A hub with one model. `break_after` ends each answer after so many bytes; `ranges` are the requested ones."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    lies: dict[str, bytes] = field(default_factory=dict)
    break_after: int | None = None
    answers_ranges: bool = True
    ranges: list[str] = field(default_factory=list)
    listing: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def loopback_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    config = b'{"model_type": "smolvlm"}'
    known = Hub(files={"model.safetensors": WEIGHTS, "config.json": config, "onnx/model.onnx": b"x", "demo.gif": b"y"})
    siblings = [
        {"rfilename": "config.json", "size": len(config), "blobId": git_digest(config)},
        {
            "rfilename": "model.safetensors",
            "size": len(WEIGHTS),
            "blobId": "0" * 40,
            "lfs": {"sha256": hashlib.sha256(WEIGHTS).hexdigest(), "size": len(WEIGHTS), "pointerSize": 135},
        },
        {"rfilename": "onnx/model.onnx", "size": 1, "blobId": "1" * 40},
        {"rfilename": "demo.gif", "size": 1, "blobId": "1" * 40},
    ]
    known.listing = {"id": NAME, "sha": COMMIT, "gated": False, "cardData": {"license": "apache-2.0"}, "siblings": siblings}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            folder = f"/{known.listing.get('id', NAME)}/resolve/{COMMIT}/"
            if path == f"/api/models/{known.listing.get('id', NAME)}/revision/main":
                self.send(200, json.dumps(known.listing).encode())
            elif path.startswith(folder):
                self.file(path.removeprefix(folder))
            else:
                self.send(404, b"{}")

        def file(self, name: str) -> None:
            data = known.lies.get(name, known.files[name])
            start = 0
            if (wanted := self.headers.get("Range")) is not None:
                known.ranges.append(wanted)
                if known.answers_ranges:
                    start = int(wanted.removeprefix("bytes=").rstrip("-"))
            headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
            self.send(206 if start else 200, data[start:], headers)

        def send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for key, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data if known.break_after is None or len(data) < 1000 else data[: known.break_after])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    known.address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("HF_ENDPOINT", known.address)
    monkeypatch.setattr(hub, "_PAUSE_SECONDS", 0.0)
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_files_that_run_the_model_are_pulled_pinned_and_checked(loopback_hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "pull", "smolvlm2-2.2b", "--yes"]) == 0
    printed = capsys.readouterr().out
    assert "0.00 GB in 2 files" in printed
    assert "license: Apache 2.0 (its card says: apache-2.0)" in printed
    pulled = pulled_model(NAME)
    assert pulled is not None
    assert pulled.revision == COMMIT
    assert (pulled.folder / "model.safetensors").read_bytes() == WEIGHTS
    assert {path.name for path in pulled.folder.iterdir()} == {"model.safetensors", "config.json", "streamtags.json"}


def test_a_download_that_breaks_off_again_and_again_goes_on_where_it_stopped(loopback_hub: Hub) -> None:
    loopback_hub.break_after = 300_000
    counted = 0

    def count(size: int) -> None:
        nonlocal counted
        counted += size

    model = hub.describe_model(NAME)
    assert (pull(model, count).folder / "model.safetensors").read_bytes() == WEIGHTS
    assert loopback_hub.ranges == ["bytes=300000-", "bytes=600000-", "bytes=900000-"]
    assert counted == model.size


def test_a_later_command_goes_on_with_what_an_earlier_one_left(loopback_hub: Hub) -> None:
    loopback_hub.break_after = 0
    with pytest.raises(ModelError, match=r"run the command again to go on|cannot be reached"):
        pull(hub.describe_model(NAME))
    (folder,) = weights.cache_folder().glob("*/*")
    (folder / "model.safetensors.part").write_bytes(WEIGHTS[:500_000])
    assert pulled_model(NAME) is None
    loopback_hub.break_after = None
    pull(hub.describe_model(NAME))
    assert "bytes=500000-" in loopback_hub.ranges
    assert pulled_model(NAME) is not None


def test_a_hub_that_ignores_ranges_sends_the_file_anew(loopback_hub: Hub) -> None:
    folder = weights.cache_folder() / NAME.replace("/", "--") / COMMIT
    folder.mkdir(parents=True)
    (folder / "model.safetensors.part").write_bytes(b"old" * 1000)
    loopback_hub.answers_ranges = False
    assert (pull(hub.describe_model(NAME)).folder / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_with_a_wrong_digest_is_refused_and_not_used(loopback_hub: Hub, name: str) -> None:
    loopback_hub.lies[name] = loopback_hub.files[name][::-1]
    with pytest.raises(ModelError, match="digest is wrong") as caught:
        pull(hub.describe_model(NAME))
    assert caught.value.code == "model.digest"
    assert pulled_model(NAME) is None
    assert not [path for path in weights.cache_folder().rglob(f"{name}*") if path.is_file()]


def test_a_file_that_is_longer_than_announced_is_not_kept(loopback_hub: Hub) -> None:
    loopback_hub.lies["model.safetensors"] = WEIGHTS * 3
    with pytest.raises(ModelError, match="more than it announced"):
        pull(hub.describe_model(NAME))
    assert pulled_model(NAME) is None


def test_a_folder_that_lost_a_file_is_not_used(loopback_hub: Hub) -> None:
    pulled = pull(hub.describe_model(NAME))
    (pulled.folder / "model.safetensors").write_bytes(b"half")
    assert pulled_model(NAME) is None


@pytest.mark.parametrize("name", ["../../evil.json", "a/../../evil.json", "/etc/evil.json"])
def test_files_outside_the_top_folder_are_left_out(loopback_hub: Hub, name: str) -> None:
    loopback_hub.listing["siblings"].append({"rfilename": name, "size": 1, "blobId": "2" * 40})
    assert {file.name for file in hub.describe_model(NAME).files} == {"model.safetensors", "config.json"}


@pytest.mark.parametrize("name", [".hidden.json", "a\nb.json", "..json", "C:evil.json"])
def test_a_name_that_is_none_of_a_model_is_refused(loopback_hub: Hub, name: str) -> None:
    loopback_hub.listing["siblings"].append({"rfilename": name, "size": 1, "blobId": "2" * 40})
    with pytest.raises(ModelError, match="does not answer like a model hub"):
        hub.describe_model(NAME)


@pytest.mark.parametrize(
    "listing", [{}, {"sha": "main", "siblings": []}, {"sha": COMMIT, "siblings": [{"rfilename": 3}]}, {"siblings": None}]
)
def test_an_answer_of_something_else_is_named_as_such(loopback_hub: Hub, listing: dict[str, Any]) -> None:
    loopback_hub.listing = listing
    with pytest.raises(ModelError, match="does not answer like a model hub"):
        hub.describe_model(NAME)


def test_a_model_with_terms_to_accept_says_how_to_get_it(loopback_hub: Hub) -> None:
    loopback_hub.listing["gated"] = "manual"
    with pytest.raises(ModelError, match="terms have to be accepted") as caught:
        hub.describe_model(NAME)
    assert f"hf download {NAME}" in str(caught.value)


def test_too_little_space_is_reported_before_the_download(loopback_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(ModelError, match="are free") as caught:
        pull(hub.describe_model(NAME))
    assert "XDG_CACHE_HOME" in str(caught.value)


def test_a_disk_that_fills_up_keeps_what_came(loopback_hub: Hub) -> None:
    model = hub.describe_model(NAME)
    (weights_file,) = [file for file in model.files if file.name == "model.safetensors"]
    with pytest.raises(ModelError, match="the disk is full") as caught:
        hub._fetch(model, weights_file, Path("/dev/full"), lambda _: None)
    assert caught.value.code == "model.disk"


def test_without_a_network_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert main(["model", "pull", "smolvlm2-2.2b", "--yes"]) == 4
    error = capsys.readouterr().err
    assert "cannot be reached" in error
    assert "HF_ENDPOINT" in error


def test_without_a_terminal_nothing_is_downloaded_unless_yes_is_said(loopback_hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "pull", "smolvlm2-2.2b"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert pulled_model(NAME) is None


SENTENCES = {"onnx/model.onnx": b"onnx" * 5000, "tokenizer.json": b'{"model": {}}'}


def sentence_listing(*paths: str) -> dict[str, Any]:
    siblings: list[dict[str, Any]] = [
        {"rfilename": path, "size": len(SENTENCES[path]), "blobId": git_digest(SENTENCES[path])} for path in paths
    ]
    for sibling in siblings:
        if sibling["rfilename"].endswith(".onnx"):
            sibling |= {"blobId": "0" * 40, "lfs": {"sha256": hashlib.sha256(SENTENCES[sibling["rfilename"]]).hexdigest()}}
    others = [{"rfilename": name, "size": 9, "blobId": "1" * 40} for name in ("model.safetensors", "onnx/model_O4.onnx", "README.md")]
    model = "sentence-transformers/all-MiniLM-L6-v2"
    return {"id": model, "sha": COMMIT, "gated": False, "cardData": {"license": "apache-2.0"}, "siblings": [*siblings, *others]}


def test_the_sentence_model_is_pulled_by_name_and_used_without_a_folder(loopback_hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert pulled_sentence_model() is None
    loopback_hub.files, loopback_hub.listing = SENTENCES, sentence_listing(*SENTENCES)
    assert main(["model", "pull", "all-minilm-l6-v2", "--yes"]) == 0
    printed = capsys.readouterr().out
    assert "2 digests checked" in printed
    assert "license: Apache 2.0 (its card says: apache-2.0)" in printed
    assert "--set profiles.embedded.classifier.embeddings=sentence" in printed
    folder = pulled_sentence_model()
    assert folder is not None
    assert folder.name == COMMIT
    assert {path.name for path in folder.iterdir()} == {"model.onnx", "tokenizer.json", "streamtags.json"}
    assert (folder / "model.onnx").read_bytes() == SENTENCES["onnx/model.onnx"]


def test_a_sentence_model_with_a_wrong_digest_or_without_a_file_is_refused(loopback_hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    loopback_hub.files = {**SENTENCES, "onnx/model.onnx": b"evil" * 5000}
    loopback_hub.listing = sentence_listing(*SENTENCES)
    assert main(["model", "pull", "all-minilm-l6-v2", "--yes"]) != 0
    assert "digest is wrong" in capsys.readouterr().err
    loopback_hub.listing = sentence_listing("tokenizer.json")
    assert main(["model", "pull", "all-minilm-l6-v2", "--yes"]) != 0
    assert "the hub has no onnx/model.onnx of it" in capsys.readouterr().err
    assert pulled_sentence_model() is None


def test_without_the_sentence_model_the_command_that_fetches_it_is_named() -> None:
    with pytest.raises(ConfigError, match="not in the cache") as caught:
        open_encoder("minilm")
    assert "streamtags model pull all-minilm-l6-v2" in (caught.value.hint or "")
