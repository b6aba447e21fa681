"""A captioner and a classifier that answer from a script and record their calls."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import Field

from streamtags.config.options import Options
from streamtags.core.errors import ModelError
from streamtags.core.model import Caption, CaptionRequest, ClassifyRequest, TagSet, tag_scores
from streamtags.core.vocabulary import Vocabulary
from streamtags.stages.backend import BackendSpec

__all__ = [
    "CaptionAnswer",
    "ScriptedCaptioner",
    "ScriptedClassifier",
    "TagAnswer",
    "create_captioner",
    "create_classifier",
    "read_calls",
]

# Interval at which a suspended call checks whether it may continue. Polling works across threads and event loops.
_POLL_SECONDS = 0.002

Key: TypeAlias = int | str
CaptionAnswer: TypeAlias = str | Exception
TagAnswer: TypeAlias = Mapping[str, float] | Sequence[tuple[str, float]] | TagSet | Exception
Request = TypeVar("Request", CaptionRequest, ClassifyRequest)


def _number(segment: str) -> int:
    """Return the number at the end of a segment's id; a checksum of the id if there is none."""
    match = re.search(r"\d+$", segment)
    return int(match[0]) if match else zlib.crc32(segment.encode())


class _Scripted(Generic[Request]):
    """The common part: delays, failures, suspension, and a record of every call.

    Attributes:
        calls: every request, in the order of arrival, including failed ones.
        running: number of calls without an answer yet.
        peak: the largest number of calls that ran at once.
        closed: `close` was called.
    """

    _stage = ""

    def __init__(self, *, delay: float, fail: Collection[Key] | Mapping[Key, int], model: str, log: Path | None) -> None:
        self.model = model
        self.calls: list[Request] = []
        self.running = 0
        self.peak = 0
        self.closed = False
        self._delay = delay
        self._failures: dict[Key, int | None] = dict(fail) if isinstance(fail, Mapping) else dict.fromkeys(fail)
        self._log = log
        self._suspended: set[str] | None = set()  # None suspends every call
        self._lock = threading.Lock()

    def hold(self, *segments: str) -> None:
        """Suspend calls for these segment ids, or all calls if none is given, until `release`."""
        self._suspended = (self._suspended or set()) | set(segments) if segments else None

    def release(self) -> None:
        """Continue every suspended call, and suspend no further one."""
        self._suspended = set()

    async def reached(self, calls: int) -> None:
        """Wait until this many calls have arrived. Use it with a timeout."""
        while len(self.calls) < calls:  # noqa: ASYNC110 - calls may come from another thread's loop, so no asyncio.Event
            await asyncio.sleep(_POLL_SECONDS)

    async def close(self) -> None:
        """Set `closed`."""
        self.closed = True

    @asynccontextmanager
    async def _call(self, request: Request, segment: str) -> AsyncIterator[None]:
        with self._lock:
            self.calls.append(request)
            self.running += 1
            self.peak = max(self.peak, self.running)
            failure = self._failure(segment)
        if self._log is not None:
            _append(self._log, {"stage": self._stage, "segment": segment, "pid": os.getpid()})
        try:
            while self._suspended is None or segment in self._suspended:  # noqa: ASYNC110 - released from any thread
                await asyncio.sleep(_POLL_SECONDS)
            if self._delay:
                await asyncio.sleep(self._delay)
            if failure is not None:
                raise failure
            yield
        finally:
            with self._lock:
                self.running -= 1

    def _failure(self, segment: str) -> ModelError | None:
        for key in (segment, _number(segment)):
            if key not in self._failures:
                continue
            left = self._failures[key]
            if left is None:
                return ModelError("the script says no", where=segment, code="model.scripted")
            if left > 0:
                self._failures[key] = left - 1
                return ModelError("the script says not yet", where=segment, code="model.scripted", retryable=True)
        return None


