"""`fcpxml`: a project for Final Cut Pro, with the shots as clips, the segments as markers, and the tags as keyword ranges.

Written after the DTDs of FCPXML 1.8 to 1.14 (https://developer.apple.com/documentation/professional-video-applications/fcpxml-reference).
Final Cut Pro refuses a document that its DTD does not allow, and moves times that lie off the frames: every time is a whole number of
frames, and a duration is the difference of two rounded times.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from streamtags.core.errors import UsageError
from streamtags.core.timecode import rational_seconds
from streamtags.export.base import Format, TimelineView
from streamtags.export.colors import FINAL_CUT, MarkerColors
from streamtags.export.cut import Cut, CutClip, CutMedia, file_url, make_cut
from streamtags.export.marker_text import comment_lines, merge_same_frame, xml_safe
from streamtags.export.markers import Marker
from streamtags.export.options import EDITING_OPTIONS, ExportOptions
from streamtags.export.subtitle_text import one_line

__all__ = ["FCPXML", "VERSIONS"]

VERSIONS = tuple(f"1.{minor}" for minor in range(8, 15))
_DEFAULT_VERSION = "1.10"  # of Final Cut Pro 10.6, and the newest that Resolve 18 reads
_NAMED_RATES = {
    Fraction(24000, 1001): "23.98",
    Fraction(24): "24",
    Fraction(25): "25",
    Fraction(30000, 1001): "29.97",
    Fraction(30): "30",
    Fraction(48000, 1001): "47.95",
    Fraction(48): "48",
    Fraction(50): "50",
    Fraction(60000, 1001): "59.94",
    Fraction(60): "60",
}
_FAST_RATES = {Fraction(90): "90", Fraction(100): "100", Fraction(120000, 1001): "119.88", Fraction(120): "120"}
_AUDIO_RATES = {32000: "32k", 44100: "44.1k", 48000: "48k", 88200: "88.2k", 96000: "96k", 176400: "176.4k", 192000: "192k"}


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    version = options.format_version or _DEFAULT_VERSION
    if version not in VERSIONS:
        raise UsageError(f"there is no version {version!r}", where="export format fcpxml", hint=f"choose one of {', '.join(VERSIONS)}")
    cut = make_cut(view, options)
    root = Element("fcpxml", version=version)
    resources = SubElement(root, "resources")
    if cut is not None:
        colors = MarkerColors(FINAL_CUT, view.vocabulary, options.colors)
        markers = merge_same_frame(view.editing_markers)
        _Document(resources, version, cut).project(root, markers, [colors.of(marker) for marker in markers])
    indent(root, "    ")
    body = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{body}\n'.encode("utf-8", "replace")


class _Document:
    """Writes the resources and the project of one cut."""

    def __init__(self, resources: Element, version: str, cut: Cut) -> None:
        self._cut = cut
        self._formats: dict[Fraction, str] = {}
        self._assets: dict[CutMedia, str] = {}
        self._resources = resources
        self._has_media_rep = VERSIONS.index(version) >= VERSIONS.index("1.9")
        self._named_rates = _NAMED_RATES | (_FAST_RATES if VERSIONS.index(version) >= VERSIONS.index("1.13") else {})
        self._format(cut.rate)
        for media in cut.media:
            self._asset(media)

    def project(self, root: Element, markers: Sequence[Marker], colors: Sequence[str]) -> None:
        """Write the project with its spine."""
        cut = self._cut
        event = SubElement(root, "event", name="streamtags")
        project = SubElement(event, "project", name=_attribute(cut.title))
        attributes = {
            "format": self._formats[cut.rate],
            "duration": _time(cut.frames, cut.rate),
            "tcStart": _time(cut.start_frame, cut.rate),
            "tcFormat": "DF" if cut.drop else "NDF",
        }
        audio_rates = [_AUDIO_RATES[media.audio_rate] for media in cut.media if media.audio_rate in _AUDIO_RATES]
        if audio_rates:
            attributes |= {"audioLayout": "stereo", "audioRate": audio_rates[0]}
        spine = SubElement(SubElement(project, "sequence", attributes), "spine")
        items = [self._item(spine, clip) for clip in cut.clips]
        starts = [clip.start_frame for clip in cut.clips]
        for marker, color in zip(markers, colors, strict=True):
            index = max(0, bisect_right(starts, marker.start_frame) - 1)
            self._marker(items[index], cut.clips[index], marker, color)

    def _format(self, rate: Fraction) -> str:
        if rate not in self._formats:
            self._formats[rate] = f"r{len(self._resources) + 1}"
            # A format without a name of Apple's is a custom one; its size must be stated.
            SubElement(
                self._resources,
                "format",
                id=self._formats[rate],
                frameDuration=f"{rate.denominator}/{rate.numerator}s",
                width=str(self._cut.width),
                height=str(self._cut.height),
            )
        return self._formats[rate]

    def _asset(self, media: CutMedia) -> None:
        format_id = self._format(media.rate)
        self._assets[media] = f"r{len(self._resources) + 1}"
        attributes = {
            "id": self._assets[media],
            "name": _attribute(media.name),
            "start": _time(media.start, media.rate),
            "duration": _time(media.frames, media.rate),
            "hasVideo": "1",
            "format": format_id,
        }
        if self._has_media_rep:
            attributes["videoSources"] = "1"
        if media.has_audio:
            attributes |= {
                "hasAudio": "1",
                "audioSources": "1",
                "audioChannels": str(media.audio_channels),
                "audioRate": str(media.audio_rate),
            }
        url = _attribute(file_url(media.path))
        if self._has_media_rep:
            SubElement(SubElement(self._resources, "asset", attributes), "media-rep", kind="original-media", src=url)
        else:
            SubElement(self._resources, "asset", attributes | {"src": url})

    def _item(self, spine: Element, clip: CutClip) -> Element:
        cut = self._cut
        attributes = {
            "name": _attribute(clip.name or "Gap"),
            "offset": _time(cut.start_frame + clip.start_frame, cut.rate),
            "duration": _time(clip.frames, cut.rate),
            "start": _start(clip, cut),
        }
        if clip.media is None:
            return SubElement(spine, "gap", attributes)
        media = clip.media
        attributes |= {"ref": self._assets[media], "format": self._formats[media.rate], "tcFormat": "DF" if media.drop else "NDF"}
        item = SubElement(spine, "asset-clip", attributes)
        if media.rate != cut.rate:
            # Not scaled: played by the clock, as the times of the segments are.
            rate = {"srcFrameRate": self._named_rates[media.rate]} if media.rate in self._named_rates else {}
            SubElement(item, "conform-rate", {"scaleEnabled": "0", **rate})
        return item

    def _marker(self, item: Element, clip: CutClip, marker: Marker, color: str) -> None:
        cut = self._cut
        inside = marker.start_frame - clip.start_frame
        # A range ends with its clip: what lies outside is not shown.
        frames = max(1, min(marker.end_frame, clip.end_frame) - marker.start_frame)
        if clip.media is None or clip.media.rate == cut.rate:
            start = _time(clip.source_in + inside, cut.rate)
        else:
            start = rational_seconds(clip.source_in / clip.media.rate + inside / cut.rate)
        note = _attribute("\n".join(comment_lines(marker)))
        attributes = {"start": start, "duration": _time(1, cut.rate), "value": _attribute(marker.name), "note": note}
        tag = "chapter-marker" if color == "Orange" else "marker"
        SubElement(item, tag, attributes | {"Red": {"completed": "0"}, "Green": {"completed": "1"}}.get(color, {}))
        for score in marker.tags:
            value = one_line(score.tag.replace(",", " "))  # a comma separates keywords
            span = {"start": start, "duration": _time(frames, cut.rate)}
            SubElement(item, "keyword", span | {"value": _attribute(value), "note": f"{score.confidence:.2f}"})


def _start(clip: CutClip, cut: Cut) -> str:
    return _time(clip.source_in, clip.media.rate) if clip.media is not None else _time(0, cut.rate)


def _time(frames: int, rate: Fraction) -> str:
    """Frames at `rate` as FCPXML writes times, never reduced to another denominator than that of the frame duration."""
    if rate.denominator == 1 and frames % rate.numerator == 0:
        return f"{frames // rate.numerator}s"
    return f"{frames * rate.denominator}/{rate.numerator}s"


def _attribute(text: str) -> str:
    return xml_safe(text)


FCPXML = Format(
    name="fcpxml",
    suffix=".fcpxml",
    media_type="application/xml",
    description="Final Cut Pro: shots, markers, keyword ranges",
    render=_render,
    options=EDITING_OPTIONS | {"format_version"},
)
