"""A process that stands still for longer than its claim lasts: what it writes afterwards must not be mixed into the work of another."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamtags.store.opening import open_store
from streamtags.testing.log import make_payloads

# The process has another host name: it is not seen whether it lives, so that its claim expires.
PROGRAM = """
import sys
from streamtags.core.errors import StoreError
from streamtags.core.records import TimelineIdentity
from streamtags.store import process_identity
elsewhere = process_identity.ProcessIdentity("another-host", 1, "1@boot:1")
process_identity.this_process = lambda: elsewhere
from streamtags.store.opening import open_store
from streamtags.testing.log import make_payloads
payloads = make_payloads(1)
with open_store(sys.argv[1]) as store:
    store.open_timeline("tl_a", TimelineIdentity("a"))
    store.claim("tl_a", "late", ttl_seconds=0.4)
    store.append("tl_a", payloads[:1])
    print("claimed", flush=True)
    sys.stdin.readline()
    for call in (lambda: store.append("tl_a", payloads[1:]), lambda: store.claim("tl_a", "late")):
        try:
            print(call())
        except StoreError as error:
            print(error.code)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_process_that_was_stopped_for_too_long_writes_nothing_more(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url: str = f"sqlite:///{tmp_path}/s.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    command, pipe = [sys.executable, "-c", PROGRAM, url], subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as late, open_store(url) as store:
        assert late.stdout is not None
        assert late.stdout.readline() == "claimed\n"
        late.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        store.claim("tl_a", "me")
        expected = store.read("tl_a") + store.append("tl_a", make_payloads(1)[1:])
        store.release("tl_a", "me")
        late.send_signal(signal.SIGCONT)
        output, _ = late.communicate("go on\n", timeout=20)
        assert output.split() == ["store.claim_lost"] * 2
        assert store.read("tl_a") == expected
        store.check_free("tl_a")
