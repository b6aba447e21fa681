"""Choose the profile `auto`: the best captioner within reach that keeps the film on this machine.

In this order: the choice of an earlier analysis of the same source, a model server that runs on this machine and has a model that takes
pictures, a model in the cache that runs in process, else `embedded`. A server is contacted on the loopback interface only. An API key in
the environment is no consent to send a film away: remote profiles have to be named.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from streamtags.config.profiles import PROFILES
from streamtags.config.settings import BackendSettings, ProfileSettings, Settings
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import ModelError
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.run.recording import identity_of_source, settings_identity
from streamtags.run.replay import opened_of
from streamtags.sources.edit.source import is_edit
from streamtags.sources.file.access import Access
from streamtags.sources.live.source import is_live
from streamtags.stages.caption.models import ModelConfig, load_model_config, shipped_models
from streamtags.stages.caption.picture_probe import picture_transport
from streamtags.stages.caption.transformers import PACKAGES
from streamtags.stages.caption.weights import pulled_model
from streamtags.stages.model_server.listing import is_listed
from streamtags.stages.model_server.local_servers import LOCAL_SERVERS, LocalModel, LocalServer
from streamtags.stages.model_server.options import is_loopback

__all__ = ["ChosenProfile", "choose_for_retag", "choose_profile"]

_log = logging.getLogger(__name__)

_LOADING_SECONDS = 120.0
"""How long a server may take to load its model before another way to see is chosen."""
_LOOK_AGAIN_SECONDS = 1.0
_CLIENT_PACKAGES = ("aiohttp", "openai", "instructor")
_LAPTOP = "laptop"
_AGAIN = "run the same command with --fresh when it has"
_CHECK = "`streamtags model check` says how well it sees"


@dataclass(frozen=True, slots=True)
class ChosenProfile:
    """A choice.

    Attributes:
        settings: with the chosen profile; equal to those given if there was nothing to choose.
        line: what was chosen, why, and the command that gets something better; "" if there was nothing to choose.
    """

    settings: Settings
    line: str = ""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What became of one way to see: a usable profile, or the command that would make one."""

    profile: ProfileSettings | None = None
    name: str = ""
    reason: str = ""
    command: str = ""
    is_loading: bool = False


async def choose_profile(
    settings: Settings, *, store: Store | None = None, uri: str | None = None, access: Access | None = None, fresh: bool = False
) -> ChosenProfile:
    """Return settings whose profile and model are named.

    Args:
        settings: with any profile; one that is neither `auto` nor leaves the model to its server is returned as it is.
        store: where an earlier analysis of `uri` may be, whose choice stands.
        uri: the source; None leaves earlier analyses out.
        access: which media of an edit may be read; anything unless given.
        fresh: choose anew.

    Raises:
        ConfigError: there is no such profile.
        ModelError: the named profile's server does not run here or has no model that takes pictures.
        SourceError: there is no such source, or it cannot be read.
    """
    if not settings.is_auto:
        return await asyncio.to_thread(_with_model_of_server, settings)
    if store is not None and uri is not None and not fresh and (earlier := _earlier(settings, store, uri, access)) is not None:
        name, profile = earlier
        line = f"profile {name}: {_model_of(profile)}, as before for this source; --fresh chooses again"
        return ChosenProfile(_with_profile(settings, name, profile), line)
    return await asyncio.to_thread(_choose, settings)


def choose_for_retag(settings: Settings, state: TimelineState) -> Settings:
    """Return settings whose profile is named: for `auto`, the one that the timeline was analyzed with if auto chose it, else `embedded`."""
    if not settings.is_auto:
        return settings
    if (recorded := _recorded(state.profile, state.settings)) is not None:
        return _with_profile(settings, *recorded)
    return settings.model_copy(update={"profile": "embedded"})


