"""Analyses of many films in one process that keeps its models loaded; how a film ended is a value that can leave the process."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from streamtags.config.settings import Settings
from streamtags.core.errors import StoreError, StreamtagsError
from streamtags.core.ports import Captioner
from streamtags.core.stores import Store
from streamtags.process import collect_finished_analysis
from streamtags.run.analyze import run_analysis
from streamtags.run.backends import open_tools
from streamtags.stages.tools import Tools
from streamtags.store.opening import open_store

__all__ = ["FilmAnalyzer", "FilmResult"]

_log = logging.getLogger(__name__)

_CLAIM_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FilmResult:
    """How the analysis of one film ended: with a timeline of the store, or with an error.

    An error of the class `StreamtagsError` itself is a fault of streamtags that this film brought out; others may still succeed.
    """

    source: str
    timeline: str = ""
    error: StreamtagsError | None = None


class FilmAnalyzer:
    """Analyzes films one after another. Store, models and vocabulary are opened with the first film and stay open until `close`.

    Use it from one thread, outside an event loop.

    Args:
        settings: with a store and a named profile.
        captioner: used instead of the one that the profile names; it is closed with the others.
        claim_wait_seconds: how long to wait for another process that analyzes the same film, or has died on another machine.
    """

    def __init__(self, settings: Settings, captioner: Captioner | None = None, *, claim_wait_seconds: float = 0.0) -> None:
        self._settings = settings
        self._captioner = captioner
        self._claim_wait_seconds = claim_wait_seconds
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._opened: tuple[Store, Tools] | None = None

    def analyze(self, source: str) -> FilmResult:
        """Analyze one film: resume it where an earlier analysis stopped, replay it if it is finished. Raises no error of a film."""
        try:
            return FilmResult(source, timeline=self._runner.run(self._analyze(source)))
        except StreamtagsError as error:
            return FilmResult(source, error=error)
        except Exception as error:  # noqa: BLE001 - a fault that one film brings out must not end the others
            _log.exception("%s: internal error", source)
            what = f"internal error: {type(error).__name__}: {error}"
            hint = "analyze this film alone with --debug and report what it prints"
            return FilmResult(source, error=StreamtagsError(what, where=source, hint=hint, code="internal"))
        finally:
            collect_finished_analysis()

    def close(self) -> None:
        """Release the models and the store."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _analyze(self, source: str) -> str:
        if self._opened is None:
            tools = await self._stack.enter_async_context(open_tools(self._settings, captioner=self._captioner))
            self._opened = self._stack.enter_context(open_store(self._settings.store)), tools
        store, tools = self._opened
        deadline = time.monotonic() + self._claim_wait_seconds
        while True:
            try:
                return (await run_analysis(source, self._settings, store, tools=tools)).id
            except StoreError as error:
                if error.code != "store.claimed" or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_CLAIM_POLL_SECONDS)
