"""Show a captioner clips with a known answer, and keep the result: `doctor` and `analyze` use the last one."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import platformdirs
from pydantic import ValidationError

from streamtags.config.settings import Settings
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.files import write_atomically
from streamtags.core.model import Caption, CaptionRequest, Measured, Segment
from streamtags.core.ports import Captioner, Readiness
from streamtags.core.timebase import Clock
from streamtags.evaluation.captioner_check import CaptionerCheck, ClipResult, judge, verdicts_of
from streamtags.evaluation.check_clips import CHECK_CLIPS, CheckClip
from streamtags.evaluation.drawing import PictureStill
from streamtags.run.backends import captioner_spec, create_captioner
from streamtags.run.lanes import Lane
from streamtags.stages.answers import answer_of
from streamtags.stages.cleaning import Reply, description_of
from streamtags.stages.stage import LaneLimits

__all__ = ["check_captioner", "last_check", "model_of"]

_DEADLINE_SECONDS = 180.0
_CLOCK = Clock(Fraction(1, 1000), Fraction(24))


async def check_captioner(settings: Settings, *, progress: Callable[[ClipResult], None] = lambda _: None) -> CaptionerCheck:
    """Show all clips to the captioner of a profile, report what it gets right, and keep the report.

    Args:
        settings: with a profile that is named.
        progress: called with each result.

    Raises:
        ConfigError: the captioner shows nothing to a model, or cannot be created.
        ModelError: its server cannot be reached or refuses, before the first clip.
    """
    profile = settings.choose_profile()
    if not captioner_spec(profile).needs_frames:
        hint = "name one that does: --profile vllm, ollama, lmstudio, llamacpp, openai"
        raise ConfigError("its captioner uses no pictures", where=f"profile {settings.profile}", hint=hint)
    captioner = create_captioner(profile)
    try:
        if isinstance(captioner, Readiness):
            await captioner.ready()
        # A server that dies is waited for as long as a model takes to load, and not as long as a film would be.
        deadline = min(profile.deadline_seconds, _DEADLINE_SECONDS)
        lane = Lane("caption", LaneLimits(concurrency=profile.concurrency, retries=profile.retries, deadline_seconds=deadline))

        async def one(clip: CheckClip) -> ClipResult:
            result = await _result(clip, captioner, lane)
            progress(result)
            return result

        results = await asyncio.gather(*(one(clip) for clip in CHECK_CLIPS))
        report = judge(results, model=captioner.model, profile=settings.profile, at=datetime.now(UTC).isoformat(timespec="seconds"))
    finally:
        await captioner.close()
    path = _path(report.model)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, report.model_dump_json(indent=1).encode())
    return report


def last_check(model: str) -> CaptionerCheck | None:
    """Return the last report on a captioner of this name; None if there is none."""
    try:
        return CaptionerCheck.model_validate_json(_path(model).read_bytes())
    except (OSError, ValidationError):
        return None


def model_of(settings: Settings) -> str | None:
    """Return the name of the captioner of a profile; None if it uses no pictures. Contacts no server.

    Raises:
        ConfigError: it cannot be created.
    """
    profile = settings.choose_profile()
    if not captioner_spec(profile).needs_frames:
        return None
    captioner = create_captioner(profile, check=False)
    asyncio.run(captioner.close())
    return captioner.model


def _path(model: str) -> Path:
    name = hashlib.sha256(model.encode()).hexdigest()[:24]
    return Path(platformdirs.user_cache_dir("streamtags", appauthor=False)) / "checks" / f"{name}.json"


async def _result(clip: CheckClip, captioner: Captioner, lane: Lane) -> ClipResult:
    request = await asyncio.to_thread(_request, clip)
    took = 0.0

    async def ask() -> Caption:
        nonlocal took
        began = time.perf_counter()
        caption = await answer_of(captioner.caption(request), Caption, f"captioner {captioner.model}")
        took = time.perf_counter() - began
        return caption

    try:
        caption = await lane.ask(ask, where=clip.name)
        text = description_of(Reply(caption.text, caption.usage), captioner.model)
    except ModelError as error:
        return ClipResult(clip=clip.name, error=error.code, message=error.what)
    return ClipResult(
        clip=clip.name,
        caption=text,
        verdicts=verdicts_of(clip, text),
        seconds=round(took, 3),
        prompt_tokens=caption.usage.prompt_tokens if caption.usage else None,
        completion_tokens=caption.usage.completion_tokens if caption.usage else None,
    )


def _request(clip: CheckClip) -> CaptionRequest:
    frames = clip.frames()
    end = round(clip.seconds * 1000)
    stills = tuple(PictureStill(end * at // len(frames), picture) for at, picture in enumerate(frames))
    segment = Segment("check", 0, 0, _CLOCK.at(0, 0), _CLOCK.at(end, round(clip.seconds * 24)), "shot", "cut")
    return CaptionRequest(Measured(segment, {}, stills=stills))
