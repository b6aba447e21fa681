"""`streamtags serve` as a process: what it prints, where it does not start, and TLS."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from websockets.sync.client import connect

from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.log import make_payloads

COMMAND = (sys.executable, "-c", "import sys; from streamtags.cli import main; sys.exit(main())")


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[str]:
    """A server, as the address it prints."""
    command = [*COMMAND, "serve", f"--store=sqlite:///{folder}/a.db", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            said = re.fullmatch(r"serving .* at (https?://\S+/) \(Ctrl-C ends it\)\n", line)
            assert said is not None, line
            yield said[1]
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors


def refused(folder: Path, *flags: str) -> str:
    """The line with which it does not start."""
    ran = subprocess.run(
        [*COMMAND, "serve", f"--store=sqlite:///{folder}/b.db", *flags], capture_output=True, text=True, timeout=200, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    return ran.stderr


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = authority.issue_cert("127.0.0.1", "localhost")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    for number, pem in enumerate(made.cert_chain_pems):
        pem.write_to_path(tmp_path / "cert.pem", append=bool(number))
    return authority


def test_the_address_is_printed_once_it_answers_and_a_taken_port_is_an_error(tmp_path: Path) -> None:
    with serving(tmp_path, "--port=0") as url:
        with urllib.request.urlopen(f"{url}healthz", timeout=60) as answer:
            assert json.load(answer) == {"status": "ok"}
        port = url.rstrip("/").rpartition(":")[2]
        line = refused(tmp_path, f"--port={port}")
    assert f"127.0.0.1:{port}: cannot listen there: Address already in use" in line
    assert "choose another" in line


def test_a_place_that_is_not_here_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("editor sha256:" + "0" * 64)
    assert "cannot listen there" in refused(tmp_path, "--host=192.0.2.1", "--port=0", f"--token-file={tmp_path}/tokens")


def test_a_setting_that_nothing_could_be_analyzed_with_is_refused_in_one_line(tmp_path: Path) -> None:
    for flag, said in (
        ("--profile=nope", "no profile 'nope'"),
        ("--tags=nope", "nope: no such vocabulary"),
        ("--port=99999", "--port 99999: Input should be less than or equal to 65535"),
        ("--port=-1", "--port -1: Input should be greater"),
    ):
        assert said in refused(tmp_path, "--port=0", flag)


def test_over_tls_every_client_reads_with_the_ca_file_and_none_without(tmp_path: Path, authority: trustme.CA) -> None:
    with SqliteStore(tmp_path / "a.db") as store:
        store.open_timeline("tl_a", TimelineIdentity("a"))
        store.append("tl_a", make_payloads(2))
        lines = store.read_json("tl_a")
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with serving(tmp_path, "--port=0", f"--tls-cert={tmp_path}/cert.pem", f"--tls-key={tmp_path}/key.pem") as url:
        assert url.startswith("https://127.0.0.1:")
        with urllib.request.urlopen(f"{url}v1/timelines/tl_a/events", timeout=60, context=context) as answer:
            assert answer.read().decode().splitlines() == lines
        with connect(f"ws{url[4:]}v1/stream", ssl=context, subprotocols=["streamtags.v1"]) as wss:  # type: ignore[list-item]
            assert json.loads(wss.recv(timeout=60))["type"] == "hello"
        watch = [*COMMAND, "watch", url, "--timeline=tl_a", "--jsonl"]
        trusting = {**os.environ, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True, env=trusting) as watching:
            assert watching.stdout is not None
            assert [watching.stdout.readline().rstrip("\n") for _ in lines] == lines
            watching.terminate()
        distrusting = subprocess.run(watch, capture_output=True, text=True, timeout=200, check=False)
        assert (distrusting.returncode, distrusting.stdout) == (4, "")
        assert "certificate is not trusted" in distrusting.stderr
        with socket.create_connection(("127.0.0.1", int(url.rstrip("/").rpartition(":")[2])), timeout=60) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"200" not in plain.recv(4096)


def test_tls_with_half_of_it_or_files_that_are_none_does_not_start(tmp_path: Path, authority: trustme.CA) -> None:
    assert "--tls-key" in refused(tmp_path, f"--tls-cert={tmp_path}/cert.pem")
    for certificate, key in (("none.pem", "key.pem"), ("key.pem", "key.pem"), ("cert.pem", "ca.pem")):
        line = refused(tmp_path, "--port=0", f"--tls-cert={tmp_path}/{certificate}", f"--tls-key={tmp_path}/{key}")
        assert "cannot be used for TLS" in line
