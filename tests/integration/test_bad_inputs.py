"""Whatever it is given: the right exit status, one line that helps, and nothing lost."""

import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import av
import pytest

from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import Encoding, ShotSpec, make_payloads, make_video

SHOTS = [ShotSpec(20, "texture", sound="chords"), ShotSpec(20, "stripes", sound="noise"), ShotSpec(20, "lights")]
SIZE = (320, 180)
PRECIOUS = "tl_precious"
TAG = "id: v\nversion: '1'\naxes: [{name: mood}]\ntags:\n"
GOOD = f"{TAG}  - {{name: Calm, axis: mood, description: quiet and slow}}\n"

Prepare = Callable[[Path, Path], object]


class Case(NamedTuple):
    """What is typed in a folder that `prepare(folder, film)` has filled. `store.db` is a good store."""

    name: str
    words: tuple[str, ...]
    status: int
    says: str = ""
    prepare: Prepare = lambda folder, film: None
    stdin: str | None = None
    largest_file: int | None = None


def file(name: str, content: bytes | str) -> Prepare:
    """`name` with that content."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder, film: (folder / name).write_bytes(data)


def changed(name: str, change: Callable[[bytearray], bytes | bytearray]) -> Prepare:
    """The film under `name`, its bytes changed."""
    return lambda folder, film: (folder / name).write_bytes(change(bytearray(film.read_bytes())))


def made(name: str, *shots: ShotSpec, **how: Any) -> Prepare:
    """A video made to order."""
    return lambda folder, film: make_video(folder / name, shots or SHOTS, **{"size": SIZE, **how})


def copied(name: str) -> Prepare:
    """The film under another name."""
    return lambda folder, film: shutil.copy(film, os.fsencode(folder) + b"/" + os.fsencode(name))


def on_store(change: Callable[[Path], object]) -> Prepare:
    """The store after `change`."""
    return lambda folder, film: change(folder / "store.db")


def flipped(data: bytearray) -> bytearray:
    """Damage in the middle of what was recorded."""
    begin = data.index(b"mdat") + 4
    length = int.from_bytes(data[begin - 8 : begin - 4], "big")
    for at in range(begin + length * 4 // 10, begin + length * 6 // 10, 7):
        data[at] ^= 0x5A
    return data


def without_duration(data: bytearray) -> bytearray:
    """Zero in every header that has a duration."""
    for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        for match in re.finditer(re.escape(box), bytes(data)):
            data[match.start() + offset : match.start() + offset + 4] = bytes(4)
    return data


def transport(name: str, *starts: float) -> Prepare:
    """The film in a transport stream, once beginning at each of `starts` seconds."""

    def make(folder: Path, film: Path) -> None:
        with (folder / name).open("wb") as whole:
            for start in starts:
                whole.write(_as_transport(film, folder / "part.ts", start))

    return make


def _as_transport(film: Path, path: Path, start: float) -> bytes:
    with av.open(str(film)) as source, av.open(str(path), "w", options={"mpegts_copyts": "1"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            shift = int(start / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
            out.mux(packet)
    return path.read_bytes()


def two_sizes(folder: Path, film: Path) -> None:
    """A transport stream whose picture changes its size halfway."""
    parts = []
    for number, size in enumerate(((320, 180), (480, 270))):
        make_video(folder / f"part{number}.ts", SHOTS[:2], size=size, sound=False)
        parts.append((folder / f"part{number}.ts").read_bytes())
    (folder / "sizes.ts").write_bytes(b"".join(parts))


def no_pictures(folder: Path, film: Path) -> None:
    """A transport stream that announces a picture and never gives it."""
    data = film.read_bytes()
    at = data.index(b"mdat")
    (folder / "blank.mp4").write_bytes(data[: at + 4] + bytes(len(data) - at - 4) if at > len(data) // 2 else zeroed(data))


def zeroed(data: bytes) -> bytes:
    """The film, its index whole and nothing in it."""
    at = data.index(b"mdat")
    length = int.from_bytes(data[at - 4 : at], "big")
    return data[: at + 4] + bytes(length - 8) + data[at - 4 + length :]


def many_tags(folder: Path, film: Path) -> None:
    """A vocabulary of 3,000 tags."""
    lines = [f"  - {{name: Tag{n}, axis: mood, description: one of very many tags}}\n" for n in range(3000)]
    (folder / "many.yaml").write_text(TAG + "".join(lines))


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (body)")
    connection.close()


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def read_only(path: Path) -> None:
    path.chmod(0o444)
    path.parent.chmod(0o555)


ANALYZE = ("analyze", "film.mp4")
FILM = copied("film.mp4")
CASES = [
    # Files that are no video
    Case("missing file", ("analyze", "nowhere.mp4"), 3, "no such file"),
    Case("folder without films", ("analyze", "sub"), 3, "folder", lambda folder, film: (folder / "sub").mkdir()),
    Case("empty file", ("analyze", "empty.mp4"), 3, "empty", file("empty.mp4", b"")),
    Case("text renamed", ("analyze", "text.mp4"), 3, "text", file("text.mp4", "Not a video at all.\n" * 50)),
    Case("noise renamed", ("analyze", "noise.mp4"), 3, "not a video", file("noise.mp4", bytes(range(256)) * 40)),
    Case("nothing decodable", ("analyze", "blank.mp4"), 3, "decoded", no_pictures),
    Case("broken link", ("analyze", "link.mp4"), 3, "no such file", lambda folder, film: (folder / "link.mp4").symlink_to("gone.mp4")),
    Case("loop of links", ("analyze", "loop.mp4"), 3, "path", lambda folder, film: (folder / "loop.mp4").symlink_to("loop.mp4")),
    Case("pipe by name", ("analyze", "pipe"), 3, "regular file", lambda folder, film: os.mkfifo(folder / "pipe")),
    Case("device", ("analyze", "/dev/zero"), 3, "regular file"),
    Case("unreadable", ANALYZE, 3, "permission", lambda folder, film: (FILM(folder, film), (folder / "film.mp4").chmod(0))),
    Case("name with a NUL", ("analyze", "%00.mp4"), 3, "no such file"),
    Case("endless name", ("analyze", "x" * 5000 + ".mp4"), 3, "path"),
    # Files that name others, and other schemes
    Case("playlist of local files", ("analyze", "list.m3u8"), 3, "playlist", file("list.m3u8", "#EXTM3U\n#EXTINF:2,\nfilm.mp4\n")),
    Case("playlist renamed", ("analyze", "list.mp4"), 3, "playlist", file("list.mp4", "#EXTM3U\n#EXTINF:2,\n/etc/passwd\n")),
    Case("concat file", ("analyze", "list.txt"), 3, "playlist", file("list.txt", "ffconcat version 1.0\nfile /etc/passwd\n")),
    Case("concat protocol", ("analyze", "concat:film.mp4|film.mp4"), 3, "not accepted", FILM),
    Case("unknown scheme", ("analyze", "gopher://example.org/film"), 3, "not accepted"),
    Case("unreachable URL", ("analyze", "http://127.0.0.1:9/film.mp4"), 3, "cannot be reached"),
    Case("URL not found", ("analyze", "{url}/404"), 3, "404"),
    Case("URL forbidden", ("analyze", "{url}/403"), 3, "403"),
    Case("URL of a page", ("analyze", "{url}/page"), 3, "not a video"),
    Case("URL with a password", ("analyze", "http://me:secret@127.0.0.1:9/film.mp4"), 3, r"\*\*\*"),
    # Damaged videos
    Case("truncated, index at the end", ("analyze", "cut.mp4"), 3, "cut short", changed("cut.mp4", lambda data: data[: len(data) // 2])),
    Case(
        "truncated, index in front",
        ("analyze", "cut.mp4"),
        0,
        prepare=lambda folder, film: (
            made("whole.mp4", encoding=Encoding(container_options={"movflags": "+faststart"}))(folder, film),
            (folder / "cut.mp4").write_bytes((folder / "whole.mp4").read_bytes()[:-20_000]),
        ),
    ),
    Case("damage in the middle", ("analyze", "damaged.mp4"), 0, prepare=changed("damaged.mp4", flipped)),
    Case("no duration", ("analyze", "zero.mp4"), 0, prepare=changed("zero.mp4", without_duration)),
    # Odd videos
    Case("one frame", ("analyze", "one.mp4"), 0, prepare=made("one.mp4", ShotSpec(1), sound=False)),
    Case("8K", ("analyze", "8k.mp4"), 0, prepare=made("8k.mp4", ShotSpec(2, "plain", grain=0), size=(7680, 4320), sound=False)),
    Case("more pixels than allowed", (*ANALYZE, "--set", "ingest.max_pixels=1000"), 3, "pixels", FILM),
    Case("size changes", ("analyze", "sizes.ts"), 0, prepare=two_sizes),
    Case("pts jump ahead", ("analyze", "jump.ts"), 0, prepare=transport("jump.ts", 10.0, 4000.0)),
    Case("pts jump back", ("analyze", "back.ts"), 0, prepare=transport("back.ts", 1000.0, 10.0)),
    Case("pts wrap around", ("analyze", "wrap.ts"), 0, prepare=transport("wrap.ts", 2**33 / 90_000 - 1)),
    Case("variable rate", ("analyze", "vfr.mkv"), 0, prepare=made("vfr.mkv", pts=[n * n for n in range(60)], time_base=Fraction(1, 600))),
    Case("name with a newline", ("analyze", "a\nb.mp4"), 0, prepare=copied("a\nb.mp4")),
    Case("name with quotes and colors", ("analyze", 'it\'s "so" \x1b[31m.mp4'), 0, prepare=copied('it\'s "so" \x1b[31m.mp4')),
    Case("name with bytes that are no text", ("analyze", "caf\udce9.mp4"), 0, prepare=copied("caf\udce9.mp4")),
    Case("name with a dash in front", ("analyze", "--", "-film.mp4"), 0, prepare=copied("-film.mp4")),
    Case("missing file of an odd name", ("analyze", "a\n\x1b[31mb.mp4"), 3, "no such file"),
    # Standard input
    Case("nothing on standard input", ("analyze", "-"), 3, "nothing came on standard input"),
    Case("text on standard input", ("analyze", "-"), 3, "standard input", file("text", "Hello.\n" * 50), stdin="text"),
    Case("video on standard input", ("analyze", "-"), 0, prepare=made("film.mkv"), stdin="film.mkv"),
    # Stores
    Case("store is a folder", (*ANALYZE, "--store", "sqlite:///sub"), 4, "folder", lambda f, film: (FILM(f, film), (f / "sub").mkdir())),
    Case("store is text", (*ANALYZE, "--store", "sqlite:///text"), 4, "not a streamtags store", file("text", "x" * 5000)),
    Case("store of another program", ANALYZE, 4, "another program", on_store(foreign)),
    Case("store of a newer version", ANALYZE, 4, "newer", on_store(newer)),
    Case("damaged store", ("show", "last"), 4, "damaged", on_store(damaged)),
    Case("read-only store", ANALYZE, 4, "permissions", lambda folder, film: (FILM(folder, film), read_only(folder / "store.db"))),
    Case("store under a file", (*ANALYZE, "--store", "sqlite:///film.mp4/store.db"), 4, "folder cannot be made", FILM),
    Case("no such scheme of store", (*ANALYZE, "--store", "mysql://x"), 2, "sqlite:///PATH", FILM),
    Case("a store without a database", (*ANALYZE, "--store", "postgres://x"), 2, "postgresql://USER@HOST/DATABASE", FILM),
    Case("no space for the store", (*ANALYZE, "--store", "sqlite:///new.db"), 4, "new.db", FILM, largest_file=90_000),
    # Vocabularies
    Case("missing vocabulary", (*ANALYZE, "--tags", "none.yaml"), 2, "none.yaml", FILM),
    Case("vocabulary without tags", (*ANALYZE, "--tags", "v.yaml"), 2, "v.yaml", file("v.yaml", TAG + "  []\n")),
    Case("vocabulary that is no YAML", (*ANALYZE, "--tags", "v.yaml"), 2, "v.yaml", file("v.yaml", "tags: [unclosed\n")),
    Case(
        "vocabulary with an unknown axis", (*ANALYZE, "--tags", "v.yaml"), 2, "axis", file("v.yaml", TAG + "  - {name: A, axis: color}\n")
    ),
    Case("vocabulary with a tag twice", (*ANALYZE, "--tags", "v.yaml"), 2, "Calm", file("v.yaml", GOOD + GOOD.rpartition("tags:\n")[2])),
    Case("vocabulary of bytes", (*ANALYZE, "--tags", "v.yaml"), 2, "v.yaml", file("v.yaml", bytes(range(256)))),
    Case(
        "vocabulary that is a bomb",
        (*ANALYZE, "--tags", "v.yaml"),
        2,
        "v.yaml",
        file("v.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
    ),
    Case("vocabulary of 3,000 tags", (*ANALYZE, "--tags", "many.yaml"), 0, prepare=lambda f, film: (FILM(f, film), many_tags(f, film))),
    # Settings
    Case("missing config", (*ANALYZE, "--config", "none.toml"), 2, "none.toml", FILM),
    Case("config that is no TOML", (*ANALYZE, "--config", "c.toml"), 2, "not TOML", file("c.toml", "profile = \n")),
    Case("config with an unknown key", (*ANALYZE, "--config", "c.toml"), 2, "did you mean 'profile'", file("c.toml", 'profil = "x"\n')),
    Case("config with a bad value", (*ANALYZE, "--config", "c.toml"), 2, "max_seconds", file("c.toml", "[segments]\nmax_seconds = -1\n")),
    Case("config of bytes", (*ANALYZE, "--config", "c.toml"), 2, "c.toml", file("c.toml", bytes(range(256)))),
    Case("unknown profile", (*ANALYZE, "--profile", "no-such"), 2, "no-such", FILM),
    Case("unknown setting", (*ANALYZE, "--set", "segments.max_second=3"), 2, "did you mean", FILM),
    Case("setting without a value", (*ANALYZE, "--set", "segments"), 2, "KEY=VALUE", FILM),
    Case(
        "unknown backend",
        (*ANALYZE, "--config", "c.toml", "--profile", "p"),
        2,
        "no backend",
        file("c.toml", ('[profiles.p]\ncaptioner = { backend = "oracle" }\nclassifier = { backend = "embedded" }\n')),
    ),
    Case("unknown option of a detector", (*ANALYZE, "--set", "shots.detector=content", "--set", "shots.options.nope=1"), 2, "nope", FILM),
    # The command line
    Case("unknown option", (*ANALYZE, "--taggs", "x"), 2, "did you mean --tags"),
    Case("unknown command", ("analize", "film.mp4"), 2, "did you mean analyze"),
    Case("no source", ("analyze",), 2, "SOURCE is missing"),
    Case("empty source", ("analyze", ""), 2, "SOURCE is missing"),
    Case("export without a file", (*ANALYZE, "--export", "json"), 2, "FORMAT:FILE", FILM),
    Case("unknown export format", (*ANALYZE, "--export", "docx:x"), 2, "docx", FILM),
    Case("export into a missing folder", (*ANALYZE, "--export", "json:none/x.json"), 2, "none/x.json", FILM),
    Case("export onto a folder", (*ANALYZE, "--export", "json:sub"), 2, "sub", lambda f, film: (FILM(f, film), (f / "sub").mkdir())),
    Case("log into a missing folder", (*ANALYZE, "--jsonl", "none/log"), 2, "none/log", FILM),
    Case("log onto a full disk", (*ANALYZE, "--jsonl", "/dev/full"), 2, "/dev/full.*space", FILM),
    Case("export onto a full disk", ("export", "precious", "--format", "json", "--output", "/dev/full"), 2, "/dev/full.*free some"),
    Case("unknown timeline", ("show", "tl_nowhere"), 2, "no timeline"),
    Case("unknown segment", ("correct", "precious", "s9999", "--tag", "Calm"), 2, "no segment"),
]


class _Refuses(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/page":
            body = b"<html><body>A page.</body></html>" * 100
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(int(self.path[1:]))

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refuses)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_video(path, SHOTS, size=SIZE)
    return path


@pytest.fixture(scope="module")
def good_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "store.db"
    with SqliteStore(path) as store:
        store.open_timeline(PRECIOUS, TimelineIdentity("precious"))
        store.append(PRECIOUS, make_payloads(20))
    return path


def kept(path: Path) -> list[str]:
    with SqliteStore(path) as store:
        return store.read_json(PRECIOUS)


def only_advice(text: str) -> bool:
    """Whether stderr is empty, or only says that nothing could be tagged."""
    return re.fullmatch(r"(0 of \d+ segments tagged: [^\n]+\n)?", text) is not None


def one_line(err: str) -> bool:
    return err.count("\n") == 1 and err.startswith("streamtags") and "Traceback" not in err and "internal error" not in err


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_reported_in_one_line_and_nothing_is_lost(
    case: Case, commands: Any, film: Path, good_store: Path, url: str, tmp_path: Path
) -> None:
    shutil.copy(good_store, tmp_path / "store.db")
    FILM(tmp_path, film)
    case.prepare(tmp_path, film)
    before = {path: path.read_bytes() for path in tmp_path.glob("store.db")}
    words = [word.replace("{url}", url) for word in case.words]
    takes_store = "--store" not in words and words[0] in ("analyze", "show", "export", "correct")
    at = words.index("--") if "--" in words else len(words)
    words[at:at] = ["--store", "sqlite:///store.db"] if takes_store else []
    ended = commands.run(*words, cwd=tmp_path, stdin=tmp_path / case.stdin if case.stdin else None, largest_file=case.largest_file)
    tmp_path.chmod(0o755)

    assert ended.status == case.status, ended.err
    assert "\x1b" not in ended.out + ended.err, "what a file is called must not drive the terminal"
    if case.status:
        assert one_line(ended.err), ended.err
        assert re.search(case.says, ended.err, re.IGNORECASE), ended.err
    else:
        assert only_advice(ended.err), ended.err
        assert "completed" in ended.out
    if "secret" in "".join(words):
        assert "secret" not in ended.err
    if any(part in case.name for part in ("damaged store", "another program", "newer version")):
        assert {path: path.read_bytes() for path in before} == before, "a store that is not ours to write was written"
    else:
        assert kept(tmp_path / "store.db") == kept(good_store)
    if case.status == 2 and "full disk" not in case.name:
        with SqliteStore(tmp_path / "store.db") as store:
            assert [summary.id for summary in store.timelines()] == [PRECIOUS], (
                "a mistake in the command must be reported before the analysis"
            )


def test_a_locked_store_is_reported(commands: Any, film: Path, good_store: Path, tmp_path: Path) -> None:
    shutil.copy(good_store, tmp_path / "store.db")
    connection = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        ended = commands.run("analyze", film, "--store", "sqlite:///store.db", cwd=tmp_path)
    finally:
        connection.execute("ROLLBACK")
        connection.close()
    assert (ended.status, one_line(ended.err)) == (4, True), ended.err
    assert "another process" in ended.err
    assert kept(tmp_path / "store.db") == kept(good_store)


def test_a_disk_that_fills_up_halfway_loses_nothing_and_the_run_resumes(commands: Any, film: Path, tmp_path: Path) -> None:
    words = ("analyze", film, "--store", "sqlite:///new.db")
    full = 0
    for largest in (60_000, 120_000, 180_000):
        ended = commands.run(*words, cwd=tmp_path, largest_file=largest)
        full += ended.status == 4
        assert ended.status in (0, 4), ended.err
        assert ended.status == 0 or one_line(ended.err), ended.err
    assert full, "the limits are too generous to test anything"
    assert commands.run(*words, cwd=tmp_path).status == 0
    with SqliteStore(tmp_path / "new.db") as store:
        state = store.state(store.find("last"))
    assert (state.state, {segment.status for segment in state.segments}) == ("completed", {"tagged"})


ODD = {
    "1833894.mp4": 3,
    "960x720_seg0.ts": 0,
    "Megamind_bugy.avi": 0,
    "delayed_start.mp4": 0,
    "gen_8k_5frames.mp4": 0,
    "gen_animated.webp": 3,
    "gen_audio_only.mp4": 0,
    "gen_interlaced_tff_mpeg2.ts": 0,
    "gen_one_frame.mp4": 0,
    "gen_pts_discontinuity.ts": 0,
    "gen_pts_wraparound.ts": 0,
    "gen_rotate90.mp4": 0,
    "gen_text_renamed.mp4": 3,
    "gen_tmcd_2997df.mov": 0,
    "gen_truncated_faststart.mp4": 0,
    "gen_truncated_nomoov.mp4": 3,
    "gen_two_audio_tracks.mkv": 0,
    "gen_vfr.mp4": 0,
    "gen_zero_bytes.mp4": 3,
    "gizmo-noaudio.mp4": 0,
    "gizmo_av1_10bit_420.webm": 0,
    "mma_demo_corrupt.mp4": 0,
    "newtonscradle.gif": 0,
    "resolution-change.webm": 0,
    "uneven_frame_durations.mp4": 0,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_that_others_have_met(name: str, commands: Any, shared_media: Path, tmp_path: Path) -> None:
    words = ("analyze", shared_media / "odd" / name, "--store", "sqlite:///s.db", "--set", "ingest.max_seconds=4")
    ended = commands.run(*words, cwd=tmp_path)
    assert ended.status == ODD[name], ended.err
    assert one_line(ended.err) if ended.status else only_advice(ended.err), ended.err
