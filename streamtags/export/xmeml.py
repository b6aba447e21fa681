"""`xmeml`: the XML of Final Cut Pro 7, which Premiere Pro imports; Resolve reads it too.

The shots are clip items, the segments are markers of the sequence (Final Cut Pro XML Interchange Format, version 5). Colors of markers
are an addition of Premiere Pro, `pproColor`.
"""

from __future__ import annotations

from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from streamtags.core.timecode import nominal
from streamtags.export.base import Format, TimelineView
from streamtags.export.colors import PREMIERE, MarkerColors
from streamtags.export.cut import Cut, CutClip, CutMedia, file_url, make_cut
from streamtags.export.marker_text import comment_lines, merge_same_frame, xml_safe
from streamtags.export.markers import Marker
from streamtags.export.options import EDITING_OPTIONS, ExportOptions
from streamtags.export.subtitle_text import one_line

__all__ = ["PREMIERE_COLORS", "XMEML"]

# `pproColor` is alpha, blue, green and red, a byte each; Premiere Pro leaves it out for green, which is its default.
PREMIERE_COLORS = {
    name: 0xFF000000 | blue << 16 | green << 8 | red for name, (red, green, blue) in PREMIERE.colors.items() if name != "Green"
}
_MAX_CHANNELS = 2


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cut = make_cut(view, options)
    root = Element("xmeml", version="5")
    if cut is not None:
        sequence = _sequence(root, cut)
        colors = MarkerColors(PREMIERE, view.vocabulary, options.colors)
        for marker in merge_same_frame(view.editing_markers):
            _marker(sequence, marker, colors.of(marker))
    indent(root, "\t")
    body = tostring(root, encoding="unicode", short_empty_elements=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n{body}\n'.encode("utf-8", "replace")


def _sequence(root: Element, cut: Cut) -> Element:
    sequence = SubElement(root, "sequence", id="sequence-1")
    _text(sequence, "name", cut.title)
    _text(sequence, "duration", cut.frames)
    _rate(sequence, cut.rate)
    _timecode(sequence, cut.rate, cut.start_frame, cut.start_timecode, drop=cut.drop)
    media = SubElement(sequence, "media")
    video = SubElement(media, "video")
    characteristics = SubElement(SubElement(video, "format"), "samplecharacteristics")
    _rate(characteristics, cut.rate)
    _text(characteristics, "width", cut.width)
    _text(characteristics, "height", cut.height)
    channels = min(_MAX_CHANNELS, max((file.audio_channels for file in cut.media), default=0))
    files = {file: f"file-{number}" for number, file in enumerate(cut.media, 1)}
    writer = _Clips(cut, files, channels)
    writer.track(video, 0)
    if channels:
        audio = SubElement(media, "audio")
        for channel in range(1, channels + 1):
            writer.track(audio, channel)
    return sequence


class _Clips:
    """Writes the clip items of tracks. A file is described once, at its first use, and referred to later."""

    def __init__(self, cut: Cut, files: dict[CutMedia, str], channels: int) -> None:
        self._cut = cut
        self._files = files
        self._channels = channels
        self._described: set[CutMedia] = set()

    def track(self, parent: Element, channel: int) -> None:
        """Write the picture (`channel` 0), or one channel of the sound, of every clip."""
        track = SubElement(parent, "track")
        for number, clip in enumerate(self._cut.clips, 1):
            if clip.media is not None and (channel == 0 or clip.media.audio_channels >= channel):
                self._item(track, number, clip, clip.media, channel)
        _text(track, "enabled", "TRUE")
        _text(track, "locked", "FALSE")

    def _item(self, track: Element, number: int, clip: CutClip, media: CutMedia, channel: int) -> None:
        item = SubElement(track, "clipitem", id=_item_id(number, channel))
        _text(item, "name", clip.name)
        _text(item, "enabled", "TRUE")
        _text(item, "duration", media.frames)
        _rate(item, media.rate)
        _text(item, "start", clip.start_frame)
        _text(item, "end", clip.end_frame)
        _text(item, "in", clip.source_in - media.start)
        _text(item, "out", clip.source_out - media.start)
        self._file(item, media)
        if channel:
            source = SubElement(item, "sourcetrack")
            _text(source, "mediatype", "audio")
            _text(source, "trackindex", channel)
        if self._channels:
            for linked in range(min(self._channels, media.audio_channels) + 1):
                link = SubElement(item, "link")
                _text(link, "linkclipref", _item_id(number, linked))
                _text(link, "mediatype", "audio" if linked else "video")
                _text(link, "trackindex", linked or 1)
                _text(link, "clipindex", number)

    def _file(self, item: Element, media: CutMedia) -> None:
        file = SubElement(item, "file", id=self._files[media])
        if media in self._described:
            return
        self._described.add(media)
        _text(file, "name", media.name)
        _text(file, "pathurl", file_url(media.path))
        _rate(file, media.rate)
        _text(file, "duration", media.frames)
        _timecode(file, media.rate, media.start, None, drop=media.drop)
        kinds = SubElement(file, "media")
        characteristics = SubElement(SubElement(kinds, "video"), "samplecharacteristics")
        _text(characteristics, "width", self._cut.width)
        _text(characteristics, "height", self._cut.height)
        if media.has_audio:
            audio = SubElement(kinds, "audio")
            sound = SubElement(audio, "samplecharacteristics")
            _text(sound, "samplerate", media.audio_rate)
            _text(audio, "channelcount", media.audio_channels)


def _item_id(number: int, channel: int) -> str:
    return f"clipitem-{number}" if not channel else f"clipitem-{number}-a{channel}"


def _marker(sequence: Element, marker: Marker, color: str) -> None:
    element = SubElement(sequence, "marker")
    _text(element, "comment", "\n".join(comment_lines(marker)))
    _text(element, "name", one_line(marker.name))
    _text(element, "in", marker.start_frame)
    _text(element, "out", marker.end_frame)
    if color in PREMIERE_COLORS:
        _text(element, "pproColor", PREMIERE_COLORS[color])


def _text(parent: Element, tag: str, value: str | int) -> None:
    SubElement(parent, tag).text = xml_safe(str(value))


def _rate(parent: Element, rate: Fraction) -> None:
    element = SubElement(parent, "rate")
    _text(element, "timebase", nominal(rate))
    _text(element, "ntsc", "TRUE" if rate.denominator == 1001 else "FALSE")


def _timecode(parent: Element, rate: Fraction, frame: int, label: str | None, *, drop: bool) -> None:
    element = SubElement(parent, "timecode")
    _rate(element, rate)
    if label is not None:
        _text(element, "string", label)
    _text(element, "frame", frame)
    _text(element, "displayformat", "DF" if drop else "NDF")


XMEML = Format(
    name="xmeml",
    suffix=".xml",
    media_type="application/xml",
    description="Final Cut Pro 7 XML for Premiere Pro: shots, markers",
    render=_render,
    options=EDITING_OPTIONS,
)
