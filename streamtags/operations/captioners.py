"""Checking what a captioner sees."""

from __future__ import annotations

from typing import Any

from streamtags.core.errors import ConfigError
from streamtags.operations.params import CheckCaptioner
from streamtags.operations.services import Caller, Services
from streamtags.run.backends import captioner_spec
from streamtags.run.check_captioner import check_captioner
from streamtags.run.choice import choose_profile

__all__ = ["check_model"]


async def check_model(services: Services, params: CheckCaptioner, _: Caller) -> dict[str, Any]:
    """Show drawn clips with known answers to a captioner; return what it gets right.

    Raises:
        ConfigError: there is no such profile, or its captioner uses no pictures, or runs in process, where it would take the memory
            of the server.
        ModelError: its server cannot be reached or refuses.
    """
    given = services.settings.model_copy(update={"profile": params.profile or services.settings.profile})
    settings = (await choose_profile(given)).settings
    spec = captioner_spec(settings.choose_profile())
    if spec.needs_frames and not spec.is_remote:
        hint = f"run `streamtags model check --profile {settings.profile}` on the machine of the server"
        raise ConfigError("a captioner that runs in process is not checked by a server", where=settings.profile, hint=hint)
    report = await check_captioner(settings)
    return {"passed": report.passed, **report.model_dump(mode="json")}
