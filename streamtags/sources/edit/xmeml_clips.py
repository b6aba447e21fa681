"""Clip items and generator items of xmeml as clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from streamtags.sources.edit.model import Clip, Kind, Media, Sequence, Timing, Transition
from streamtags.sources.edit.xmltree import Element, whole

__all__ = ["ClipFrames", "clip_of", "rate_of"]

MAX_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class ClipFrames:
    """Where a clip lies: record frames from timecode zero, and `in` and `out` at the clip's own rate.

    `clip_in` is shown at `visible_in`, which lies before `record_in` where a transition overlaps the head.
    """

    record_in: int
    record_out: int
    visible_in: int
    clip_in: int
    clip_out: int
    transition: Transition | None


def clip_of(item: Element, file: Element | None, frames: ClipFrames, rate: Fraction, clip_rate: Fraction, nested: Sequence | None) -> Clip:
    """The clip of a clip item or generator item.

    Args:
        item: the item.
        file: the definition of its file.
        frames: where it lies.
        rate: the sequence's rate.
        clip_rate: the rate at which its `in` and `out` count.
        nested: the sequence it shows, if it is a nested one.

    Raises:
        SourceError: a number is malformed.
    """
    media_rate = (rate_of(file) if file is not None else None) or clip_rate
    if nested is not None:
        media_rate = nested.rate
    clip = Clip(
        name=item.value("name"),
        kind=_kind(item, file, nested),
        record_in=frames.record_in,
        record_out=frames.record_out,
        media=_media(item, file, media_rate),
        source_rate=media_rate,
        transition=frames.transition,
        enabled=item.value("enabled").upper() != "FALSE",
        nested=nested,
        text=_title_text(item),
    )
    return _timed(clip, item, frames, rate, clip_rate, nested.start_frame if nested is not None else clip.media.start or 0)


def rate_of(element: Element) -> Fraction | None:
    """The `rate` of an element: its time base, times 1000/1001 if it is NTSC; None if it states none.

    Raises:
        SourceError: the time base is not between 1 and 1000.
    """
    rate = element.child("rate")
    if rate is None or not rate.value("timebase"):
        return None
    timebase = whole(rate, rate.value("timebase"))
    if not 0 < timebase <= 1000:
        raise rate.fail(f"{timebase} is not a time base")
    return Fraction(timebase * 1000, 1001) if rate.value("ntsc").upper() == "TRUE" else Fraction(timebase)


def _kind(item: Element, file: Element | None, nested: Sequence | None) -> Kind:
    if nested is not None:
        return "compound"
    if item.tag == "generatoritem":
        return "title" if item.value("effect", "effectcategory").lower() == "text" else "generator"
    source = file.value("mediaSource") if file is not None else ""
    if source and file is not None and not file.value("pathurl"):
        # Titles and transparent video come as a slug with an alpha channel.
        transparent = source == "GraphicAndType" or item.value("alphatype").lower() not in ("", "none", "ignore")
        return "title" if transparent else "generator"
    return "clip"


def _media(item: Element, file: Element | None, media_rate: Fraction) -> Media:
    if file is None or item.tag == "generatoritem":
        return Media()
    timecode = file.child("timecode")
    start = None
    if timecode is not None and timecode.value("frame"):
        start = whole(timecode, timecode.value("frame"))
        counted_at = rate_of(timecode)
        if counted_at is not None and counted_at != media_rate:
            start = round(start * media_rate / counted_at)
    return Media(
        path=file.value("pathurl") or None,
        name=file.value("name") or None,
        reel=file.value("timecode", "reel", "name") or None,
        start=start,
    )


def _title_text(item: Element) -> str:
    """The words of a text generator."""
    effect = item.child("effect")
    values = (
        (parameter.value("value") for parameter in effect.all("parameter") if parameter.value("parameterid") == "str") if effect else ()
    )
    return " ".join(value for value in values if value)


def _timed(clip: Clip, item: Element, frames: ClipFrames, rate: Fraction, clip_rate: Fraction, origin: int) -> Clip:
    """`clip` with its source frames, which count from `origin` at the media's rate."""
    media_rate = clip.source_rate or clip_rate
    to_media = media_rate / clip_rate
    # Clip frames that pass in one record frame: one if the lengths agree, else by the clock.
    clip_length = frames.clip_out - frames.clip_in
    same_length = clip_length == frames.record_out - frames.visible_in
    step = Fraction(1) if same_length else clip_rate / rate
    hidden = (frames.record_in - frames.visible_in) * step
    position = frames.clip_in + hidden
    speed, is_reverse, points = _remap(item)
    notes: tuple[str, ...] = ()
    if points:
        curve = tuple(((when - position) / step, origin + value * to_media) for when, value in points)
        timing = Timing(clip.record_in, Timing(0, Fraction(0), Fraction(0), curve).at(0), Fraction(0), curve)
        notes = (f"a speed curve of {len(points)} points is read as straight pieces",)
        return replace(clip, speed=None, timing=timing, notes=notes).with_consumed_frames()
    advance = speed * step * to_media
    first = origin + position * speed * to_media
    if is_reverse:
        length = whole(item, item.value("duration") or "0")
        first = origin + (max(Fraction(length), position + 1) - position) * speed * to_media - 1
        advance = -advance
    if speed != 1 or is_reverse:
        notes = ("in and out count in the retimed clip",)
    source_in = origin + round(position * to_media)
    consumed = max(1, round(clip.frames * abs(advance)))
    return replace(
        clip,
        speed=-speed if is_reverse else speed,
        timing=Timing(clip.record_in, first, advance),
        source_in=source_in,
        source_out=source_in + consumed,
        notes=notes,
    )


def _remap(item: Element) -> tuple[Fraction, bool, list[tuple[Fraction, Fraction]]]:
    """Speed, whether it is reversed, and the points (clip frame, media frame) of a variable speed, from a time remap filter."""
    effects = (effect for filter_ in item.all("filter") for effect in filter_.all("effect"))
    remap = next((effect for effect in effects if effect.value("effectid").lower() == "timeremap"), None)
    if remap is None:
        return Fraction(1), False, []
    parameters = {parameter.value("parameterid").lower(): parameter for parameter in remap.all("parameter")}
    speed = _percent(parameters["speed"]) if "speed" in parameters else Fraction(1)
    is_reverse = "reverse" in parameters and parameters["reverse"].value("value").upper() == "TRUE"
    variable = parameters.get("variablespeed")
    graph = parameters.get("graphdict")
    if variable is None or variable.value("value") != "1" or graph is None:
        return abs(speed), is_reverse or speed < 0, []
    keyframes = graph.all("keyframe")
    if len(keyframes) > MAX_POINTS:
        raise graph.fail(f"the speed curve has more than {MAX_POINTS} points")
    points = sorted((Fraction(whole(key, key.value("when") or "0")), Fraction(whole(key, key.value("value") or "0"))) for key in keyframes)
    rising = [point for index, point in enumerate(points) if index == 0 or point[0] > points[index - 1][0]]
    return abs(speed), is_reverse, rising if len(rising) > 1 else []


def _percent(parameter: Element) -> Fraction:
    text = parameter.value("value") or "100"
    try:
        value = Fraction(text) / 100
    except (ValueError, ZeroDivisionError) as error:
        raise parameter.fail(f"{text[:40]!r} is not a speed") from error
    if abs(value) > 10_000:
        raise parameter.fail(f"{text[:40]!r} is too fast")
    return value
