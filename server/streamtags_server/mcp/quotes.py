"""What an analysis or a retag would cost: the answer to a first call that has not been confirmed.

A source is read for its shots by a worker process, as in an analysis: decoding it here would let a damaged file harm the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from pydantic import TypeAdapter

from streamtags.config.settings import Settings
from streamtags.core.errors import SourceError, UsageError
from streamtags.operations.params import Analyze, Params, Retag
from streamtags.operations.services import Services
from streamtags.run.backends import captioner_spec, classifier_spec
from streamtags.run.choice import choose_for_retag, choose_profile
from streamtags.run.estimate import Estimate, StageEstimate, estimate_retag
from streamtags_server.jobs.task import Task

__all__ = ["CONFIRMED", "QUOTED", "quote"]

QUOTED = frozenset({"analyze", "retag"})
"""The tools whose work may cost money at a model server."""

CONFIRMED: dict[str, Any] = {
    "confirmed": {
        "type": "boolean",
        "default": False,
        "description": "start even if a model counts tokens; without it, such work is quoted first and not started",
    }
}
"""JSON schema of the argument that starts such work."""

_QUOTE_SECONDS = 600.0


async def quote(services: Services, params: Params) -> dict[str, Any] | None:
    """Return what the work would cost, or None if no model counts tokens.

    Raises:
        StreamtagsError: the request is one that the tool itself would refuse.
    """
    match params:
        case Analyze():
            given = _settings(services, params.profile, services.vocabularies.choose(params.tags))
            uri = await services.threads.lookups(lambda: services.sources.allowed(params.uri))
            chosen = await choose_profile(given, store=services.store, uri=uri, access=services.sources.access, fresh=params.fresh)
            settings = chosen.settings
            profile = settings.choose_profile()
            if captioner_spec(profile).estimate_usage is None and classifier_spec(profile).estimate_usage is None:
                return None
            return _described(await _estimate(services, uri, settings), settings.profile)
        case Retag():
            given = _settings(services, params.profile, services.vocabularies.choose(params.tags))
            timeline = await services.readers.resolve(params.id)
            settings = choose_for_retag(given, await services.threads.reading(lambda: services.store.state(timeline)))
            if classifier_spec(settings.choose_profile()).estimate_usage is None:
                return None
            return _described(await estimate_retag(timeline, settings, services.store), settings.profile)
        case _:
            return None


def _settings(services: Services, profile: str | None, tags: str) -> Settings:
    return services.settings.model_copy(update={"profile": profile or services.settings.profile, "tags": tags})


async def _estimate(services: Services, uri: str, settings: Settings) -> Estimate:
    """Return the estimate that a worker process makes.

    Raises:
        UsageError: the source can be read only once, or is live.
        SourceError: it cannot be read, or took too long.
    """
    access, limits = services.sources.access, settings.server
    task = Task(
        uri=uri,
        timeline="",
        settings=settings.model_dump(mode="json"),
        store=services.store.url,
        schemes=access.schemes,
        allow_private=access.allow_private,
        roots=access.roots,
        max_seconds=limits.max_seconds,
        memory_bytes=limits.memory_bytes,
        quote=True,
    )
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "streamtags_server.jobs.worker")
    worker = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True)
    if worker.stdin is None or worker.stdout is None:
        raise AssertionError("the child was started with pipes")
    try:
        worker.stdin.write(task.model_dump_json().encode() + b"\n")
        async with asyncio.timeout(_QUOTE_SECONDS):
            report = json.loads(await worker.stdout.readline() or b"{}")
    except TimeoutError as error:
        raise SourceError(f"could not be read for its shots within {_QUOTE_SECONDS:g} s", where=uri, code="limit.wall") from error
    finally:
        worker.stdin.close()
        if worker.returncode is None:
            worker.kill()
        await worker.wait()
    if (refused := report.get("error")) is not None:
        raise UsageError(refused["message"], where="quote", hint="call again with confirmed to start without a quote")
    if "quote" not in report:
        raise SourceError("the process that reads it for its shots died", where=uri, code="worker.crashed")
    return TypeAdapter(Estimate).validate_python(report["quote"])


def _described(estimate: Estimate, profile: str) -> dict[str, Any]:
    """Return a quote as the assistant gets it."""
    return {
        "started": False,
        "profile": profile,
        "segments": estimate.segments,
        "shots": estimate.shots,
        "source_seconds": round(estimate.seconds, 1),
        "stages": [_stage(estimate, stage) for stage in estimate.stages if stage.usage is not None],
        "cost": {currency: round(amount, 4) for currency, amount in estimate.cost.items()} or None,
        "wall_seconds": None if estimate.wall_seconds is None else round(estimate.wall_seconds),
        "next": "Nothing was started. Show the person what it would take, and call the tool again with confirmed: true if they agree.",
    }


def _stage(estimate: Estimate, stage: StageEstimate) -> dict[str, Any]:
    usage = stage.usage.model_dump() if stage.usage is not None else {}
    basis = f"mean of {stage.seen} earlier answers" if stage.seen else "rule of thumb with the longest answers"
    return {"stage": stage.stage, **{name: count * estimate.segments for name, count in usage.items()}, "basis": basis}
