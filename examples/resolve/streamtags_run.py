"""Runs an update, or follows, for both scripts, and reports errors in one line."""

import socket
from typing import Any, Callable, Optional

from streamtags_resolve import ResolveError, follow, open_target, remove_all, update
from streamtags_settings import Configuration, SettingsError
from streamtags_source import SourceError

__all__ = ["run"]

_LOCK_PORT = 8711


def run(
    resolve: Any, make: Callable[[], Configuration], removes: bool = False, lock_port: int = _LOCK_PORT, say: Callable[[str], None] = print
) -> int:
    """Do what the configuration says; return the exit status.

    Args:
        resolve: Resolve's scripting object; None if it could not be had.
        make: returns the configuration.
        removes: remove all markers of streamtags instead.
        lock_port: local port that a running script occupies, so that there is one at a time.
        say: prints a line.
    """
    lock: Optional[socket.socket] = None
    try:
        lock = socket.socket()
        lock.bind(("127.0.0.1", lock_port))
        _run(resolve, make(), removes, say)
        return 0
    except OSError as error:
        say("streamtags: another script of streamtags may be running: {}".format(error))
    except (ResolveError, SettingsError, SourceError) as error:
        say("streamtags: {}".format(error))
    except KeyboardInterrupt:
        say("streamtags: stopped")
    finally:
        if lock is not None:
            lock.close()
    return 1


def _run(resolve: Any, config: Configuration, removes: bool, say: Callable[[str], None]) -> None:
    if resolve is None:
        raise ResolveError(
            "Resolve cannot be reached. Start it, and allow external scripting in Preferences, System, General (Studio only)."
        )
    if config.follows and not removes:
        follow(resolve, config.source, config.settings, config.memory_file, config.until_ended, say=say)
        return
    state = config.source.state()
    config.source.timeline = state["id"]
    target = open_target(resolve, config.settings, state)
    if removes:
        say("{} markers of streamtags removed from {}".format(remove_all(target), target.name))
    else:
        say("{}: {}".format(target.name, update(target, config.source, state, config.settings, config.memory_file, say)))
