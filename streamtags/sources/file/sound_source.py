"""A sound file without picture as a source: its sound, and empty frames that carry the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import Final

import numpy as np
from av.container import InputContainer

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.core.model import Boundary, Frame, Picture, Sound, SourceInfo, VideoInfo
from streamtags.core.pictureless import NO_PICTURE
from streamtags.sources.file.access import Access, Place, locate
from streamtags.sources.file.packets import PacketReader
from streamtags.sources.file.sound_changes import MOMENT_SECONDS, Levels, band_levels, changes
from streamtags.sources.file.sound_file import choose_only_sound, sounds_of
from streamtags.sources.file.sounds import SOUND_RATE
from streamtags.sources.file.streams import describe_sound, open_container

__all__ = ["SoundSource", "open_sound_file"]

RATE: Final = 25
"""Empty frames a second: editing systems know this rate."""

_EMPTY: Final = np.zeros((16, 16, 3), np.uint8)


def open_sound_file(uri: str, settings: IngestSettings, access: Access | None = None) -> SoundSource:
    """Open a sound file without picture, and find where its sound changes.

    Raises:
        SourceError: it is not a file, has no sound, or nothing of it can be decoded.
    """
    place = locate(uri, access or Access())
    if place.path is None:
        what, hint = "has no picture", "give a video; sound alone is analyzed from a file on this machine"
        raise SourceError(what, where=place.uri, hint=hint, code="source.no_picture")
    container = open_container(place, settings)
    try:
        return SoundSource(container, place, settings)
    except BaseException:
        container.close()
        raise


class _EmptyStill:
    """The picture of an empty frame; no stage is given it."""

    pts = 0

    def rgb(self, max_side: int | None = None) -> Picture:
        """Return black."""
        return _EMPTY


class SoundSource:
    """A sound file, read twice: once to find where the sound changes, once as a `streamtags.core.ports.FrameSource`.

    It is opened a second time for that, so it must be a file and not a pipe or a stream.

    Args:
        container: an opened container without a picture; closed by `close`.
        place: the source.
        settings: limits.

    Attributes:
        info: description of the source; its `video` has the codec `none` and no size.

    Raises:
        SourceError: it has no sound that can be decoded.
    """

    def __init__(self, container: InputContainer, place: Place, settings: IngestSettings) -> None:
        self._container = container
        self._place = place
        self._settings = settings
        self._sound = choose_only_sound(container, place)
        self._packets = PacketReader(container, place, [self._sound])
        video = VideoInfo(
            codec=NO_PICTURE,
            width=0,
            height=0,
            rate=Fraction(RATE),
            time_base=Fraction(1, RATE),
            start_timecode="00:00:00:00",
            duration=None,
        )
        self.info: SourceInfo = describe_sound(container, place, video, self._sound)
        self._moments  # noqa: B018 - a file that cannot be decoded fails when it is opened

    @property
    def warnings(self) -> list[str]:
        """What could not be analyzed so far, one sentence each, for the log."""
        return self._packets.warnings

    def boundaries(self) -> Sequence[Boundary]:
        """Return where the sound changes."""
        return [Boundary(round(at * MOMENT_SECONDS * RATE), "cut") for at in changes(self._moments)]

    def read(self) -> Iterator[Frame | Sound]:
        """Yield the sound, and the empty frames of its time.

        Raises:
            SourceError: the connection to the file broke off.
        """
        index, end = 0, 0.0
        still = _EmptyStill()
        for sound in self._limited(sounds_of(self._packets, self._sound, self._place)):
            yield sound
            end = max(end, sound.start + sound.samples.shape[1] / sound.rate)
            while index < int(end * RATE):
                yield Frame(index, index, 1, _EMPTY, still)
                index += 1
        if index < ceil(end * RATE - 0.01) or not index:
            yield Frame(index, index, 1, _EMPTY, still)

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._container.close()

    @cached_property
    def _moments(self) -> list[Levels]:
        """The levels of each moment of the file."""
        container = open_container(self._place, self._settings)
        try:
            stream = choose_only_sound(container, self._place)
            return list(_levels(self._limited(sounds_of(PacketReader(container, self._place, [stream]), stream, self._place))))
        finally:
            container.close()

    def _limited(self, sounds: Iterator[Sound]) -> Iterator[Sound]:
        """Yield the sound up to `max_seconds`."""
        limit = self._settings.max_seconds
        for sound in sounds:
            if limit is not None and sound.start >= limit:
                return
            yield sound


def _levels(sounds: Iterator[Sound]) -> Iterator[Levels]:
    """Yield the levels of each moment from second 0; silence where there is no sound."""
    size = round(MOMENT_SECONDS * SOUND_RATE)
    kept, begin = np.zeros(0, np.float32), 0  # `begin` counts samples of the source
    for sound in sounds:
        missing = round(sound.start * SOUND_RATE) - begin - len(kept)
        mono = sound.samples.mean(axis=0)
        kept = np.concatenate([kept, np.zeros(max(0, missing), np.float32), mono[max(0, -missing) :]])
        while len(kept) >= size:
            yield band_levels(kept[:size], SOUND_RATE)
            kept, begin = kept[size:], begin + size
