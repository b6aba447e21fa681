"""Segments of AAF mobs as clips: sequences, effects, scopes, selectors, and the chain from a clip to its tape."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

from streamtags.core.timecode import frame_at
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.flatten import MAX_CLIPS
from streamtags.sources.edit.model import Clip, Media, Sequence, Timing, Track, Transition

__all__ = ["MobReader", "fraction_of"]

MAX_CHAIN = 32
_SPEEDS = ("SpeedRatio",)
_OFFSETS = "PARAM_SPEED_OFFSET_MAP_U"


def fraction_of(value: Any) -> Fraction:
    """An AAF rational as a Fraction; 0 where its denominator is 0."""
    numerator, denominator = int(value.numerator), int(value.denominator)
    return Fraction(numerator, denominator) if denominator else Fraction(0)


@dataclass(frozen=True, slots=True)
class _Source:
    """The end of a chain of mobs: the frame at `rate` from timecode zero, and the media."""

    frame: Fraction
    rate: Fraction
    media: Media
    name: str


@dataclass
class MobReader:
    """Reads the segments of a composition at its edit rate; gathers warnings."""

    rate: Fraction
    warnings: list[str] = field(default_factory=list)
    count: int = 0

    def clips(self, segment: Any, start: int, slot_rate: Fraction, depth: int = 0) -> list[Clip]:
        """The clips of a track.

        Args:
            segment: the segment of its slot.
            start: the record frame at which it starts.
            slot_rate: the rate at which its lengths count.
            depth: how deep it is nested.

        Raises:
            SourceError: it has too many components, or is nested too deep.
        """
        if type(segment).__name__ != "Sequence":
            return [self._component(segment, start, self._frames(segment, slot_rate), slot_rate, depth)]
        clips: list[Clip] = []
        position = start
        before: tuple[int, int, Transition] | None = None
        for component in segment.components:
            self._take(depth)
            length = self._frames(component, slot_rate)
            if type(component).__name__ == "Transition":
                position -= length
                cut = position + frame_at(Fraction(int(component["CutPoint"].value)) * self.rate / slot_rate, Fraction(1))
                if clips:
                    clips[-1] = replace(clips[-1], record_out=min(clips[-1].record_out, cut))
                before = (cut, position, _transition(component, length, cut - position, position))
                continue
            clip = self._component(component, position, length, slot_rate, depth)
            if before is not None:
                clip = self._after_transition(clip, before)
                before = None
            clips.append(clip)
            position += length
        return [_with_source_out(clip) for clip in clips]

    def _after_transition(self, clip: Clip, before: tuple[int, int, Transition]) -> Clip:
        """`clip` from its cut point on; the frames before it lie under the transition."""
        cut, _, transition = before
        cut = min(max(cut, clip.record_in), clip.record_out)
        if clip.source_in is not None and clip.timing is not None:
            shift = frame_at(clip.timing.at(cut) - clip.timing.at(clip.record_in), Fraction(1))
            clip = replace(clip, source_in=clip.source_in + shift)
        return replace(clip, record_in=cut, transition=transition)

    def _take(self, depth: int) -> None:
        self.count += 1
        if self.count > MAX_CLIPS:
            raise malformed(f"there are more than {MAX_CLIPS} components", "this AAF")
        if depth > MAX_CHAIN:
            raise malformed(f"components are nested more than {MAX_CHAIN} deep", "this AAF")

    def _frames(self, segment: Any, slot_rate: Fraction) -> int:
        length = int(segment.length or 0) if getattr(segment, "length", None) is not None else 0
        if not 0 <= length < 10**12:
            raise malformed(f"a component is {length} long", "this AAF")
        return frame_at(length * self.rate / slot_rate, Fraction(1)) if slot_rate else 0

    def _component(self, component: Any, position: int, length: int, slot_rate: Fraction, depth: int) -> Clip:
        """The clip of one component of a sequence."""
        self._take(depth)
        kind = type(component).__name__
        clip = Clip("", "gap", position, position + length)
        if kind == "SourceClip":
            return self._source_clip(clip, component, slot_rate, depth)
        if kind == "OperationGroup":
            return self._effect(clip, component, slot_rate, depth)
        if kind == "Selector":
            return self._component(component["Selected"].value, position, length, slot_rate, depth + 1)
        if kind == "NestedScope":
            scopes = list(component["Slots"].value or ())
            return self._inner(clip, scopes[-1], slot_rate, depth) if scopes else clip
        if kind == "Sequence":
            return self._inner(clip, component, slot_rate, depth)
        if kind not in ("Filler", "ScopeReference"):
            self.warnings.append(f"a {kind} at record frame {position} is read as a gap")
        return clip

    def _inner(self, clip: Clip, segment: Any, slot_rate: Fraction, depth: int) -> Clip:
        """A segment inside another: the clip itself if it is one, else a compound clip."""
        parts = self.clips(segment, 0, slot_rate, depth + 1)
        if len(parts) == 1 and parts[0].transition is None:
            part = parts[0]
            timing = replace(part.timing, anchor=part.timing.anchor + clip.record_in) if part.timing is not None else None
            return replace(part, record_in=clip.record_in, record_out=clip.record_out, timing=timing)
        nested = Sequence("", self.rate, 0, (Track("V1", tuple(part for part in parts if part.frames > 0)),))
        timing = Timing(clip.record_in, Fraction(0))
        return replace(clip, kind="compound", nested=nested, source_rate=self.rate, source_in=0, source_out=clip.frames, timing=timing)

    def _effect(self, clip: Clip, component: Any, slot_rate: Fraction, depth: int) -> Clip:
        """An effect: the clip of its first input, retimed if the effect is a speed change; without input a generator."""
        name = str(component.operation.name or "effect") if component.operation is not None else "effect"
        inputs = list(component.segments or ())
        if not inputs:
            return replace(clip, name=name, kind="generator")
        inner = self._inner(clip, inputs[0], slot_rate, depth)
        speed, points = _speed(component)
        if speed is None and not points:
            return inner
        if inner.timing is None or inner.source_in is None:
            return inner
        return self._retimed(inner, speed, points)

    def _retimed(self, clip: Clip, speed: Fraction | None, points: list[tuple[Fraction, Fraction]]) -> Clip:
        timing = clip.timing
        assert timing is not None  # noqa: S101  # checked by the caller
        if points and len(points) == 2 and points[1][0] > points[0][0]:
            speed = (points[1][1] - points[0][1]) / (points[1][0] - points[0][0])
        if speed is not None:
            timing = Timing(clip.record_in, timing.first, timing.advance * speed)
            retimed = replace(clip, speed=speed, timing=timing)
        else:
            curve = tuple((when, timing.first + value * timing.advance) for when, value in points)
            note = f"a speed curve of {len(points)} points is read as straight pieces"
            retimed = replace(clip, speed=None, timing=Timing(clip.record_in, curve[0][1], Fraction(0), curve), notes=(note,))
        return retimed.with_consumed_frames()

    def _source_clip(self, clip: Clip, component: Any, slot_rate: Fraction, depth: int) -> Clip:
        """A clip of media, or a gap where it refers to none."""
        if component.mob is None:
            return replace(clip, kind="clip" if component.mob_id and int(component.mob_id.int) else "gap", source_rate=self.rate)
        if type(component.mob).__name__ == "CompositionMob" and component.slot is not None:
            return self._nested_composition(clip, component, slot_rate, depth)
        source = self._follow(component, slot_rate)
        advance = source.rate / self.rate
        source_in = frame_at(source.frame, Fraction(1))
        return replace(
            clip,
            name=source.name,
            kind="clip",
            media=source.media,
            source_rate=source.rate,
            source_in=source_in,
            source_out=source_in + max(1, frame_at(clip.frames * advance, Fraction(1))),
            timing=Timing(clip.record_in, source.frame, advance),
        )

    def _nested_composition(self, clip: Clip, component: Any, slot_rate: Fraction, depth: int) -> Clip:
        """A clip of another composition, whose own cuts are visible."""
        inner_rate = fraction_of(component.slot.edit_rate) if hasattr(component.slot, "edit_rate") else slot_rate
        parts = self.clips(component.slot.segment, 0, inner_rate, depth + 1)
        name = str(component.mob.name or "")
        nested = Sequence(name, self.rate, 0, (Track("V1", tuple(part for part in parts if part.frames > 0)),))
        start = int(component["StartTime"].value or 0)
        first = Fraction(start) * self.rate / slot_rate if slot_rate else Fraction(0)
        source_in = frame_at(first, Fraction(1))
        return replace(
            clip,
            name=name,
            kind="compound",
            nested=nested,
            source_rate=self.rate,
            source_in=source_in,
            source_out=source_in + clip.frames,
            timing=Timing(clip.record_in, first),
        )

    def _follow(self, component: Any, slot_rate: Fraction) -> _Source:
        """Follow a clip through master, file and tape mobs; times convert at every step, and a timecode track adds its start."""
        name = str(component.mob.name or "")
        path, reel = None, None
        seconds = Fraction(int(component["StartTime"].value or 0)) / slot_rate if slot_rate else Fraction(0)
        rate = self.rate
        timecode: tuple[int, int] | None = None
        for depth in range(MAX_CHAIN):
            mob = component.mob
            if mob is None:
                break
            slot = component.slot
            timecode = _timecode_of(mob) or timecode
            path = _locator(mob) or path
            if type(mob).__name__ == "SourceMob":
                reel = str(mob.name or "") or reel
            if slot is None:
                break
            edit_rate = fraction_of(slot.edit_rate) if hasattr(slot, "edit_rate") else Fraction(0)
            rate = edit_rate if depth == 0 and edit_rate else rate
            following = _next_clip(slot.segment)
            if following is None:
                break
            component = following
            seconds += Fraction(int(component["StartTime"].value or 0)) / edit_rate if edit_rate else 0
        start = timecode[0] if timecode is not None else None
        return _Source(seconds * rate + (start or 0), rate, Media(path=path, name=name or None, reel=reel, start=start), name)


def _with_source_out(clip: Clip) -> Clip:
    """`clip`, whose length a transition may have changed, with the source frames of its length."""
    if clip.source_in is None or clip.timing is None or clip.timing.points or clip.timing.advance < 0:
        return clip
    return replace(clip, source_out=clip.source_in + max(1, frame_at(clip.frames * clip.timing.advance, Fraction(1))))


def _transition(component: Any, length: int, before: int, position: int) -> Transition:
    operation = component["OperationGroup"].value if "OperationGroup" in component else None
    name = str(operation.operation.name) if operation is not None and operation.operation is not None else "transition"
    alignment: Literal["start", "center", "end", "custom"] = "custom"
    if before in (0, length):
        alignment = "start" if before == 0 else "end"
    elif before * 2 == length:
        alignment = "center"
    return Transition("dissolve" if "Dissolve" in name else name, length, position, alignment)


def _speed(component: Any) -> tuple[Fraction | None, list[tuple[Fraction, Fraction]]]:
    """A constant speed, or the points (record frame, source frame) of a speed curve, from the parameters of an effect."""
    points: list[tuple[Fraction, Fraction]] = []
    speed: Fraction | None = None
    for parameter in component.parameters or ():
        name = str(parameter.name)
        if name in _SPEEDS and "Value" in parameter:
            speed = fraction_of(parameter["Value"].value)
        if name == _OFFSETS and "PointList" in parameter:
            pairs = ((fraction_of(point["Time"].value), point["Value"].value) for point in parameter["PointList"].value or ())
            points = sorted((when, fraction_of(value) if hasattr(value, "denominator") else Fraction(value)) for when, value in pairs)
    rising = [point for index, point in enumerate(points) if index == 0 or point[0] > points[index - 1][0]]
    return (None, rising) if len(rising) > 1 else (speed, [])


def _timecode_of(mob: Any) -> tuple[int, int] | None:
    """Start and frames a second of the first timecode track of a mob."""
    for slot in mob.slots:
        segment = slot.segment
        if type(segment).__name__ == "Sequence":
            segment = next(iter(segment.components), None)
        if type(segment).__name__ == "Timecode":
            return int(segment["Start"].value), int(segment["FPS"].value)
    return None


def _locator(mob: Any) -> str | None:
    """The address of a media file, from the descriptor of its mob."""
    descriptor = getattr(mob, "descriptor", None)
    if descriptor is None or "Locator" not in descriptor:
        return None
    for locator in descriptor["Locator"].value or ():
        if "URLString" in locator and locator["URLString"].value:
            return str(locator["URLString"].value)
    return None


def _next_clip(segment: Any) -> Any:
    """The source clip that a slot of a mob refers on with, or None at the end of the chain."""
    for _ in range(MAX_CHAIN):
        kind = type(segment).__name__
        if kind == "SourceClip":
            return segment if segment.mob is not None else None
        if kind == "Sequence":
            segment = next((part for part in segment.components if type(part).__name__ not in ("Filler", "Transition")), None)
        elif kind == "OperationGroup":
            segment = next(iter(segment.segments or ()), None)
        elif kind == "Selector":
            segment = segment["Selected"].value
        else:
            return None
    return None
