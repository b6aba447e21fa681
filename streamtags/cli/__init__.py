"""The command line: one file a command, each imported when it is used."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence

from streamtags.cli.common import INTERRUPTED, silence_output
from streamtags.cli.parser import build_parser, command_of, with_long_commands
from streamtags.core.errors import StreamtagsError
from streamtags.process import tune_process

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0 done; 2 usage or bad config; 3 source cannot be read; 4 a backend cannot be reached or refuses; 5 finished, but some segments
    failed; 130 interrupted; 1 a fault of streamtags itself.
    """
    tune_process()
    arguments = with_long_commands(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        parser = build_parser(arguments)
        parser.given = arguments
        args = parser.parse_args(arguments or ["-h"])
        status = command_of(args)(args)
        sys.stdout.flush()
    except SystemExit as leaving:  # argparse: -h and usage errors
        return leaving.code if isinstance(leaving.code, int) else 2
    except KeyboardInterrupt:
        return _print_error("interrupted", INTERRUPTED, debug=debug)
    except StreamtagsError as error:
        return _print_error(str(error), error.exit_status, debug=debug)
    except BrokenPipeError:
        # The reader of the output has exited (`| head`); no output can reach it.
        silence_output()
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost handler: print one line, not a traceback
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            silence_output()
            return _print_error("no space left for the output; free some and run the same command again", 2, debug=debug)
        return _print_error(
            f"internal error: {type(error).__name__}: {error}; run it again with --debug and report what it prints", 1, debug=debug
        )
    return status


def _print_error(message: str, status: int, *, debug: bool) -> int:
    """Print one line to stderr, with a traceback if `debug`, and return `status`."""
    if debug:
        traceback.print_exc()
    # A file name must not control the terminal.
    shown = "".join(char if char.isprintable() else " " for char in message)
    print(f"streamtags: {' '.join(shown.split())}", file=sys.stderr)
    return status
