"""Options of every backend that sends requests to an OpenAI-compatible server."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from streamtags.config.options import Options
from streamtags.core.errors import ConfigError

__all__ = ["EndpointOptions", "api_key", "check_api_key", "is_loopback"]

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1|0\.0\.0\.0")


class EndpointOptions(Options):
    """Where a model is served and how requests are made. The key itself is never an option: only the name of its variable."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="address of the OpenAI-compatible server, up to and with /v1")
    model: str = Field(min_length=1, description="the name under which the server serves the model")
    api_key_env: str | None = Field(None, description="environment variable that holds the key, such as OPENAI_API_KEY; none sends no key")
    timeout_seconds: float = Field(120.0, gt=0, le=3600, description="timeout of one request, from first to last byte, in seconds")
    max_answer_bytes: int = Field(1_000_000, ge=1000, description="largest answer accepted, in bytes")
    max_tokens: int | None = Field(None, ge=1, description="most tokens of an answer; none leaves it to the server")
    temperature: float | None = Field(0.0, ge=0, le=2, description="0 takes the likeliest words; none leaves it out")
    top_p: float | None = Field(None, gt=0, le=1, description="nucleus sampling; none leaves it out")
    seed: int | None = Field(None, description="for servers with reproducible sampling")
    extra_body: dict[str, Any] = Field(default_factory=dict, description="further keys of the request body, which only this server knows")

    @field_validator("max_tokens", "temperature", "top_p", "seed", mode="before")
    @classmethod
    def _none_in_words(cls, value: object) -> object:
        """TOML has no null."""
        return None if value == "none" else value

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not an http or https address")
        if parts.username or parts.password or parts.query:
            raise ValueError("must not carry credentials or a query; name the key's variable in api_key_env")
        return value.rstrip("/")

    @field_validator("api_key_env")
    @classmethod
    def _a_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", value):
            raise ValueError("is the name of an environment variable, not the key itself")
        return value

    @property
    def where(self) -> str:
        """Model and address, as error messages name them."""
        return f"{self.model} at {self.base_url}"

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine's loopback interface."""
        return is_loopback(self.base_url)

    def sampling(self) -> dict[str, Any]:
        """Sampling parameters of the request body; None leaves a key out."""
        chosen = {"max_tokens": self.max_tokens, "temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        request = {name: value for name, value in chosen.items() if value is not None}
        return {**request, "extra_body": self.extra_body} if self.extra_body else request


def is_loopback(url: str) -> bool:
    """Whether the host of a URL is this machine's loopback interface."""
    return bool(_LOOPBACK.fullmatch(urlsplit(url).hostname or ""))


def api_key(options: EndpointOptions) -> str:
    """Read the key from its environment variable; "" where the options name none.

    Raises:
        ConfigError: the variable is not set.
    """
    name = options.api_key_env
    if name is None:
        return ""
    key = os.environ.get(name, "").strip()
    if not key:
        raise ConfigError(f"environment variable {name} is not set", where=options.where, hint=f"export {name}=...")
    return key


def check_api_key(options: EndpointOptions) -> None:
    """Raise `ConfigError` if the options name a key's variable that is not set."""
    api_key(options)
