"""The lines of one segment from the transcript of its stretch. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from streamtags.core.answers import TranscriptLine, Word
from streamtags.core.timebase import Clock, Time
from streamtags.stages.transcribe.transcriber import Spoken, SpokenWord

__all__ = ["lines_of"]

_MAX_LINES = 400


def lines_of(spoken: Iterable[Spoken], offset: float, start: Time, end: Time, clock: Clock) -> list[TranscriptLine]:
    """Return the lines of the segment from `start` to `end`: the words whose middle lies in it.

    Neighboring segments share no word, and together they have all of them. A line without words belongs to the segment in which its
    middle lies.

    Args:
        spoken: lines of the transcript.
        offset: seconds of the source at which the transcript begins.
        start: of the segment.
        end: of the segment.
        clock: of the source.
    """
    place = _Place(offset, start, end, clock)
    lines = []
    for line in spoken:
        words = [word for word in line.words if place.holds(word.start, word.end)]
        if words:
            text = "".join(word.text for word in words).strip()
            first, last = words[0].start, max(word.end for word in words)
            lines.append(
                TranscriptLine(start=place.time(first), end=place.time(last), text=text, words=[place.word(word) for word in words])
            )
        elif not line.words and place.holds(line.start, line.end):
            lines.append(TranscriptLine(start=place.time(line.start), end=place.time(line.end), text=line.text))
    return [line for line in lines if line.text][:_MAX_LINES]


class _Place:
    """A segment in its stretch."""

    def __init__(self, offset: float, start: Time, end: Time, clock: Clock) -> None:
        self._offset, self._start, self._end, self._clock = offset, start, end, clock

    def holds(self, start: float, end: float) -> bool:
        """Whether the middle of `start` and `end` lies in the segment."""
        return self._start.pts <= self._clock.ticks(self._offset + (start + end) / 2) < self._end.pts

    def pts(self, seconds: float) -> int:
        """Return the pts of `seconds`, kept in the segment."""
        return min(max(self._clock.ticks(self._offset + seconds), self._start.pts), self._end.pts)

    def time(self, seconds: float) -> Time:
        """Return the time; its frame is as far between those of the segment as its pts."""
        pts, start, end = self.pts(seconds), self._start, self._end
        frame = start.frame + (pts - start.pts) * (end.frame - start.frame) // max(1, end.pts - start.pts)
        return self._clock.at(pts, frame)

    def word(self, word: SpokenWord) -> Word:
        return Word(start=self.pts(word.start), end=self.pts(word.end), text=word.text.strip(), confidence=word.confidence)