def _choose(settings: Settings) -> ChosenProfile:
    results = list(_results(settings, loading_seconds=0.0))
    if any(result.is_loading for result in results) and not any(result.profile for result in results):
        results = list(_results(settings, loading_seconds=_LOADING_SECONDS))
    for result in results:
        if result.profile is not None:
            line = f"profile {result.name}: {_model_of(result.profile)}, {result.reason}; {_CHECK}"
            return ChosenProfile(_with_profile(settings, result.name, result.profile), line)
    reasons = "; ".join(result.reason for result in results if result.reason) or "no model server runs here and no model is in the cache"
    command = next(result.command for result in results if result.command)
    line = f"profile embedded: it measures and does not see, because {reasons}. To let it see: {command}"
    return ChosenProfile(settings.model_copy(update={"profile": "embedded"}), line)


def _results(settings: Settings, *, loading_seconds: float) -> Iterator[_Finding]:
    """The ways to see, the best first; a server that loads its model is waited for as long as given."""
    with ThreadPoolExecutor(len(LOCAL_SERVERS), thread_name_prefix="find-models") as pool:
        yield from list(pool.map(lambda server: _of_server(settings, server, loading_seconds), LOCAL_SERVERS))
    yield _in_process(settings)


def _in_process(settings: Settings) -> _Finding:
    """The model in the cache that was pulled last, for the profile `laptop`."""
    base = _profile_of(settings, _LAPTOP)
    missing = [package for package in PACKAGES if find_spec(package) is None]
    pulled = [(name, model) for name in shipped_models() if (model := pulled_model(load_model_config(name).model)) is not None]
    if not pulled:
        install = "pip install 'streamtags[transformers]' && " if missing else ""
        return _Finding(command=f"{install}streamtags model pull {base.captioner.options.get('preset')}")
    name = max(pulled, key=lambda one: one[1].pulled_at)[0]
    if missing:
        return _Finding(reason=f"the packages to run {name} are not installed", command="pip install 'streamtags[transformers]'")
    profile = base.model_copy(update={"captioner": _changed(base.captioner, preset=name), "is_auto_choice": True})
    return _Finding(profile, _LAPTOP, "which is in the cache and runs in this process")


def _of_server(settings: Settings, server: LocalServer, loading_seconds: float) -> _Finding:
    base = _profile_of(settings, server.profile)
    address = _address(base)
    if address is None:  # the person moved this profile to another machine
        return _Finding()
    try:
        models = _seeing_models(server, address, loading_seconds)
    except ModelError as error:
        if error.code != "model.loading":
            return _Finding()
        return _Finding(reason=f"{server.title} still loads its model", command=_AGAIN, is_loading=True)
    chosen = _choose_model(base, server, models, address)
    if chosen is None:
        return _Finding(reason=f"{server.title} has no model that takes pictures", command=server.get_model)
    if any(find_spec(package) is None for package in _CLIENT_PACKAGES):
        return _Finding(reason=f"the packages to use {server.title} are not installed", command="pip install 'streamtags[models]'")
    profile = base.model_copy(update={"captioner": chosen, "is_auto_choice": True})
    return _Finding(profile, server.profile, f"which {server.title} serves on this machine")


def _with_model_of_server(settings: Settings) -> ChosenProfile:
    """Fill in the model of a profile that leaves it to its server."""
    profile = settings.choose_profile()
    server = next((one for one in LOCAL_SERVERS if one.profile == settings.profile), None)
    address = _address(profile)
    if server is None or address is None or {"model", "preset"} & profile.captioner.options.keys():
        return ChosenProfile(settings)
    try:
        models = _seeing_models(server, address, _LOADING_SECONDS)
    except ModelError as error:
        hint = f"start {server.title}, set base_url of the captioner, or use another profile"
        raise ModelError(f"{server.title} does not answer: {error.what}", where=address, code=error.code, hint=hint) from error
    chosen = _choose_model(profile, server, models, address)
    if chosen is None:
        raise ModelError(
            f"{server.title} has no model that takes pictures", where=address, code="model.not_found", hint=f"run `{server.get_model}`"
        )
    profile = profile.model_copy(update={"captioner": chosen})
    line = f"profile {settings.profile}: {_model_of(profile)}, the first of its models that take pictures"
    return ChosenProfile(_with_profile(settings, settings.profile, profile), line)


