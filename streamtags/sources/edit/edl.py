"""Read CMX 3600 edit decision lists (EDL)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from streamtags.core.errors import SourceError
from streamtags.core.timecode import frames_per_day, has_drop_frame, nominal
from streamtags.sources.edit.edl_lines import Event, EventLine, Label, List, parse_label, parse_lines
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.model import Clip, Edit, Kind, Marker, Media, Sequence, Timing, Track, Transition

__all__ = ["read_edl"]

_FROM = re.compile(r"\*?\s*FROM CLIP NAME:\s*(.*)", re.IGNORECASE)
_TO = re.compile(r"\*?\s*TO CLIP NAME:\s*(.*)", re.IGNORECASE)
_FILE = re.compile(r"\*?\s*SOURCE FILE:\s*(.*)", re.IGNORECASE)
_REEL_IS_CLIP = re.compile(r"\*?\s*REEL\s+(\S+)\s+IS CLIP\s+(.*)", re.IGNORECASE)
_GENERATOR = re.compile(r"\*?\s*(FROM|TO) CLIP IS A (?:GENERATOR|STILL)", re.IGNORECASE)
_LOCATOR = re.compile(r"\*?\s*LOC:\s*(\S+)(?:\s+(\S+))?(?:\s+(.*))?", re.IGNORECASE)
_RESOLVE = re.compile(r"(?P<note>.*?)\s*\|C:(?P<color>\S*)\s*\|M:(?P<name>.*?)\s*\|D:(?P<frames>\d{1,9})\s*")
_FINAL_CUT = re.compile(r"FINAL CUT PRO|\*\s*COMMENT:", re.IGNORECASE)
_VIDEO = re.compile(r"V(\d*)")
_KINDS = {"D": "dissolve", "W": "wipe", "K": "key"}
# The highest frame number written in a list shows the lowest rate it can have.
_RATES_BY_HIGHEST_FRAME = ((23, 24), (24, 25), (29, 30), (47, 48), (49, 50), (59, 60))


def read_edl(text: str, name: str, rate: Fraction | None = None) -> Edit:
    """Read a list.

    A CMX 3600 list does not state its rate. The record timecode is authoritative: the source length never moves a later clip.

    Args:
        text: the list.
        name: the file's name, for errors.
        rate: frames a second; guessed from the highest frame number if None, with a warning.

    Raises:
        SourceError: a line is malformed; it names the line.
    """
    listing = parse_lines(text.replace("\0", "").replace("\x1a", ""), name)
    if not listing.events:
        raise malformed("there are no events in this list", name, line=1, hint="check that this is a CMX 3600 EDL")
    return _Reader(listing, name, rate, is_final_cut=_FINAL_CUT.search(text) is not None).edit()


class _Reader:
    """The state of reading one list: its rate and counting mode, and where the record time stands."""

    def __init__(self, listing: List, name: str, rate: Fraction | None, *, is_final_cut: bool) -> None:
        self.listing = listing
        self.name = name
        self.is_final_cut = is_final_cut
        self.warnings: list[str] = []
        self.markers: list[Marker] = []
        lines = [line for event in listing.events for line in event.lines]
        self.drop = listing.drop if listing.drop is not None else lines[0].record_in.semicolon
        self.rate = self._rate(rate, lines)
        self.days = 0
        self.last_record = 0

    def _rate(self, rate: Fraction | None, lines: list[EventLine]) -> Fraction:
        """The chosen or guessed rate, as one that has drop-frame timecode where the list counts so."""
        if rate is None:
            labels = (label for line in lines for label in (line.source_in, line.source_out, line.record_in, line.record_out))
            rate = self._rate_of_reversed_clips(_lowest_rate(labels))
            if self.drop:
                rate = Fraction(30 if rate <= 30 else 60)
            self.warnings.append(f"an EDL does not state its rate: {rate} frames a second assumed; pass --rate to set it")
        if self.drop and not has_drop_frame(rate):
            ntsc = Fraction(nominal(rate) * 1000, 1001)
            if not has_drop_frame(ntsc):
                raise malformed(
                    f"the list counts in drop-frame, which does not exist at {rate} frames a second", self.name, hint="pass --rate 29.97"
                )
            rate = ntsc
        return rate

    def _rate_of_reversed_clips(self, lowest: Fraction) -> Fraction:
        """The rate that a clip reversed at normal speed shows: `M2 A -025.0` is most likely one at 25. `lowest` if there is none."""
        speeds = {-fps for event in self.listing.events for _, _, fps, _ in event.speeds if fps < 0}
        shown = [Fraction(base) for _, base in _RATES_BY_HIGHEST_FRAME if base in speeds and base >= lowest]
        return shown[0] if len(shown) == 1 else lowest

    def edit(self) -> Edit:
        """The whole list as an edit."""
        tracks: dict[int, list[Clip]] = {}
        for event in self.listing.events:
            for number, clip in self._clips(event):
                tracks.setdefault(number, []).append(clip)
            self._markers(event)
        ordered = tuple(
            Track(f"V{number}", tuple(sorted(clips, key=lambda clip: clip.record_in))) for number, clips in sorted(tracks.items())
        )
        start = min((clip.record_in for track in ordered for clip in track.clips), default=0)
        sequence = Sequence(self.listing.title, self.rate, start, ordered)
        markers = tuple(sorted(self.markers, key=lambda marker: marker.frame))
        return Edit("edl", sequence, self.drop, markers, (), tuple(self.warnings))

    def _clips(self, event: Event) -> list[tuple[int, Clip]]:
        """The clips of an event with the number of their track. A line of zero length only introduces a transition."""
        clips = []
        for index, line in enumerate(event.lines):
            channel = _VIDEO.search(line.channels)
            if channel is None and line.channels != "B":
                continue
            record_in, record_out = self._record_range(line)
            if record_out > record_in:
                number = int(channel[1] or 1) if channel is not None and len(channel[1]) < 3 else 1
                clips.append((number, self._clip(event, index, record_in, record_out)))
        return clips

    def _record_range(self, line: EventLine) -> tuple[int, int]:
        """The record frames, counted on after midnight."""
        day = frames_per_day(self.rate, drop=self.drop)
        record_in = self._frame(line.record_in, line.line, self.drop) + self.days * day
        if record_in < self.last_record - day // 2:
            self.days += 1
            record_in += day
        length = self._length(line.record_in, line.record_out, line.line, self.rate, self.drop)
        if length is None:
            raise malformed("the record OUT is before the record IN", self.name, line=line.line)
        self.last_record = record_in
        return record_in, record_in + length

    def _length(self, start: Label, end: Label, line: int, rate: Fraction, drop: bool) -> int | None:
        """Frames from `start` to `end`, across midnight if need be; None if `end` is earlier by less than half a day."""
        length = self._frame(end, line, drop, rate) - self._frame(start, line, drop, rate)
        if length >= 0:
            return length
        day = frames_per_day(rate, drop=drop)
        return length + day if length + day < day // 2 else None

    def _frame(self, label: Label, line: int, drop: bool, rate: Fraction | None = None) -> int:
        """The frame number of `label`, at the rate of the list unless another is given.

        Raises:
            SourceError: the frames field does not exist at this rate.
        """
        if label.parts is None:
            return label.frame
        hours, minutes, seconds, frames = label.parts
        base = nominal(rate or self.rate)
        if frames >= base:
            hint = "pass --rate with the rate of the list"
            raise malformed(f"{label.text} does not exist at {base} frames a second", self.name, line=line, hint=hint)
        count = ((hours * 60 + minutes) * 60 + seconds) * base + frames
        skipped = base // 15
        # Lists with drop-frame record time may carry non-drop source labels, which drop-frame skips.
        if not drop or (seconds == 0 and frames < skipped and minutes % 10):
            return count
        total = hours * 60 + minutes
        return count - skipped * (total - total // 10)

    def _clip(self, event: Event, index: int, record_in: int, record_out: int) -> Clip:
        line = event.lines[index]
        rate = self._source_rate(line)
        drop = (line.source_drop if line.source_drop is not None else self.drop) and has_drop_frame(rate)
        media, name, kind = self._media(event, index)
        clip = Clip(
            name=name,
            kind=kind,
            record_in=record_in,
            record_out=record_out,
            media=media,
            source_in=self._frame(line.source_in, line.line, drop, rate),
            source_out=self._frame(line.source_out, line.line, drop, rate),
            source_rate=rate,
            transition=_transition(line, record_in),
            line=line.line,
        )
        return self._timed(clip, event, line, drop)

    def _source_rate(self, line: EventLine) -> Fraction:
        """The rate of the list, unless a source label has a frame number that does not exist at it."""
        lowest = _lowest_rate((line.source_in, line.source_out))
        if lowest <= nominal(self.rate):
            return self.rate
        self.warnings.append(f"line {line.line}: the source counts at more than {nominal(self.rate)} frames a second; read as {lowest}")
        return lowest

    def _media(self, event: Event, index: int) -> tuple[Media, str, Kind]:
        """Media, clip name and kind of one line of an event: FROM names the outgoing clip, TO the incoming one."""
        line = event.lines[index]
        remarks = [text for _, text in event.remarks]
        names = {side: _last(pattern, remarks) for side, pattern in (("FROM", _FROM), ("TO", _TO))}
        side = "TO" if line.type != "C" and names["TO"] else "FROM"
        name = names[side] or None
        reel_is_clip = next((match for text in remarks if (match := _REEL_IS_CLIP.fullmatch(text))), None)
        file_name = name if reel_is_clip is None or name else reel_is_clip[2].strip() or None
        source_file = _last(_FILE, remarks)
        generators = {match[1].upper() for text in remarks if (match := _GENERATOR.match(text))}
        kind: Kind = "generator" if line.reel.upper() in ("BL", "GEN", "BLACK") or side in generators else "clip"
        path = None if source_file in (None, "", "(NULL)") or side == "TO" else source_file
        return Media(path=path, name=file_name, reel=line.reel), name or "", kind

    def _timed(self, clip: Clip, event: Event, line: EventLine, drop: bool) -> Clip:
        """`clip` with its speed and timing."""
        rate = clip.source_rate or self.rate
        step = Fraction(nominal(rate), nominal(self.rate))
        length = self._length(line.source_in, line.source_out, line.line, rate, drop)
        speed = self._speed(event, line)
        first = Fraction(clip.source_in or 0)
        if length is not None:
            clip = replace(clip, source_out=(clip.source_in or 0) + length)
        elif speed is None or speed >= 0:
            raise malformed("the source OUT is before the source IN", self.name, line=line.line)
        if speed is None:
            if step == 1 and length != clip.frames and clip.kind == "clip":
                note = f"the source length {length} differs from the record length {clip.frames} and no M2 line gives a speed"
                self.warnings.append(f"line {line.line}: {note}")
                clip = replace(clip, notes=(note,))
            return replace(clip, timing=Timing(clip.record_in, first, step))
        if speed < 0 and not self.is_final_cut:
            first = Fraction(max(clip.source_in or 0, (clip.source_out or 0) - 1))
        return replace(clip, speed=speed, timing=Timing(clip.record_in, first, speed * step))

    def _speed(self, event: Event, line: EventLine) -> Fraction | None:
        """The speed that an M2 line of this event gives to `line`: the one whose reel and source IN match it."""
        for _, reel, fps, at in event.speeds:
            same_reel = reel.upper() == line.reel.upper() or len(event.lines) == 1
            if same_reel and (at is None or at.text == line.source_in.text or len(event.lines) == 1):
                return Fraction(str(fps)) / nominal(self.rate)
        return None

    def _markers(self, event: Event) -> None:
        record_in = self.last_record
        notes: list[str] = []
        for number, text in event.remarks:
            if (match := _RESOLVE.fullmatch(text)) is not None:
                note = "\n".join([*notes, *([match["note"]] if match["note"] else [])])
                frames = max(1, int(match["frames"]))
                self.markers.append(Marker(record_in, match["name"], note, match["color"] or None, frames))
            elif (match := _LOCATOR.fullmatch(text)) is not None and re.fullmatch(r"[\d:;.,]+", match[1]):
                self._locator(match, number, event.number)
            else:
                notes.append(text)

    def _locator(self, match: re.Match[str], line: int, event: str) -> None:
        """Add a locator. One with a wrong time is left out with a warning: it is only a remark."""
        try:
            frame = self._frame(parse_label(match[1], self.name, line), line, self.drop)
        except SourceError as error:
            self.warnings.append(f"line {line}: this locator is left out: {error.what}")
            return
        self.markers.append(Marker(frame, (match[3] or "").strip(), color=match[2], on=event))


def _lowest_rate(labels: Iterable[Label]) -> Fraction:
    """The lowest standard rate at which every one of `labels` exists."""
    highest = max((label.parts[3] for label in labels if label.parts is not None), default=0)
    return Fraction(next((base for limit, base in _RATES_BY_HIGHEST_FRAME if highest <= limit), 60))


def _last(pattern: re.Pattern[str], remarks: list[str]) -> str | None:
    matches = [match[1].strip() for text in remarks if (match := pattern.fullmatch(text))]
    return matches[-1] if matches else None


def _transition(line: EventLine, record_in: int) -> Transition | None:
    """The transition of an event line, which starts at its record IN."""
    if line.type == "C":
        return None
    kind = _KINDS[line.type[0]]
    return Transition(kind, line.frames if kind != "key" else None, record_in)
