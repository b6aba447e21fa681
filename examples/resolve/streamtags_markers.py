"""Which markers a timeline of streamtags needs in DaVinci Resolve, and what a person's change of a marker means.

Pure: nothing here calls Resolve or a server. Like all files of this folder it runs on Python 3.6 and needs no other package, because
Resolve runs scripts in the Python that it finds.
"""

import hashlib
import json
import re
from fractions import Fraction
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

__all__ = [
    "MARKER_COLORS",
    "Change",
    "Custom",
    "Marker",
    "Settings",
    "Wanted",
    "color_of",
    "first_frame",
    "markers_for",
    "parse_rate",
    "read_change",
]

MARKER_COLORS = (
    "Blue", "Cyan", "Green", "Yellow", "Red", "Pink", "Purple", "Fuchsia",
    "Rose", "Lavender", "Sky", "Mint", "Lemon", "Sand", "Cocoa", "Cream",
)  # fmt: skip
# Clips have other colors than markers. AddMarker refuses their names, so each stands for the marker color that looks most like it.
_CLIP_COLORS = {
    "Orange": "Sand", "Apricot": "Sand", "Lime": "Mint", "Olive": "Lemon", "Teal": "Cyan", "Navy": "Blue",
    "Violet": "Lavender", "Tan": "Sand", "Beige": "Cream", "Brown": "Cocoa", "Chocolate": "Cocoa",
}  # fmt: skip
_NAME_TAGS = 3
_BETWEEN_SEGMENTS = " / "
_TAGS_LINE = "Tags: "
_SCORED = re.compile(r"(?P<tag>.+?)[ =]+(?P<confidence>[01](?:\.\d+)?)$")


def color_of(name: str) -> Optional[str]:
    """Return the marker color for a name of a marker color or clip color; None if Resolve has neither."""
    colors = {color.lower(): color for color in MARKER_COLORS}
    colors.update((clip.lower(), color) for clip, color in _CLIP_COLORS.items())
    return colors.get(name.lower())


class Settings(NamedTuple):
    """What to show, and how. `streamtags_settings` checks the values that a person gives."""

    axes: Tuple[str, ...] = ()
    tags: Tuple[str, ...] = ()
    min_confidence: float = 0.0
    colors: Mapping[str, str] = {}
    align: str = "start"
    offset_frames: int = 0
    target: str = "timeline"
    paints_clips: bool = False
    clip_colors: Mapping[str, str] = {}


class Marker(NamedTuple):
    """A marker in Resolve. `frame` counts from the start of the timeline or clip."""

    frame: int
    color: str
    name: str
    note: str
    duration: int
    custom: str = ""


class Wanted(NamedTuple):
    """The marker for one segment, or for several that start on the same frame: Resolve has one marker a frame."""

    segments: Tuple[str, ...]
    marker: Marker
    last_frame: int
    shown: Tuple[Tuple[Tuple[str, str], ...], ...]

    @property
    def key(self) -> str:
        """What identifies the marker from one update to the next."""
        return self.segments[0]


class Change(NamedTuple):
    """What a person changed in a marker, as a correction of a segment; only the fields to send are set."""

    segment: str
    tags: Tuple[Tuple[str, float], ...] = ()
    untag: Tuple[str, ...] = ()
    caption: Optional[str] = None

    def body(self) -> Dict[str, Any]:
        """Return the JSON body of `PATCH /v1/timelines/{id}/segments/{segment}`."""
        body: Dict[str, Any] = {}
        if self.tags:
            body["tags"] = [{"tag": tag, "confidence": confidence} for tag, confidence in self.tags]
        if self.untag:
            body["untag"] = list(self.untag)
        if self.caption is not None:
            body["caption"] = self.caption
        return body


def _digest(*values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode("utf-8")).hexdigest()[:12]


class Custom(NamedTuple):
    """What a marker's customData says: which segments it is for, and what was written, so that a person's change shows."""

    timeline: str
    segments: Tuple[str, ...]
    wanted: str
    name: str
    note: str
    caption: str
    color: str
    duration: int
    frame: int
    shown: Tuple[Tuple[Tuple[str, str], ...], ...]

    @classmethod
    def of(cls, timeline: str, wanted: Wanted, written: Marker) -> "Custom":
        """Return the customData for a marker that Resolve shows as `written`."""
        texts = (written.name, written.note, _split_note(written.note)[0])
        name, note, caption = (_digest(text) for text in texts)
        place = (written.color, written.duration, written.frame)
        return cls(timeline, wanted.segments, _digest(wanted.marker[:5]), name, note, caption, *place, shown=wanted.shown)

    @classmethod
    def parse(cls, text: str) -> Optional["Custom"]:
        """Return what `text` says; None if the marker is not one of streamtags."""
        try:
            fields = json.loads(text)["streamtags"]
            custom = cls(**fields)
            segments = tuple(str(name) for name in custom.segments)
            shown = tuple(tuple((str(tag), str(score)) for tag, score in tags) for tags in custom.shown)
            return custom._replace(segments=segments, shown=shown) if len(segments) == len(shown) > 0 else None
        except (ValueError, TypeError, KeyError):
            return None

    def text(self) -> str:
        """Return the customData as Resolve stores it."""
        return json.dumps({"streamtags": self._asdict()}, separators=(",", ":"), sort_keys=True)

    def is_for(self, wanted: Wanted) -> bool:
        """Whether the marker was written for exactly this."""
        return self.segments == wanted.segments and self.wanted == _digest(wanted.marker[:5])


