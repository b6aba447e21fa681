"""Captioners that are loaded in Ray actors, each with its share of the GPUs, and called from the processes that analyze films."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

import ray

from streamtags.config.settings import Settings
from streamtags.core.errors import ModelError, StreamtagsError
from streamtags.core.model import Caption, CaptionRequest, Described
from streamtags.core.ports import Captioner, Describer
from streamtags.core.vocabulary import Vocabulary
from streamtags.run.backends import create_captioner

__all__ = ["CaptionerActors", "RayCaptioner", "RayDescriber"]

# Calls that run in one actor at once; a captioner takes them one after another, or in batches. Others wait in Ray's queue.
_CALLS_PER_ACTOR = 256

Answer = TypeVar("Answer")


class CaptionerActors:
    """Actors with a captioner each, and what `connect` needs to know of it. It can be sent to other processes.

    Args:
        settings: with a named profile.
        count: how many.
        gpus: GPUs of each; 0 for none, less than 1 if several share one.
    """

    def __init__(self, settings: Settings, count: int, gpus: float) -> None:
        # An actor that dies comes back, and loads its model again. Its calls are repeated by the lane of the stage, which has a limit.
        kind = ray.remote(_CaptionerActor).options(
            num_cpus=1, num_gpus=gpus, max_restarts=-1, max_task_retries=0, max_concurrency=_CALLS_PER_ACTOR
        )
        self._actors = [kind.remote(settings) for _ in range(count)]
        self._model, self._describes = "", False

    def wait(self) -> None:
        """Return when every actor has been started.

        Raises:
            ConfigError: the captioner of the profile cannot work where the actors run.
        """
        for opened in ray.get([actor.open.remote() for actor in self._actors]):
            if isinstance(opened, StreamtagsError):
                raise opened
            self._model, self._describes = opened

    def connect(self) -> RayCaptioner:
        """Return a captioner that calls the actors."""
        return (RayDescriber if self._describes else RayCaptioner)(self._model, self._actors)


class RayCaptioner:
    """A `Captioner` that calls actors, each time the one with the fewest of its calls.

    Args:
        model: of the captioner in the actors.
        actors: handles of `_CaptionerActor`.
    """

    def __init__(self, model: str, actors: Sequence[Any]) -> None:
        self.model = model
        self._actors = actors
        self._calls = [0] * len(actors)

    async def caption(self, request: CaptionRequest) -> Caption:
        """Caption one segment.

        Raises:
            ModelError: there is no caption, or the actor has ended.
        """
        return cast("Caption", await self._call("caption", _portable(request)))

    async def close(self) -> None:
        """Do nothing: the actors serve other processes too."""

    async def _call(self, method: str, request: CaptionRequest, *more: Any) -> Any:
        number = min(range(len(self._actors)), key=lambda one: (self._calls[one], random.random()))  # noqa: S311 - breaks ties
        self._calls[number] += 1
        answer = getattr(self._actors[number], method).remote(request, *more)
        try:
            result = await answer
        except asyncio.CancelledError:
            ray.cancel(answer)
            raise
        except ray.exceptions.RayActorError as error:
            restarts = isinstance(error, ray.exceptions.ActorUnavailableError)
            raise ModelError(
                "the process of the captioner ended; it is started again",
                where=request.measured.segment.id,
                hint="Ray's log says why; less GPU memory or smaller batches may help",
                code="model.unreachable" if restarts else "model.server_error",
                retryable=True,
            ) from error
        finally:
            self._calls[number] -= 1
        if isinstance(result, ModelError):
            raise result
        return result


class RayDescriber(RayCaptioner):
    """A `RayCaptioner` whose actors choose tags, too."""

    async def describe(self, request: CaptionRequest, vocabulary: Vocabulary) -> Described:
        """Caption and tag one segment.

        Raises:
            ModelError: there is no answer, or the actor has ended.
        """
        return cast("Described", await self._call("describe", _portable(request), vocabulary))


class _CaptionerActor:
    """One captioner in a process of its own. Errors are returned, because Ray would wrap one that is raised."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._captioner: Captioner | None = None

    async def open(self) -> tuple[str, bool] | StreamtagsError:
        """Make the captioner; return its model and whether it chooses tags."""
        try:
            captioner = self._made()
        except StreamtagsError as error:
            return error
        return captioner.model, isinstance(captioner, Describer)

    async def caption(self, request: CaptionRequest) -> Caption | StreamtagsError:
        """Caption one segment."""
        try:
            return await self._made().caption(request)
        except StreamtagsError as error:
            return error

    async def describe(self, request: CaptionRequest, vocabulary: Vocabulary) -> Described | StreamtagsError:
        """Caption and tag one segment."""
        try:
            return await cast("Describer", self._made()).describe(request, vocabulary)
        except StreamtagsError as error:
            return error

    def _made(self) -> Captioner:
        """The captioner; a process that was started again makes it at its first call."""
        if self._captioner is None:
            self._captioner = create_captioner(self._settings.choose_profile())
        return self._captioner


def _portable(request: CaptionRequest) -> CaptionRequest:
    """`request` without what no captioner uses."""
    measured = replace(request.measured, thumbnail=b"", waveform=b"", fingerprint=b"", sound=None)
    return replace(request, measured=measured)