class ScriptedCaptioner(_Scripted[CaptionRequest]):
    """A `Captioner` for tests: answers from a script and records its calls.

    Args:
        script: the captions. A mapping is looked up by segment index or id, a list by index (modulo its length), and a callable gets the
            request. An exception is raised instead of returned. A segment without an entry gets a caption that contains its id.
        delay: seconds each call takes.
        fail: segment indexes or ids that always fail; or a mapping from them to the number of retryable failures before success.
        model: its name.
        log: a file to which each call appends a line before it is answered, so that `read_calls` also counts the calls of killed
            processes.

    Attributes:
        calls: every `CaptionRequest`, in the order of arrival, including failed ones.
        running: number of calls without an answer yet.
        peak: the largest number of calls that ran at once.
        closed: `close` was called.
    """

    _stage = "caption"

    def __init__(
        self,
        script: Mapping[Key, CaptionAnswer] | Sequence[CaptionAnswer] | Callable[[CaptionRequest], CaptionAnswer] | None = None,
        *,
        delay: float = 0.0,
        fail: Collection[Key] | Mapping[Key, int] = (),
        model: str = "scripted",
        log: Path | None = None,
    ) -> None:
        super().__init__(delay=delay, fail=fail, model=model, log=log)
        self._script = script

    async def caption(self, request: CaptionRequest) -> Caption:
        """Return the script's answer for the segment.

        Raises:
            ModelError: the segment is one of `fail`.
            Exception: the script has an exception for it.
        """
        segment = request.measured.segment
        async with self._call(request, segment.id):
            if callable(self._script):
                answer: CaptionAnswer | None = self._script(request)
            else:
                answer = _looked_up(self._script, segment.id, segment.index)
            if isinstance(answer, Exception):
                raise answer
            text = f"Scripted caption of {segment.id}." if answer is None else answer
            return Caption(text=text, model=self.model, frames=tuple(still.pts for still in request.measured.stills))


class ScriptedClassifier(_Scripted[ClassifyRequest]):
    """A `Classifier` for tests: answers from a script and records its calls.

    Args:
        script: the tags, as a mapping from tag to confidence, (tag, confidence) pairs, a `TagSet` or an exception to raise. A mapping or a
            list is looked up by the number at the end of the segment's id (a mapping by the id as well, a list modulo its length), and
            a callable gets the request and the vocabulary. A segment without an entry gets `tags_per_segment` neighboring tags of the
            vocabulary, starting at the segment's number.
        delay: seconds each call takes.
        fail: segment numbers or ids that always fail; or a mapping from them to the number of retryable failures before success.
        tags_per_segment: number of tags of a segment without an entry.
        model: its name.
        log: a file to which each call appends a line before it is answered (`read_calls`).

    Attributes:
        calls: every `ClassifyRequest`, in the order of arrival, including failed ones.
        running: number of calls without an answer yet.
        peak: the largest number of calls that ran at once.
        closed: `close` was called.
    """

    _stage = "tag"

    def __init__(
        self,
        script: Mapping[Key, TagAnswer] | Sequence[TagAnswer] | Callable[[ClassifyRequest, Vocabulary], TagAnswer] | None = None,
        *,
        delay: float = 0.0,
        fail: Collection[Key] | Mapping[Key, int] = (),
        tags_per_segment: int = 2,
        model: str = "scripted",
        log: Path | None = None,
    ) -> None:
        super().__init__(delay=delay, fail=fail, model=model, log=log)
        self._script = script
        self._tags_per_segment = tags_per_segment

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        """Return the script's answer for the segment.

        Raises:
            ModelError: the segment is one of `fail`.
            Exception: the script has an exception for it.
        """
        async with self._call(request, request.segment):
            if callable(self._script):
                answer: TagAnswer | None = self._script(request, vocabulary)
            else:
                answer = _looked_up(self._script, request.segment, _number(request.segment))
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, TagSet):
                return answer
            if answer is None:
                answer = self._in_turn(_number(request.segment), vocabulary)
            pairs = list(answer.items()) if isinstance(answer, Mapping) else list(answer)
            return TagSet(tags=tag_scores(pairs), model=self.model, reasoning="as scripted")

    def _in_turn(self, number: int, vocabulary: Vocabulary) -> list[tuple[str, float]]:
        tags = vocabulary.tags
        many = min(self._tags_per_segment, len(tags))
        return [(tags[(number + step) % len(tags)].name, 0.9 / (step + 1)) for step in range(many)]


