"""The lines of a CMX 3600 list: event lines, the remarks below them, and the text before both."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from streamtags.sources.edit.errors import malformed

__all__ = ["Event", "EventLine", "Label", "List", "parse_lines"]

MAX_LINE = 4000
MAX_EVENTS = 100_000
_TIME = r"\d{1,3}[:;]\d{2}[:;]\d{2}[:;.,]\d{2,3}"
_LABEL = re.compile(r"(\d{1,3})[:;](\d{2})[:;](\d{2})([:;.,])(\d{2,3})", re.ASCII)
_EVENT = re.compile(
    rf"\s*(?P<event>\d+\w?)\s+(?:(?P<reel>\S.*?)\s+)?(?P<channels>[A-Z0-9/+,]+)\s+(?P<type>C|D|W\d{{1,4}}|K\s*[BO]?)(?:\s+(?P<frames>\d{{1,4}}))?"
    rf"\s+(?P<times>(?:{_TIME}|\d+)(?:\s+(?:{_TIME}|\d+)){{3}})(?:\s.*)?",
    re.ASCII | re.IGNORECASE,
)
_LIKE_AN_EVENT = re.compile(rf"\s*\d+\w?\s+\S.*(?:\s(?:C|D|W\d+|K)\s.*{_TIME}|{_TIME}.*{_TIME})", re.ASCII)
_SPEED = re.compile(rf"\s*M2\s+(?P<reel>\S.*?)\s+(?P<speed>[+-]?\s*\d+(?:\.\d+)?)(?:\s+(?P<at>{_TIME}|\d+)(?:\s.*)?)?\s*", re.ASCII)
_LIKE_A_SPEED = re.compile(r"\s*M2\s", re.ASCII)
_MODE = re.compile(r"\s*FCM:\s*(.*?)\s*", re.IGNORECASE)
_TITLE = re.compile(r"\s*TITLE:\s*(.*?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Label:
    """A timecode or a frame number as written. `parts` is (hours, minutes, seconds, frames), or None for a frame number."""

    text: str
    parts: tuple[int, int, int, int] | None
    frame: int
    semicolon: bool


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line of an event: reel, channels, transition, and the four times."""

    line: int
    reel: str
    channels: str
    type: str
    frames: int | None
    source_in: Label
    source_out: Label
    record_in: Label
    record_out: Label
    source_drop: bool | None


@dataclass(slots=True)
class Event:
    """Event lines that share a number, and the remarks below them."""

    number: str
    lines: list[EventLine] = field(default_factory=list)
    remarks: list[tuple[int, str]] = field(default_factory=list)
    speeds: list[tuple[int, str, float, Label | None]] = field(default_factory=list)


@dataclass(slots=True)
class List:
    """A whole list. `drop` is None where no FCM line stands before the first event."""

    title: str = ""
    drop: bool | None = None
    events: list[Event] = field(default_factory=list)


def parse_lines(text: str, name: str) -> List:
    """Split `text` into events.

    Raises:
        SourceError: a line looks like an event or a speed and is not one, or there are too many; with its line number.
    """
    result = List()
    source_drop: bool | None = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if len(line) > MAX_LINE:
            raise malformed(f"the line is longer than {MAX_LINE} characters", name, line=number, hint="check that this is an EDL")
        if (match := _MODE.fullmatch(line)) is not None:
            drop = "NON" not in match[1].upper() and "DROP" in match[1].upper()
            if result.drop is None and not result.events:
                result.drop = drop
            source_drop = drop
        elif (match := _TITLE.fullmatch(line)) is not None and not result.events:
            result.title = match[1]
        else:
            _add_line(result, line, number, name, source_drop)
    return result


def _add_line(result: List, line: str, number: int, name: str, source_drop: bool | None) -> None:
    event = _EVENT.fullmatch(line)
    if event is not None:
        _add_event(result, event, number, name, source_drop)
    elif _LIKE_A_SPEED.match(line):
        _add_speed(result, line, number, name)
    elif not line.lstrip().startswith(("*", "|", "REM")) and _LIKE_AN_EVENT.match(line):
        raise malformed(
            "this event line cannot be read", name, line=number, hint="it needs event, reel, channels, transition and four times"
        )
    elif line.strip() and result.events:
        result.events[-1].remarks.append((number, line.strip()))


def _add_event(result: List, match: re.Match[str], number: int, name: str, source_drop: bool | None) -> None:
    times = [parse_label(text, name, number) for text in match["times"].split()]
    line = EventLine(
        line=number,
        reel=(match["reel"] or "").strip(),
        channels=match["channels"].upper(),
        type=re.sub(r"\s", "", match["type"].upper()),
        frames=int(match["frames"]) if match["frames"] else None,
        source_in=times[0],
        source_out=times[1],
        record_in=times[2],
        record_out=times[3],
        source_drop=source_drop,
    )
    if not result.events or result.events[-1].number != match["event"]:
        if len(result.events) == MAX_EVENTS:
            raise malformed(f"the list has more than {MAX_EVENTS} events", name, line=number)
        result.events.append(Event(match["event"]))
    result.events[-1].lines.append(line)


def _add_speed(result: List, line: str, number: int, name: str) -> None:
    match = _SPEED.fullmatch(line)
    if match is None or not result.events:
        raise malformed("this M2 line cannot be read", name, line=number, hint="it needs reel, frames a second and the source timecode")
    at = parse_label(match["at"], name, number) if match["at"] else None
    result.events[-1].speeds.append((number, match["reel"].strip(), float(match["speed"].replace(" ", "")), at))


def parse_label(text: str, name: str, line: int) -> Label:
    """A timecode or a frame number.

    Raises:
        SourceError: neither of them.
    """
    if (match := _LABEL.fullmatch(text)) is not None:
        hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
        if minutes > 59 or seconds > 59:
            raise malformed(f"{text} is not a timecode", name, line=line)
        return Label(text, (hours, minutes, seconds, frames), 0, match[4] in ";,")
    if len(text) > 9 or not (text.isascii() and text.isdigit()):
        raise malformed(f"{text[:20]} is not a timecode", name, line=line)
    return Label(text, None, int(text), False)