def _seeing_models(server: LocalServer, address: str, loading_seconds: float) -> Sequence[LocalModel]:
    """The models that take pictures; waits so long while the server loads its model."""
    until = time.monotonic() + loading_seconds
    has_said = False
    while True:
        try:
            return server.seeing_models(address)
        except ModelError as error:
            if error.code != "model.loading" or time.monotonic() >= until:
                raise
        if not has_said:
            _log.warning("%s loads its model; waiting up to %g s for it", server.title, loading_seconds)
            has_said = True
        time.sleep(_LOOK_AGAIN_SECONDS)


def _choose_model(profile: ProfileSettings, server: LocalServer, models: Sequence[LocalModel], address: str) -> BackendSettings | None:
    """Return the captioner with the model that the profile names if the server has it, else with the server's first that takes pictures."""
    captioner = profile.captioner
    options = captioner.options
    served = {name: model for model in models for name in (model.name, *model.aliases) if name}
    if isinstance(wanted := options.get("model"), str):
        return captioner if is_listed(wanted, list(served)) else None
    if isinstance(preset := options.get("preset"), str):
        config = load_model_config(preset)
        if (model := served.get(config.name) or served.get(config.model)) is not None:
            return _changed(captioner, model=model.name)
    for model in models:
        if (known := _known_model(model)) is not None and not server.reports_pictures:
            return _changed(captioner, preset=known.name, model=model.name)
        if server.reports_pictures:
            return _changed(captioner, model=model.name)
        if (transport := picture_transport(address, model.name)) is not None:
            prompt = "pictures" if transport == "image_list" else "describe"
            return _changed(captioner, preset=None, model=model.name, transport=transport, fit="keep", image_size=448, prompt=prompt)
    return None


def _known_model(model: LocalModel) -> ModelConfig | None:
    """The model file that ships for a model of this name or its Hugging Face id."""
    names = {name.lower() for name in (model.name, *model.aliases)}
    for name in shipped_models():
        config = load_model_config(name)
        if names & {config.name.lower(), config.model.lower()}:
            return config
    return None


def _changed(captioner: BackendSettings, **changes: Any) -> BackendSettings:
    kept = {key: value for key, value in captioner.model_dump(exclude_none=True).items() if key not in changes}
    return BackendSettings.model_validate({**kept, **{key: value for key, value in changes.items() if value is not None}})


def _profile_of(settings: Settings, name: str) -> ProfileSettings:
    return settings.profiles.get(name) or ProfileSettings.model_validate(PROFILES[name])


def _address(profile: ProfileSettings) -> str | None:
    """Where the profile's captioner is served, without `/v1`; None if that is not this machine."""
    url = profile.captioner.options.get("base_url")
    return url.rstrip("/").removesuffix("/v1") if isinstance(url, str) and is_loopback(url) else None


def _model_of(profile: ProfileSettings) -> str:
    options = profile.captioner.options
    return str(options.get("model") or options.get("preset") or profile.captioner.backend)


def _with_profile(settings: Settings, name: str, profile: ProfileSettings) -> Settings:
    return settings.model_copy(update={"profile": name, "profiles": {**settings.profiles, name: profile}})


def _earlier(settings: Settings, store: Store, uri: str, access: Access | None) -> tuple[str, ProfileSettings] | None:
    """Return the choice of the last analysis of the same source with the same settings; None for a live source."""
    if uri == "-" or (not is_edit(uri) and is_live(uri, settings.ingest)):
        return None
    source, included = identity_of_source(uri, settings, access), settings_identity(settings)
    vocabulary = load_vocabulary(settings.tags).digest
    for summary in store.timelines(source=source):
        if (summary.identity.settings, summary.identity.vocabulary) != (included, vocabulary):
            continue
        opened = opened_of(store, summary.id)
        if opened is not None and (recorded := _recorded(opened.profile, opened.settings)) is not None:
            return recorded
    return None


def _recorded(name: str | None, settings: Mapping[str, Any]) -> tuple[str, ProfileSettings] | None:
    """Return name and settings of the profile that auto chose for a timeline; None if it chose none, or one that leaves this machine."""
    try:
        profile = ProfileSettings.model_validate(settings["auto"])
    except (KeyError, ValidationError):
        return None
    url = profile.captioner.options.get("base_url")
    return None if name is None or (url is not None and not is_loopback(str(url))) else (name, profile)