Answer = TypeVar("Answer")


def _looked_up(script: Mapping[Key, Answer] | Sequence[Answer] | None, segment: str, number: int) -> Answer | None:
    if not script:
        return None
    if isinstance(script, Mapping):
        return script.get(segment, script.get(number))
    return script[number % len(script)]


class _Options(Options):
    """The options of `backend = "scripted"` in a config file."""

    model: str = Field("scripted", description="its name")
    log: Path | None = Field(None, description="file to which each call appends a line")
    delay_seconds: float = Field(0.0, ge=0, description="how long each call takes, in seconds")
    fail_segments: tuple[int | str, ...] = Field((), description="segment numbers or ids that fail")
    fail_times: int | None = Field(None, ge=1, description="how often they fail before they succeed, in one process; none fails for good")

    @property
    def fail(self) -> Collection[Key] | Mapping[Key, int]:
        return self.fail_segments if self.fail_times is None else dict.fromkeys(self.fail_segments, self.fail_times)


class _CaptionerOptions(_Options):
    captions: tuple[str, ...] = Field((), description="captions, given out in turn; none makes one of the segment's id")


class _ClassifierOptions(_Options):
    tags_per_segment: int = Field(2, ge=0, description="tags each segment gets, in turn from the vocabulary")


def create_captioner(options: Mapping[str, Any]) -> ScriptedCaptioner:
    """Return the captioner of `backend = "scripted"` in a profile, for tests of whole processes.

    Args:
        options: `captions` (list, given out in turn), `delay_seconds`, `fail_segments` (numbers or ids), `fail_times`, `log` (a file to
            which each call appends a line), `model`.

    Raises:
        ConfigError: an option is unknown or has a wrong value.
    """
    captioner: ScriptedCaptioner = CAPTIONER_SPEC.build(options)
    return captioner


def create_classifier(options: Mapping[str, Any]) -> ScriptedClassifier:
    """Return the classifier of `backend = "scripted"` in a profile, for tests of whole processes.

    Args:
        options: `tags_per_segment`, `delay_seconds`, `fail_segments` (numbers or ids), `fail_times`, `log` (a file to which each call
            appends a line), `model`.

    Raises:
        ConfigError: an option is unknown or has a wrong value.
    """
    classifier: ScriptedClassifier = CLASSIFIER_SPEC.build(options)
    return classifier


def _captioner(options: _CaptionerOptions) -> ScriptedCaptioner:
    return ScriptedCaptioner(options.captions, delay=options.delay_seconds, fail=options.fail, model=options.model, log=options.log)


def _classifier(options: _ClassifierOptions) -> ScriptedClassifier:
    return ScriptedClassifier(
        delay=options.delay_seconds,
        fail=options.fail,
        tags_per_segment=options.tags_per_segment,
        model=options.model,
        log=options.log,
    )


CAPTIONER_SPEC = BackendSpec(name="scripted", kind="captioner", options=_CaptionerOptions, create=_captioner)
CLASSIFIER_SPEC = BackendSpec(name="scripted", kind="classifier", options=_ClassifierOptions, create=_classifier)


def _append(path: Path, call: Mapping[str, object]) -> None:
    # One write to a file opened for appending keeps lines whole, even if other processes write or this one is killed.
    with path.open("ab", buffering=0) as file:
        file.write(json.dumps(call).encode() + b"\n")


def read_calls(path: Path) -> list[dict[str, Any]]:
    """Return the calls in a `log`, the oldest first: `stage` (`caption` or `tag`), `segment` and `pid`. A missing file has none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
