"""The sound of a file alone: of a film, or of a sound file without picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import cast

import av
from av.container import InputContainer

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.core.model import Sound
from streamtags.sources.file.access import Access, Place, locate
from streamtags.sources.file.packets import PacketReader
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.selection import choose_picture, choose_sound, has_film
from streamtags.sources.file.sounds import SoundReader
from streamtags.sources.file.streams import open_container

__all__ = ["choose_only_sound", "read_sound", "sounds_of"]


def read_sound(uri: str, settings: IngestSettings, access: Access | None = None) -> Iterator[Sound]:
    """Yield the sound of `uri` in runs of about half a second; the picture is not decoded.

    Raises:
        SourceRefused: its scheme or its format is not allowed.
        SourceError: it cannot be opened, or has no sound that can be decoded.
    """
    place = locate(uri, access or Access())
    container = open_container(place, settings, wanted="a sound file")
    try:
        sound = choose_sound(container, choose_picture(container, place)) if has_film(container) else choose_only_sound(container, place)
        if sound is None:
            raise SourceError("has no sound", where=place.uri, hint="give a file with sound", code="source.no_sound")
        yield from sounds_of(PacketReader(container, place, [sound]), sound, place)
    finally:
        container.close()


def choose_only_sound(container: InputContainer, place: Place) -> av.AudioStream:
    """Choose the sound of a file without picture: the stream FFmpeg finds best.

    Raises:
        SourceError: there is none, or no decoder for it.
    """
    stream = container.streams.best("audio")
    if stream is None or stream.codec_context is None:
        raise SourceError("has neither picture nor sound that can be decoded", where=place.uri, hint="convert it", code="source.no_picture")
    return cast("av.AudioStream", stream)


def sounds_of(packets: PacketReader, sound: av.AudioStream, place: Place) -> Iterator[Sound]:
    """Yield the sound of a stream in runs of about half a second.

    Raises:
        SourceError: nothing could be decoded, or the connection broke off.
    """
    time_base = Fraction(sound.time_base or Fraction(1, sound.codec_context.sample_rate or 1))
    reader = SoundReader(sound, TimeRepair(time_base, 1))
    count = 0
    for packet in chain(packets.read(), [None]):
        for run in reader.push(packet):
            count += 1
            yield run
    for run in reader.finish():
        count += 1
        yield run
    if packets.failure is not None:
        raise packets.failure
    if not count:
        what = reader.left_out or f"nothing of its sound could be decoded ({reader.skipped} damaged packets)"
        raise SourceError(what, where=place.uri, hint="play it to see whether it is damaged or encrypted", code="source.undecodable")
