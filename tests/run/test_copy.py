from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main
from streamtags.core.records import Fingerprint, TimelineIdentity
from streamtags.core.stores import Store
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.run.copy import copy_timelines
from streamtags.store.opening import open_store
from streamtags.testing.log import make_payloads

TIMELINES = ("tl_a", "tl_b", "tl_c")
VOCABULARY = Vocabulary(id="moods", version="1", axes=(Axis(name="mood"),), tags=(Tag(name="Calm", axis="mood", description="still"),))


def fill(store: Store) -> None:
    for number, timeline in enumerate(TIMELINES):
        store.open_timeline(timeline, TimelineIdentity(timeline, recording="0000000a" if number else None), name=f"{timeline}.mp4")
        payloads = make_payloads(300)
        segments = [payload.segment for payload in payloads if payload.type == "segment.measured"]
        store.append(
            timeline,
            payloads,
            thumbnails={segment: f"jpeg {timeline} {segment}".encode() for segment in segments[:-1]},
            fingerprints={segment: Fingerprint(48, segment.encode()) for segment in segments},
            waveforms={segment: segment.encode() for segment in segments},
        )
    store.save_vocabulary(VOCABULARY)


def content(store: Store) -> dict[str, Any]:
    """Everything that a copy keeps."""
    return {
        summary.id: (
            store.head(summary.id),
            store.read_json(summary.id),
            store.state(summary.id),
            (summary.identity, summary.name, summary.state, summary.segments, summary.seconds),
            store.fingerprints(summary.id),
            sorted((one.segment, one.peaks) for one in store.waveforms(summary.id)),
            store.thumbnail(summary.id, "s0000"),
        )
        for summary in store.timelines()
    } | {"vocabularies": store.vocabularies(), "order": [summary.id for summary in store.timelines()]}


def test_a_store_is_copied_to_postgresql_and_back(tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    here, back = f"sqlite:///{tmp_path}/here.db", f"sqlite:///{tmp_path}/back.db"
    with open_store(here) as store:
        fill(store)
        expected = content(store)
    assert main(["store", "copy", here, postgres_url]) == 0
    assert "3 timelines in both stores" in capsys.readouterr().out
    assert main(["store", "copy", postgres_url, back]) == 0
    for url in (postgres_url, back):
        with open_store(url) as store:
            assert content(store) == expected
    assert main(["store", "copy", here, postgres_url]) == 0
    assert "0 events copied" in capsys.readouterr().out.splitlines()[-1]


def test_a_copy_that_was_interrupted_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(f"sqlite:///{tmp_path}/here.db") as source, open_store(f"sqlite:///{tmp_path}/there.db") as target:
        fill(source)
        batches = 0
        restore = target.restore

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            nonlocal batches
            batches += 1
            if batches == 3:
                raise KeyboardInterrupt
            return restore(*args, **kwargs)

        monkeypatch.setattr(target, "restore", interrupted)
        with pytest.raises(KeyboardInterrupt):
            copy_timelines(source, target)
        copied = sum(head.seq for head in target.heads().values())
        assert 0 < copied < sum(head.seq for head in source.heads().values())
        source.append("tl_a", make_payloads(1)[:2])
        results = copy_timelines(source, target)
        assert sum(result.events for result in results) == sum(head.seq for head in source.heads().values()) - copied
        assert content(target) == content(source)


def test_a_timeline_with_another_log_or_a_claim_is_left_alone_and_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = f"sqlite:///{tmp_path}/here.db", f"sqlite:///{tmp_path}/there.db"
    with open_store(here) as source, open_store(there) as target:
        fill(source)
        target.open_timeline("tl_a", TimelineIdentity("tl_a"))
        target.append("tl_a", make_payloads(1))
        other = target.head("tl_a")
        target.open_timeline("tl_b", TimelineIdentity("tl_b", recording="0000000a"))
        target.claim("tl_b", "another process")
        assert main(["store", "copy", here, there]) == 5
        errors = capsys.readouterr().err
        assert "--replace" in errors
        assert "is being worked on" in errors
        assert target.head("tl_a") == other
        assert target.head("tl_c") == source.head("tl_c")
        target.release("tl_b", "another process")
        assert main(["store", "copy", here, there, "--replace"]) == 0
        assert content(target) == content(source)


def test_copying_from_a_file_that_does_not_exist_creates_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "copy", f"sqlite:///{tmp_path}/typo.db", f"sqlite:///{tmp_path}/there.db"]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
