from __future__ import annotations

import base64
from pathlib import Path

import pytest

from streamtags.operations import segments
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.log import make_payloads
from tests.server.conftest import Serve


def test_a_waveform_is_read_in_pages(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_WAVEFORMS", 2)
    server = serve()
    timeline = server.fill(segments=3)
    server.store.append(timeline, make_payloads(1)[1:2], waveforms={f"s000{at}": bytes([at, 255]) for at in range(3)})
    status, first = server.json("GET", f"/v1/timelines/{timeline}/waveform")
    assert (status, first["more"], first["per_second"], first["floor_dbfs"]) == (200, True, 10, -60)
    second = server.json("GET", f"/v1/timelines/{timeline}/waveform?after={first['next']}")[1]
    got = {one["segment"]: base64.b64decode(one["peaks"]) for one in first["segments"] + second["segments"]}
    assert got == {"s0000": b"\x00\xff", "s0001": b"\x01\xff", "s0002": b"\x02\xff"}
    assert second["more"] is False
    last = server.json("GET", f"/v1/timelines/{timeline}/waveform?after={second['next']}")[1]
    assert (last["segments"], last["next"]) == ([], second["next"])


def test_wrong_cursors_and_unknown_timelines_are_refused(serve: Serve) -> None:
    server = serve()
    timeline = server.fill()
    assert server.json("GET", f"/v1/timelines/{timeline}/waveform?after=-1")[0] == 400
    assert server.json("GET", "/v1/timelines/tl_none/waveform")[0] == 404


def test_an_analysis_makes_the_waveform_in_its_one_pass(tmp_path: Path) -> None:
    from streamtags.config.settings import Settings
    from streamtags.store.sqlite.store import SqliteStore
    from streamtags.sync import analyze

    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(36, sound="noise"), ShotSpec(36, look="gradient", sound="noise")], rate=24, size=(160, 90))
    with SqliteStore(tmp_path / "s.db") as store:
        state = analyze(str(film), store, settings=Settings(profile="embedded"))
        waveforms = store.waveforms(state.id)
    assert [one.segment for one in waveforms] == [segment.segment for segment in state.segments]
    for one, segment in zip(waveforms, state.segments, strict=True):
        assert len(one.peaks) == pytest.approx(segment.seconds * 10, abs=1)
    assert max(one.peaks[3] for one in waveforms) > 0
