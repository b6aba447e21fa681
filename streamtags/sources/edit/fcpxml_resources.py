"""The resources of an FCPXML document: formats, assets, compound clips and multicam clips, and its way to write times and rates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from streamtags.core.errors import UsageError
from streamtags.core.timecode import nominal, parse_rate
from streamtags.sources.edit.model import Sequence
from streamtags.sources.edit.xmltree import Element

__all__ = ["Asset", "Resources", "conform_scale", "time_of"]

_TIME = re.compile(r"([+-]?\d{1,18})(?:/(\d{1,18}))?s?|([+-]?\d{1,15}\.\d{1,15})s?", re.ASCII)
_FORMAT_RATE = re.compile(r".*?(\d{3,4})([pi])(\d{2,4})(?:\D.*)?", re.ASCII)
_NAMED_RATES = {
    "23.98": Fraction(24000, 1001),
    "2398": Fraction(24000, 1001),
    "29.97": Fraction(30000, 1001),
    "2997": Fraction(30000, 1001),
    "47.95": Fraction(48000, 1001),
    "59.94": Fraction(60000, 1001),
    "5994": Fraction(60000, 1001),
    "119.88": Fraction(120000, 1001),
    "11988": Fraction(120000, 1001),
    **{str(rate): Fraction(rate) for rate in (24, 25, 30, 48, 50, 60, 90, 100, 120)},
}
_FILM_RATES = (24, 25)


def time_of(element: Element, name: str, default: Fraction | None = None) -> Fraction:
    """A time attribute in seconds: `1001/24000s`, `5s`, `2.5s`.

    Raises:
        SourceError: it is malformed, or missing without a default.
    """
    text = element.get(name)
    if text is None:
        if default is None:
            raise element.fail(f"<{element.tag}> has no {name}")
        return default
    match = _TIME.fullmatch(text.strip())
    if match is None or (match[2] is not None and int(match[2]) == 0):
        raise element.fail(f"{name}={text[:40]!r} is not a time such as 1001/24000s")
    value = Fraction(match[3]) if match[3] else Fraction(int(match[1]), int(match[2] or 1))
    if abs(value) > 10**9:
        raise element.fail(f"{name}={text[:40]!r} is too large")
    return value


@dataclass(frozen=True, slots=True)
class Asset:
    """One media file: its name, address, first time and rate."""

    name: str
    path: str | None
    start: Fraction
    duration: Fraction | None
    rate: Fraction | None
    has_video: bool
    reel: str | None


class Resources:
    """Looks up resources by id; `sequences` keeps what has been read of compound and multicam clips."""

    def __init__(self, root: Element) -> None:
        resources = root.child("resources")
        self.elements = {id_: child for child in (resources.children if resources is not None else []) if (id_ := child.get("id"))}
        self.sequences: dict[tuple[int, int], Sequence] = {}
        self._assets: dict[str, Asset] = {}

    def element(self, user: Element, tag: str) -> Element:
        """The resource that `user` refers to.

        Raises:
            SourceError: there is none of this tag.
        """
        reference = user.get("ref") or ""
        resource = self.elements.get(reference)
        if resource is None or resource.tag != tag:
            raise user.fail(f"<{user.tag}> refers to {reference[:40]!r}, which is no {tag} of this document")
        return resource

    def tag_of(self, user: Element) -> str | None:
        """The tag of the resource that `user` refers to."""
        resource = self.elements.get(user.get("ref") or "")
        return resource.tag if resource is not None else None

    def rate(self, reference: str | None) -> Fraction | None:
        """The frame rate of a format, from its frame duration or its name; None if it states none."""
        element = self.elements.get(reference or "")
        if element is None or element.tag != "format":
            return None
        if element.get("frameDuration") is not None:
            duration = time_of(element, "frameDuration")
            if not 0 < duration <= 1000 or 1 / duration > 1000:
                raise element.fail("the frame duration is not positive")
            return 1 / duration
        match = _FORMAT_RATE.fullmatch(element.get("name") or "")
        rate = _NAMED_RATES.get(match[3]) if match is not None else None
        return rate / 2 if rate is not None and match is not None and match[2] == "i" and rate > 45 else rate

    def any_rate(self) -> Fraction | None:
        """The first frame rate that a format states."""
        rates = (self.rate(id_) for id_ in self.elements)
        return next((rate for rate in rates if rate is not None), None)

    def asset(self, user: Element) -> Asset:
        """The asset that `user` refers to."""
        element = self.element(user, "asset")
        key = element.get("id") or ""
        if key not in self._assets:
            representations = element.all("media-rep")
            originals = [one for one in representations if one.get("kind") in (None, "original-media")]
            representation = next(iter(originals or representations), None)
            path = element.get("src") or (representation.get("src") if representation is not None else None)
            reels = (md.get("value") for md in element.walk("md") if (md.get("key") or "").endswith("studio.reel"))
            self._assets[key] = Asset(
                name=element.get("name") or "",
                path=path,
                start=time_of(element, "start", Fraction(0)),
                duration=time_of(element, "duration", Fraction(0)) or None,
                rate=self.rate(element.get("format")),
                has_video=element.get("hasVideo") == "1" or element.get("hasAudio") != "1",
                reel=next(reels, None),
            )
        return self._assets[key]


def conform_scale(clip: Element, rate: Fraction) -> Fraction:
    """Seconds of the sequence per second of the clip's own time, where its rate is conformed to the sequence's `rate`.

    Between 23.976, 24 and 25 Final Cut Pro plays frame for frame. Between other rates it keeps the speed, except for the factor 1.001 of
    NTSC rates.

    Raises:
        SourceError: the clip's rate is not a number.
    """
    conform = clip.child("conform-rate")
    if conform is None or conform.get("scaleEnabled") == "0":
        return Fraction(1)
    text = (conform.get("srcFrameRate") or "").strip()
    if not text:
        return Fraction(1)
    try:
        source = parse_rate(text)
    except UsageError as error:
        raise conform.fail(f"srcFrameRate={text[:40]!r} is not a frame rate") from error
    if nominal(source) in _FILM_RATES and nominal(rate) in _FILM_RATES:
        return source / rate
    ntsc = Fraction(1001, 1000)
    ratio = (source / nominal(source)) / (rate / nominal(rate))
    return ratio if ratio in (ntsc, 1 / ntsc) else Fraction(1)
