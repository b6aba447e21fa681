"""Story elements of FCPXML as clips: which media they show, and how its time runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import floor

from streamtags.core.timecode import frame_at
from streamtags.sources.edit.fcpxml_resources import Asset, Resources, time_of
from streamtags.sources.edit.model import Clip, Kind, Media, Sequence, Timing
from streamtags.sources.edit.xmltree import Element

__all__ = ["STORY", "Placement", "active_clip", "clip_of", "duration_of", "is_visible", "length_of", "words_of"]

STORY = ("asset-clip", "clip", "video", "title", "ref-clip", "mc-clip", "sync-clip", "audition", "gap", "audio", "live-drawing")
Nest = Callable[[Element, Element], Sequence]
Curve = tuple[tuple[Fraction, Fraction], ...]
MAX_POINTS = 10_000
# A reversed clip that starts at the end of a frame shows that frame, not the one after it.
_BELOW = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Placement:
    """Maps the local time of a clip or storyline to seconds of the sequence: `local_start` lies at `record_start`."""

    local_start: Fraction
    record_start: Fraction
    rate: Fraction
    scale: Fraction = Fraction(1)

    def record(self, local: Fraction) -> Fraction:
        """Seconds of the sequence at local time `local`."""
        return self.record_start + (local - self.local_start) * self.scale


def active_clip(audition: Element) -> Element | None:
    """Return the clip of an audition that is shown: its first one."""
    return next((child for child in audition.children if child.tag in STORY), None)


def duration_of(element: Element, resources: Resources) -> Fraction:
    """Return the seconds that a story element lasts.

    Raises:
        SourceError: it states no duration, and has no media that does; or a negative one.
    """
    if element.tag == "audition":
        active = active_clip(element)
        return duration_of(active, resources) if active is not None else Fraction(0)
    default = None
    if element.tag == "asset-clip" and element.get("duration") is None:
        default = resources.asset(element).duration
    return length_of(element, default if default is not None else Fraction(0) if element.tag == "audio" else None)


def length_of(element: Element, default: Fraction | None = None) -> Fraction:
    """The duration that an element states.

    Raises:
        SourceError: it states none and there is no default, or a negative one.
    """
    duration = time_of(element, "duration", default)
    if duration < 0:
        raise element.fail(f"duration={element.get('duration')!r} is negative")
    return duration


def words_of(element: Element) -> str:
    """The words of a title or caption, with or without a style."""
    texts = [part.text.strip() for text in element.all("text") for part in (text, *text.all("text-style"))]
    return " ".join(text for text in texts if text)


def is_visible(element: Element, resources: Resources) -> bool:
    """Whether a story element shows a picture: audio does not, nor a clip that holds only audio."""
    if element.tag == "audio" or element.get("srcEnable") == "audio":
        return False
    if element.tag == "asset-clip":
        return resources.asset(element).has_video
    if element.tag == "clip":
        items = [child for child in _inner(element) if child.tag in (*STORY, "spine") and child.tag != "gap"]
        return any(item.tag == "spine" or is_visible(item, resources) for item in items)
    if element.tag == "audition":
        active = active_clip(element)
        return active is not None and is_visible(active, resources)
    return True


def _inner(element: Element) -> list[Element]:
    """The items of a clip itself, without those connected to it."""
    return [child for child in element.children if child.get("lane") in (None, "0")]


def clip_of(element: Element, resources: Resources, placement: Placement, record_in: int, record_out: int, nest: Nest) -> Clip:
    """The clip that a story element shows from `record_in` to `record_out`.

    Raises:
        SourceError: it refers to a resource that does not exist, or has a malformed time.
    """
    clip = Clip(element.get("name") or "", "gap", record_in, record_out, enabled=element.get("enabled") != "0")
    local = placement.local_start
    if element.tag in ("title", "live-drawing"):  # both are transparent around what is written
        return replace(clip, kind="title", text=words_of(element))
    if element.tag in ("asset-clip", "video"):
        if resources.tag_of(element) != "asset":
            return replace(clip, kind="generator")
        asset = resources.asset(element)
        first = asset.start if element.get("start") is None else local
        return _timed(clip, element, placement, _media_of(asset), asset.rate or placement.rate, first - local, "clip")
    if element.tag in ("ref-clip", "mc-clip"):
        return _referred(clip, element, resources, placement, nest)
    if element.tag in ("clip", "sync-clip"):
        videos = _inner_videos(element)
        if element.tag == "clip" and len(videos) == 1 and resources.tag_of(videos[0]) == "asset":
            video = videos[0]
            asset = resources.asset(video)
            shift = time_of(video, "start", asset.start) - time_of(video, "offset", Fraction(0))
            return _timed(clip, element, placement, _media_of(asset), asset.rate or placement.rate, shift, "clip")
        clip = replace(clip, nested=nest(element, element))
        return _timed(clip, element, placement, Media(), placement.rate, Fraction(0), "compound")
    return clip


def _inner_videos(element: Element) -> list[Element]:
    """The single video of a plain clip; several items, or a storyline, make it a compound."""
    items = [child for child in _inner(element) if child.tag in (*STORY, "spine") and child.tag not in ("audio", "gap")]
    return items if all(item.tag == "video" for item in items) else []


def _referred(clip: Clip, element: Element, resources: Resources, placement: Placement, nest: Nest) -> Clip:
    """A compound or multicam clip."""
    media = resources.element(element, "media")
    inner = media.child("multicam") if element.tag == "mc-clip" else media.child("sequence")
    if inner is None:
        raise media.fail(f"the media has no {'multicam' if element.tag == 'mc-clip' else 'sequence'}")
    nested = nest(inner, element)
    shift = time_of(inner, "tcStart", Fraction(0)) if element.get("start") is None else Fraction(0)
    return _timed(replace(clip, nested=nested), element, placement, Media(name=media.get("name")), nested.rate, shift, "compound")


def _media_of(asset: Asset) -> Media:
    start = floor(asset.start * asset.rate) if asset.rate is not None else None
    return Media(path=asset.path, name=asset.name or None, reel=asset.reel, start=start)


def _timed(clip: Clip, element: Element, placement: Placement, media: Media, rate: Fraction, shift: Fraction, kind: Kind) -> Clip:
    """`clip` with its source frames.

    Args:
        clip: the clip at its record frames.
        element: the story element, which may hold a time map.
        placement: maps its local time to the sequence.
        media: where its pictures come from.
        rate: the rate of the source.
        shift: seconds from local time to the media's own time.
        kind: the kind of the clip.
    """
    local = placement.local_start
    # Local seconds that pass in one record frame.
    step = 1 / (placement.rate * placement.scale)
    curve = _time_map(element, local, local + clip.frames * step)
    if not curve:
        timing = Timing(clip.record_in, (local + shift) * rate, rate * step)
        speed: Fraction | None = Fraction(1)
        notes: tuple[str, ...] = ()
    else:
        falls = curve[-1][1] < curve[0][1]
        points = tuple(((time - local) / step, (value + shift) * rate - (_BELOW if falls else 0)) for time, value in curve)
        slopes = {(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(points)}
        first = Timing(0, Fraction(0), Fraction(0), points).at(0)
        speed = slopes.pop() / (rate * step) if len(slopes) == 1 else None
        timing = Timing(clip.record_in, first, (speed or Fraction(0)) * rate * step, () if speed is not None else points)
        notes = () if speed is not None else (f"a speed curve of {len(points)} points is read as straight pieces",)
    timed = replace(clip, kind=kind, media=media, source_rate=rate, speed=speed, timing=timing, notes=notes)
    if curve and clip.frames:
        return timed.with_consumed_frames()
    source_in = frame_at(timing.first, Fraction(1))
    source_out = source_in + max(frame_at(clip.frames * timing.advance, Fraction(1)), min(1, clip.frames))
    return replace(timed, source_in=source_in, source_out=source_out)


def _time_map(element: Element, first: Fraction, last: Fraction) -> Curve:
    """The points (local time, media time) of a time map that matter between `first` and `last`; empty if there is none."""
    time_map = element.child("timeMap")
    if time_map is None:
        return ()
    points = sorted((time_of(point, "time"), time_of(point, "value")) for point in time_map.all("timept"))
    if len(points) > MAX_POINTS:
        raise time_map.fail(f"the time map has more than {MAX_POINTS} points")
    rising = [point for index, point in enumerate(points) if index == 0 or point[0] > points[index - 1][0]]
    if len(rising) < 2:
        return ()
    start = max(0, max((index for index, point in enumerate(rising) if point[0] <= first), default=0))
    end = next((index for index, point in enumerate(rising) if point[0] >= last), len(rising) - 1)
    start = min(start, len(rising) - 2)
    return tuple(rising[start : max(end, start + 1) + 1])
