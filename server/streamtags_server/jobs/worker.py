"""One analysis in a process of its own, so that a decoder that crashes or takes memory harms no other analysis.

Reads one line of JSON from standard input, a `Task`. Writes a line of JSON to standard output whenever events are durable, and one at the
end that says how it went. When standard input ends, the server has: the analysis stops where it is, to be resumed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from streamtags.config.settings import Settings
from streamtags.core.errors import SourceRefused, StoreError, StreamtagsError
from streamtags.core.events import Event, SegmentFailed, TimelineOpened, TimelineProgress
from streamtags.process import ignore_proxy_exceptions, limit_opencv_threads
from streamtags.run.analyze import run_analysis
from streamtags.run.budget import Budget
from streamtags.run.estimate import Estimate, estimate
from streamtags.run.stop import Stop
from streamtags.run.traces import remote_parent, traced
from streamtags.sources.file.access import Access
from streamtags.sources.file.proxy import CheckingProxy
from streamtags.store.opening import open_store
from streamtags_server.jobs.counting import counts_of
from streamtags_server.jobs.task import Task
from streamtags_server.logs import configure_logging

__all__ = ["main"]

# The worker of a server that was killed needs a moment to notice, and keeps its claim until then.
_CLAIM_TRIES, _CLAIM_SECONDS = 20, 0.5
# A database server that is restarted is a pause for an analysis.
_STORE_SECONDS = 180.0
# Interval of the memory check; a decoder needs longer to fill a gigabyte.
_MEMORY_SECONDS = 0.1
# Address space that threads and allocators reserve and never use.
_RESERVED_BYTES = 1 << 30


_log = logging.getLogger(__name__)


def main() -> int:
    """Run the task on standard input; return 0 if it succeeded."""
    task = Task.model_validate_json(sys.stdin.readline())
    configure_logging(Settings(**task.settings).server.log, timeline=task.timeline)
    limit_opencv_threads()
    threading.Thread(target=_end_with_server, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not task.allow_private:
        ignore_proxy_exceptions()
    if task.memory_bytes and sys.platform == "linux":  # other systems do not report what a process uses
        # The watch reports why it ends an analysis; an allocation too large and too fast for the watch is refused by the system.
        resource.setrlimit(resource.RLIMIT_DATA, (2 * task.memory_bytes + _RESERVED_BYTES,) * 2)
        threading.Thread(target=_watch_memory, args=(task.memory_bytes,), daemon=True).start()
    with traced("streamtags-worker"), remote_parent(task.traceparent):
        return _report(task)


def _report(task: Task) -> int:
    try:
        asyncio.run(_quote(task) if task.quote else _run(task))
    except StreamtagsError as error:
        _say({"error": {"code": error.code, "message": str(error)}})
        return 1
    except MemoryError:
        _say(_too_much(task.memory_bytes))
        return 1
    _say({"done": True})
    return 0


def _end_with_server() -> None:
    sys.stdin.read()
    os._exit(1)


def _watch_memory(limit: int) -> None:
    """End the process when it uses more than `limit` bytes, before the system has to choose a process to kill."""
    page = resource.getpagesize()
    while int(Path("/proc/self/statm").read_text().split()[1]) * page <= limit:  # the second number is the resident size: proc(5)
        time.sleep(_MEMORY_SECONDS)
    _say(_too_much(limit))
    os._exit(1)


def _too_much(limit: int) -> dict[str, Any]:
    message = f"the analysis needs more than {limit / 2**20:,.0f} MiB of memory; if its source is to be trusted, raise server.memory_bytes"
    return {"error": {"code": "limit.memory", "message": message}}


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def _run(task: Task) -> None:
    stop = Stop()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings(**task.settings)
    live = False

    def publish(events: Sequence[Event]) -> None:
        nonlocal live
        if events:
            _say({"seq": events[-1].seq, "counts": counts_of(events)})
        for event in events:
            if isinstance(event.data, SegmentFailed):
                failed = event.data
                text = "stage %s of segment %s failed: %s"
                _log.warning(text, failed.stage, failed.segment, failed.error.message, extra={"segment": failed.segment})
            live = event.data.source.live if isinstance(event.data, TimelineOpened) else live
            if _seconds(event) > task.max_seconds:
                if not live:
                    raise _too_long(task)
                stop.set()  # as after SIGTERM: what was recorded is kept

    with ExitStack() as stack:
        store = stack.enter_context(open_store(task.store, retry_seconds=_STORE_SECONDS))
        access = _access(task, stack)
        budget = Budget(settings.budget, stop)
        counted = budget.counting(settings.choose_profile(), publish)
        for _ in range(_CLAIM_TRIES):
            try:
                outcome = await run_analysis(task.uri, settings, store, publish=counted, stop=stop, access=access, timeline=task.timeline)
                break
            except StoreError as error:
                if error.code != "store.claimed" or stop.is_set():
                    raise
                refused = error
                await asyncio.sleep(_CLAIM_SECONDS)
        else:
            raise refused
    if budget.used_up and outcome.state == "cancelled":
        _log.warning("%s stopped: %s", outcome.id, budget.what_is_left(outcome))
    if outcome.id != task.timeline:
        raise SourceRefused("has changed since the request", where=task.uri, hint="request it again", code="source.changed")


async def _quote(task: Task) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(open_store(task.store))
        settings = Settings(**task.settings)
        most = min(settings.ingest.max_seconds or task.max_seconds, task.max_seconds)
        settings = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"max_seconds": most})})
        _say(
            {
                "quote": TypeAdapter(Estimate).dump_python(
                    await estimate(task.uri, settings, store, access=_access(task, stack)), mode="json"
                )
            }
        )


def _access(task: Task, stack: ExitStack) -> Access:
    proxy = None if task.allow_private else stack.enter_context(CheckingProxy()).url
    return Access(schemes=task.schemes, allow_private=task.allow_private, roots=task.roots, proxy=proxy)


def _seconds(event: Event) -> float:
    """Return the length of the source in seconds, as far as `event` states it."""
    match event.data:
        case TimelineOpened(source=source):
            return source.video.duration or 0.0
        case TimelineProgress(decoded_seconds=seconds):
            return seconds
        case _:
            return 0.0


def _too_long(task: Task) -> SourceRefused:
    what = f"is longer than {task.max_seconds:g} s, the limit here"
    return SourceRefused(what, where=task.uri, hint="cut it, or raise server.max_seconds", code="limit.duration")


if __name__ == "__main__":
    sys.exit(main())
