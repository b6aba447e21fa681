"""`streamtags model`: fetch and serve a captioning model; see what a captioner sees."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
import sys
from typing import TYPE_CHECKING, Any

from streamtags.cli import model_check, model_pull
from streamtags.cli.common import INTERRUPTED, add_common, settings_of
from streamtags.cli.parser import Parser
from streamtags.core.errors import UsageError

if TYPE_CHECKING:
    from streamtags.stages.caption.models import ModelConfig
    from streamtags.stages.caption.serving import VllmServer

__all__ = ["add_arguments", "run"]


class _Serve(Parser):
    """Separates the words after `--`, which argparse would give to MODEL."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, and add the words after `--` as `flags`."""
        words = list(args or ())
        cut = words.index("--") if "--" in words else len(words)
        parsed, unknown = super().parse_known_args(words[:cut], namespace)
        parsed.flags = words[cut + 1 :]
        return parsed, unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=_Serve)
    serve = actions.add_parser(
        "serve",
        help="start vllm serve with the right flags, and restart it when it dies",
        description="Start vllm serve with the right flags for model and GPU, stream its log, restart it when it dies. "
        "Words after -- are passed to vllm serve.",
        allow_abbrev=False,
    )
    serve.add_argument(
        "model", metavar="MODEL", nargs="?", help="a shipped model, or a .toml file (default: the model of the profile vllm)"
    )
    serve.add_argument("--host", metavar="H", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine alone)")
    serve.add_argument("--port", metavar="N", type=int, default=8000, help="port to listen on (default: 8000)")
    serve.add_argument("--vllm", metavar="PATH", help="the vllm executable (default: $STREAMTAGS_VLLM, beside this Python, or on PATH)")
    serve.add_argument("--print", action="store_true", help="print the command instead of running it")
    add_common(serve)
    serve.set_defaults(_module="model")
    pull = actions.add_parser(
        "pull",
        help="download the weights of a model once, with their digests checked",
        description="Print size and license of a model, download its weights into the cache, and check their digests. An interrupted "
        "download goes on where it stopped. HF_ENDPOINT names another hub than huggingface.co.",
        allow_abbrev=False,
    )
    model_pull.add_arguments(pull)
    pull.set_defaults(_module="model_pull")
    check = actions.add_parser(
        "check",
        help="show a captioner clips with a known answer and print what it gets right",
        description="Show a captioner clips with a known answer, print what it gets right, and keep the result for doctor and analyze. "
        "Exit status 5 if it fails basic checks.",
        allow_abbrev=False,
    )
    model_check.add_arguments(check)
    check.set_defaults(_module="model_check")


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        ConfigError: no such model, no vllm, or GPUs too small for the model.
        BackendError: the server cannot be started, or dies repeatedly.
    """
    from streamtags.stages.caption.models import load_model_config
    from streamtags.stages.caption.serving import find_gpus, find_vllm, serve_command, serve_environment

    if not 1 <= args.port <= 65535:
        raise UsageError("a port must be in 1..65535", where=f"--port {args.port}")
    config = load_model_config(args.model or _usual(args))
    gpus = asyncio.run(find_gpus())
    vllm = "vllm" if args.print and not args.vllm else find_vllm(args.vllm)
    command = [*serve_command(config, gpus, args.port, host=args.host, vllm=vllm), *args.flags]
    environment = serve_environment(config, gpus)
    if args.print:
        print(" ".join([*(f"{name}={shlex.quote(value)}" for name, value in environment.items()), shlex.join(command)]))
        return 0
    return asyncio.run(_serve(config, command, environment, args.host, args.port))


def _usual(args: argparse.Namespace) -> str:
    """The configured model of the profile vllm."""
    captioner = settings_of(args, profile="vllm").choose_profile().captioner
    name = captioner.options.get("preset")
    if not isinstance(name, str):
        raise UsageError("MODEL is missing", where="streamtags model serve", hint="the profile vllm names no preset")
    return name


async def _serve(config: ModelConfig, command: list[str], environment: dict[str, str], host: str, port: int) -> int:
    from streamtags.stages.caption.serving import VllmServer

    def show(line: str) -> None:
        print("".join(char if char.isprintable() else " " for char in line), file=sys.stderr, flush=True)

    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    show(f"streamtags: {config.title}; license: {config.license}")
    show(f"streamtags: {shlex.join(command)}")
    server = VllmServer(command, host, port, environment=environment, on_line=show)
    serving = asyncio.create_task(_watched(server))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        serving.cancel()
        await asyncio.wait({serving})
        await server.stop()
    if not serving.cancelled() and (error := serving.exception()) is not None:
        raise error
    return INTERRUPTED


async def _watched(server: VllmServer) -> None:
    await server.start()
    print(f"ready at {server.base_url}: `streamtags analyze film.mp4 --profile vllm`", flush=True)
    await server.watch()