def parse_rate(value: object) -> Fraction:
    """Return the rate that Resolve calls `23.976`, `"29.97 DF"` or `25`.

    Raises:
        ValueError: not a frame rate.
    """
    text = str(value).replace("DF", "").strip()
    rate = Fraction(text)
    if not 0 < rate <= 1000:
        raise ValueError("{!r} is not a frame rate".format(value))
    nominal = Fraction(round(float(rate)))
    ntsc = nominal * 1000 / 1001
    return ntsc if rate != nominal and abs(ntsc - rate) < Fraction(6, 1000) else rate


def first_frame(timecode: str, rate: Fraction) -> int:
    """Return the number of the frame with this SMPTE timecode; `;` before the frames means drop-frame.

    Raises:
        ValueError: not a timecode.
    """
    match = re.match(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d\d?)$", timecode)
    if match is None:
        raise ValueError("{!r} is not a timecode such as 01:00:00:00".format(timecode))
    hours, minutes, seconds, frames = (int(match.group(group)) for group in (1, 2, 3, 5))
    nominal = int(rate) if rate.denominator == 1 else int(rate) + 1
    number = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if match.group(4) in ";,":
        # SMPTE ST 12-1: two numbers (four at 59.94) are left out in each minute that is not a multiple of ten.
        minute = hours * 60 + minutes
        number -= (nominal // 30 * 2) * (minute - minute // 10)
    return number


def _seconds(time: Mapping[str, Any]) -> Fraction:
    return int(time["pts"]) * Fraction(time["time_base"])


def _rounded(frames: Fraction) -> int:
    return int((frames + Fraction(1, 2)) // 1)


def _offset(state: Mapping[str, Any], rate: Fraction, start_frame: int, settings: Settings) -> int:
    """Return the frame of the timeline at which the source begins."""
    if settings.align != "timecode":
        return settings.offset_frames
    video = state["source"]["video"]
    text, source_rate = video["start_timecode"], Fraction(video["rate"])
    if source_rate != rate:  # non-drop, its frames scaled: editors keep 01:00:00:00 when they conform
        scaled = int(text[9:]) * round(float(rate)) // round(float(source_rate))
        text = "{}:{:02d}".format(text[:8], scaled)
    return first_frame(text, rate) - start_frame + settings.offset_frames


def _selected(segment: Mapping[str, Any], settings: Settings, axis_of: Mapping[str, str]) -> List[Tuple[str, float]]:
    wanted = {name.lower() for name in settings.tags}
    axes = {name.lower() for name in settings.axes}
    return [
        (score["tag"], score["confidence"])
        for score in segment["tags"]
        if score["confidence"] >= settings.min_confidence
        and (not wanted or score["tag"].lower() in wanted)
        and (not axes or axis_of.get(score["tag"].lower(), "").lower() in axes)
    ]


def _color(tags: Sequence[Tuple[str, float]], settings: Settings, axis_of: Mapping[str, str]) -> str:
    """Return the color of the axis of the strongest tag: the one that the settings give, or the next of Resolve's list for each axis."""
    if not tags:
        return MARKER_COLORS[0]
    axis = axis_of.get(tags[0][0].lower(), "")
    for name, color in settings.colors.items():
        if name.lower() == axis.lower():
            return color
    axes = sorted(set(axis_of.values()))
    return MARKER_COLORS[axes.index(axis) % len(MARKER_COLORS)] if axis in axes else MARKER_COLORS[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _names(tags: Sequence[Tuple[str, float]]) -> Tuple[str, ...]:
    return tuple(tag for tag, _ in tags[:_NAME_TAGS])


def _shown(tags: Sequence[Tuple[str, float]]) -> Tuple[Tuple[str, str], ...]:
    return tuple((tag, "{:.2f}".format(confidence)) for tag, confidence in tags)


def _note(segment: Mapping[str, Any], tags: Sequence[Tuple[str, float]]) -> str:
    scores = ", ".join("{} {}".format(tag, score) for tag, score in _shown(tags))
    return "\n".join(part for part in (_one_line(segment["caption"] or ""), scores and _TAGS_LINE + scores) if part)


def markers_for(state: Mapping[str, Any], rate: Fraction, start_frame: int, settings: Settings, axis_of: Mapping[str, str]) -> List[Wanted]:
    """Return the markers for a state, in order.

    Args:
        state: what `GET /v1/timelines/{id}` or the export `json` returns.
        rate: frames per second of Resolve's timeline or clip.
        start_frame: `GetStartFrame()` of the timeline; 0 for a clip.
        settings: what to show.
        axis_of: the axis of each tag of the vocabulary; its keys are lower-case.

    Raises:
        ValueError: the start timecode of the source is not one.
    """
    if not state["segments"] or not state["source"]:
        return []
    first, offset = _seconds(state["segments"][0]["start"]), _offset(state, rate, start_frame, settings)
    selects = bool(settings.axes or settings.tags or settings.min_confidence)
    wanted: Dict[int, Wanted] = {}
    for segment in state["segments"]:
        tags = _selected(segment, settings, axis_of)
        start = offset + _rounded((_seconds(segment["start"]) - first) * rate)
        end = offset + _rounded((_seconds(segment["end"]) - first) * rate)
        if segment["kind"] == "gap" or (selects and not tags) or start < 0:
            continue
        name = ", ".join(_names(tags)) or "Segment {}".format(segment["index"] + 1)
        marker = Marker(start, _color(tags, settings, axis_of), name, _note(segment, tags), max(1, end - start))
        one = Wanted((segment["segment"],), marker, max(start, end - 1), (_shown(tags),))
        wanted[start] = _merged(wanted[start], one) if start in wanted else one
    return [wanted[frame] for frame in sorted(wanted)]


def _merged(first: Wanted, second: Wanted) -> Wanted:
    marker = first.marker._replace(
        name=first.marker.name + _BETWEEN_SEGMENTS + second.marker.name,
        note=first.marker.note + "\n\n" + second.marker.note,
        duration=max(first.marker.duration, second.marker.duration),
    )
    last = max(first.last_frame, second.last_frame)
    return Wanted(first.segments + second.segments, marker, last, first.shown + second.shown)


def read_change(custom: Custom, marker: Marker, axis_of: Mapping[str, str]) -> Optional[List[Change]]:
    """Return what a person changed in the text of a marker, as corrections; [] if nothing, None if it is not about tags or captions.

    The name of a marker lists tags; an edited list adds and removes tags. In the note, the line `Tags:` does the same and can
    also give confidences, and the text before it is the caption. With a vocabulary, text that is none of its tags is no correction.
    """
    has_name, has_note = _digest(marker.name) != custom.name, _digest(marker.note) != custom.note
    if not (has_name or has_note):
        return []
    names: Sequence[Optional[str]] = marker.name.split(_BETWEEN_SEGMENTS) if has_name else [None] * len(custom.segments)
    if len(names) != len(custom.segments) or (has_note and len(custom.segments) > 1):
        return None
    changes = []
    for segment, shown, name in zip(custom.segments, custom.shown, names):
        note = (marker.note, _digest(_split_note(marker.note)[0]) != custom.caption) if has_note else None
        change = _change(segment, shown, name, note, axis_of)
        if change is None:
            return None
        if change.body():
            changes.append(change)
    return changes


def _change(
    segment: str, shown: Sequence[Tuple[str, str]], name: Optional[str], note: Optional[Tuple[str, bool]], axis_of: Mapping[str, str]
) -> Optional[Change]:
    edits: List[Tuple[str, Sequence[Tuple[str, str]]]] = []
    caption = None
    if name is not None:
        if not name.strip():
            return None
        edits.append(("" if re.match(r"Segment \d+$", name.strip()) else name, shown[:_NAME_TAGS]))
    if note is not None:
        text, line, listed = _split_note(note[0])
        caption = (text or None) if note[1] else None
        if line:
            edits.append((listed, shown))
    tags: Dict[str, float] = {}
    untag: Set[str] = set()
    known = {tag.lower(): (tag, score) for tag, score in shown}
    for text, before in edits:
        listed_tags = _parse_tags(text)
        if any(axis_of and tag not in axis_of and tag not in known for tag in listed_tags):
            return None
        untag.update(tag for tag, _ in before if tag.lower() not in listed_tags)
        for key, (tag, confidence) in listed_tags.items():
            name_of_tag, score = known.get(key, (tag, ""))
            if key not in known or (confidence is not None and "{:.2f}".format(confidence) != score):
                tags[name_of_tag] = 1.0 if confidence is None else confidence
    return Change(segment, tuple(tags.items()), tuple(sorted(untag - set(tags))), caption)


def _split_note(note: str) -> Tuple[str, bool, str]:
    """Return the caption in a note, whether it has a line of tags, and the tags in that line."""
    text, line, listed = note.rpartition(_TAGS_LINE)
    return (_one_line(text), True, _one_line(listed)) if line else (_one_line(note), False, "")


def _parse_tags(text: str) -> Dict[str, Tuple[str, Optional[float]]]:
    """Return the tags in a list such as `Calm, Tense 0.9` by their lower-case names, with the confidence if one is given."""
    tags: Dict[str, Tuple[str, Optional[float]]] = {}
    for part in text.split(","):
        word = part.strip()
        match = _SCORED.match(word)
        if match is not None and float(match.group("confidence")) <= 1:
            tag = match.group("tag").strip()
            tags[tag.lower()] = (tag, float(match.group("confidence")))
        elif word:
            tags[word.lower()] = (word, None)
    return tags
