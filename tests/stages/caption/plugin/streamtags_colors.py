"""Captions that name the main color of each frame: a captioner in a package of its own."""

from __future__ import annotations

import asyncio

from pydantic import Field

from streamtags.config.options import Options
from streamtags.core.errors import ModelError
from streamtags.core.model import Caption, CaptionRequest, Picture
from streamtags.stages.backend import BackendSpec

__all__ = ["SPEC"]


class ColorsOptions(Options):
    """Keys of a profile whose captioner is `colors`."""

    frames: int = Field(3, ge=1, le=16, description="most frames looked at")
    dark_below: int = Field(40, ge=0, le=255, description="a frame darker than this has no color")


class ColorsCaptioner:
    """A `Captioner`: any class with `model`, `caption` and `close`."""

    def __init__(self, options: ColorsOptions) -> None:
        self._options = options
        # Captions are reused under the same name, so everything that changes them belongs into it.
        self.model = f"colors-1+{options.frames}.{options.dark_below}"

    async def caption(self, request: CaptionRequest) -> Caption:
        """Caption one segment; several calls may run at once."""
        stills = request.measured.stills[: self._options.frames]
        if not stills:
            raise ModelError("the segment has no frames", where="captioner colors", code="model.no_frames")
        # Slow work belongs in a thread: the event loop serves all segments and readers.
        names = await asyncio.to_thread(lambda: [self._color(still.rgb(max_side=64)) for still in stills])
        return Caption(text=f"{' then '.join(dict.fromkeys(names))}.".capitalize(), model=self.model, frames=tuple(s.pts for s in stills))

    async def close(self) -> None:
        """Release what the captioner opened; this one opens nothing."""

    def _color(self, picture: Picture) -> str:
        red, green, blue = (float(each) for each in picture.mean(axis=(0, 1)))
        if max(red, green, blue) < self._options.dark_below:
            return "dark"
        return max((red, "red"), (green, "green"), (blue, "blue"))[1]


SPEC = BackendSpec(name="colors", kind="captioner", options=ColorsOptions, create=ColorsCaptioner)
