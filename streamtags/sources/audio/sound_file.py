"""Decoding a sound file: 48 kHz float32, one or two channels, in runs of about half a second."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.core.model import Sound
from streamtags.sources.file.access import Access, locate
from streamtags.sources.file.packets import PacketReader
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.sounds import SOUND_RATE, SoundReader
from streamtags.sources.file.streams import open_container

__all__ = ["AUDIO_SUFFIXES", "read_sound"]

AUDIO_SUFFIXES = frozenset(
    {".aac", ".aif", ".aifc", ".aiff", ".caf", ".flac", ".m4a", ".mka", ".mp2", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma", ".wv"}
)
"""Endings of files that are taken from a folder of music."""
MAX_SECONDS = 3600.0
"""A longer file is decoded up to here."""


def read_sound(path: Path, access: Access | None = None) -> Iterator[Sound]:
    """Yield the sound of the file's first audio stream, up to `MAX_SECONDS`.

    Raises:
        SourceError: the file cannot be read, has no sound, or nothing of it can be decoded.
    """
    place = locate(str(path), access or Access(schemes=frozenset({"file"})))
    if place.path is not None and not place.path.stat().st_size:
        raise SourceError("the file is empty", where=str(path), hint="copy it again")
    container = open_container(place, IngestSettings())
    with container:
        stream = next((each for each in container.streams.audio if each.codec_context is not None), None)
        if stream is None:
            raise SourceError("has no sound that can be decoded", where=str(path), hint="convert it, to FLAC for example")
        yield from _decode(container, stream, PacketReader(container, place, [stream]), str(path))


def _decode(container: av.container.InputContainer, stream: av.AudioStream, packets: PacketReader, where: str) -> Iterator[Sound]:
    reader, seconds = SoundReader(stream, TimeRepair(Fraction(1, SOUND_RATE), 1)), 0.0
    packet = None
    for packet in packets.read():
        for sound in reader.push(packet):
            seconds += sound.samples.shape[1] / SOUND_RATE
            yield sound
        if seconds >= MAX_SECONDS:
            return
    for sound in [*reader.push(None), *reader.finish()]:
        seconds += sound.samples.shape[1] / SOUND_RATE
        yield sound
    if not seconds:
        raise SourceError(reader.left_out or "nothing of its sound can be decoded", where=where, hint="convert it, to FLAC for example")
