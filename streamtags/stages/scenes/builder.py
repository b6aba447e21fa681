"""Group segments into scenes, segment by segment, with a heuristic.

Overlapping links, after Hanjalic, Lagendijk and Biemond, "Automated high-level movie segmentation for advanced video-retrieval
systems", IEEE Trans. Circuits and Systems for Video Technology 9(4), 1999: a shot that looks like one of the last few is linked to it, and
everything between belongs to the same scene. So two faces in a dialogue, shown in turn, stay together, though neighbors differ.

A voice that goes on speaks for one scene, other voices speak weakly for two. A narrator, whose voice goes on whatever is shown, speaks for
neither: links that rest on a voice are undone when it turns out to be a narrator's.
Where there is no picture, a scene ends where the sound becomes clearly another; only neighbors are compared.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from streamtags.core.answers import heard_shares, heard_voices
from streamtags.core.events import SceneDetected
from streamtags.core.scene_fold import mean_tags
from streamtags.core.state import SegmentState
from streamtags.core.voices import Timbre, is_same_voice
from streamtags.stages.scenes.look import Look, difference, look_of, sound_change, sound_difference

__all__ = ["SceneBuilder"]

# Two shots look alike below this: 90 % of the pairs of pieces of one shot do, and 4 % of the pairs from different clips (see the docs).
_ALIKE = 0.45
# Where speech or music begins or ends at the boundary, shots must look more alike; where it goes on, less. A modest step of our choosing.
_SOUND_CHANGES, _SOUND_GOES_ON = 0.7, 0.2
_SOUND_STEP = 0.07
# Where a voice goes on, shots may look less alike still; where only other voices speak, they must look more alike (see the docs).
_SAME_VOICE_STEP, _OTHER_VOICES_STEP = 0.2, -0.14
# A voice that has gone on for longer, in seconds, and over more unlike pictures is a narrator's and holds nothing together.
_NARRATOR_SECONDS = 30.0
_NARRATOR_PICTURES = 3
# Segments without a picture sound alike below this (see the docs).
_SOUNDS_ALIKE = 0.5
# How far back a link may reach: in shots, and in seconds from the end of the earlier to the start of the later.
_WINDOW_SHOTS = 5
_WINDOW_SECONDS = 30.0
# A segment darker than this is a pause between scenes, not a picture (percent of full luma).
_BLACK_PERCENT = 6.0


@dataclass(slots=True)
class _Speaker:
    """A voice that goes on from segment to segment, as far as it was followed.

    Attributes:
        since: seconds at which the first segment began.
        pictures: over which it was heard, no two alike; at most `_NARRATOR_PICTURES` + 1, none in a sound file.
        is_narrator: it goes on whatever is shown.
    """

    since: float
    pictures: list[Look] = field(default_factory=list)
    is_narrator: bool = False

    def speak(self, start: float, look: Look) -> bool:
        """Take a segment in which the voice goes on; return whether it turns out to be a narrator's."""
        if self.is_narrator:
            return False
        is_measured = look.palette or look.numbers
        if is_measured and len(self.pictures) <= _NARRATOR_PICTURES and all(_look_unlike(look, seen) for seen in self.pictures):
            self.pictures.append(look)
        is_over_many = len(self.pictures) > _NARRATOR_PICTURES or not self.pictures
        self.is_narrator = is_over_many and start - self.since > _NARRATOR_SECONDS
        return self.is_narrator


@dataclass(frozen=True, slots=True)
class _Link:
    segment: SegmentState
    look: Look
    voices: list[Timbre]
    speaker: _Speaker

    @property
    def black(self) -> bool:
        return self.look.numbers.get("brightness_percent", 100.0) < _BLACK_PERCENT


class SceneBuilder:
    """Takes segments in order and returns a scene as soon as no later segment can change it.

    Every segment belongs to one scene. The bounds depend only on the evidence, shots, times, heard shares and voices of the segments;
    the tags of a scene are the mean of theirs. Memory: the segments of the open scene and of the window behind it, and a few that have
    voices.
    """

    def __init__(self) -> None:
        self._open: list[_Link] = []
        self._reach = 0  # position in _open of the last segment of the first scene
        self._scenes = 0
        self._spoken: deque[_Link] = deque(maxlen=_WINDOW_SHOTS)

    def push(self, segment: SegmentState) -> list[SceneDetected]:
        """Take the next segment; return the scenes that are certain now."""
        look, voices = look_of(segment.evidence), heard_voices(segment.answers)
        speaker = self._speaker(segment, voices)
        if speaker.speak(segment.start.seconds, look):
            self._find_reach()
        link = _Link(segment, look, voices, speaker)
        if voices:
            self._spoken.append(link)
        closed = self.finish() if self._separated(link) else []
        self._open.append(link)
        self._extend(len(self._open) - 1)
        while self._reach < len(self._open) - 1 and not _within(self._open[self._reach], link):
            closed.append(self._close())
        return closed

    def finish(self) -> list[SceneDetected]:
        """Return the scenes that are open when no segment follows."""
        closed = []
        while self._open:
            closed.append(self._close())
        return closed

    def _speaker(self, segment: SegmentState, voices: list[Timbre]) -> _Speaker:
        """Return the speaker who spoke in most of the last segments with voices and speaks in this one, else a new one."""
        same = [link.speaker for link in self._spoken if is_same_voice(link.voices, voices)]
        return same[-1] if len(same) > len(self._spoken) / 2 else _Speaker(segment.start.seconds)

    def _separated(self, link: _Link) -> bool:
        """Whether a scene ends before `link`: after a gap, or at a fade, a dissolve or black that leads to another picture."""
        if not self._open:
            return False
        before = self._open[-1]
        if before.segment.kind == "gap":
            return True
        if link.black:
            return False
        if before.segment.shot == link.segment.shot or not (before.black or link.segment.transition == "gradual"):
            return False
        seen = next((earlier for earlier in reversed(self._open) if not earlier.black), None)
        return seen is None or not _alike(seen, link)

    def _extend(self, newest: int) -> None:
        """Extend the scene to the segment at `newest` if a segment of the scene is linked to it."""
        link = self._open[newest]
        for at in range(min(self._reach, newest - 1), -1, -1):
            if not _within(self._open[at], link):
                break
            if _linked(self._open[at], link, neighbors=at == newest - 1):
                self._reach = newest
                break

    def _find_reach(self) -> None:
        self._reach = 0
        for at in range(1, len(self._open)):
            self._extend(at)

    def _close(self) -> SceneDetected:
        """Close the first scene, and find how far the next one reaches."""
        members = [link.segment for link in self._open[: self._reach + 1]]
        del self._open[: self._reach + 1]
        self._find_reach()
        scene = SceneDetected(
            scene=f"sc{self._scenes:04d}",
            index=self._scenes,
            first=members[0].segment,
            last=members[-1].segment,
            start=members[0].start,
            end=members[-1].end,
            tags=mean_tags(members),
        )
        self._scenes += 1
        return scene


def _within(earlier: _Link, later: _Link) -> bool:
    """Whether a link may reach from one to the other."""
    apart = later.segment.start.seconds - earlier.segment.end.seconds
    return later.segment.shot - earlier.segment.shot <= _WINDOW_SHOTS and apart <= _WINDOW_SECONDS


def _linked(earlier: _Link, later: _Link, *, neighbors: bool) -> bool:
    """Whether two segments are linked: slices of one shot are, and neighbors are if they have no measure in common."""
    if earlier.segment.shot == later.segment.shot or (neighbors and later.black):
        return True
    return _alike(earlier, later, unknown=neighbors)


def _alike(earlier: _Link, later: _Link, *, unknown: bool = True) -> bool:
    apart = difference(earlier.look, later.look)
    if apart is None:
        return unknown and _sounds_alike(earlier, later)
    sound = _sound_step(earlier.segment, later.segment)
    if later.speaker.is_narrator:
        sound = min(0.0, sound)  # that a narrator goes on speaking says nothing
    return apart < _ALIKE + sound + _voice_step(earlier, later)


def _sounds_alike(earlier: _Link, later: _Link) -> bool:
    """Whether two segments without a picture sound alike; they do if nothing of their sound is known."""
    one, other = earlier.segment, later.segment
    change = sound_change(heard_shares(one.answers), heard_shares(other.answers))
    apart = sound_difference(one.evidence, other.evidence, change)
    # Only neighbors are compared here, and two people who speak in turn are one conversation: other voices part nothing.
    return apart is None or apart < _SOUNDS_ALIKE + max(0.0, _voice_step(earlier, later))


def _voice_step(earlier: _Link, later: _Link) -> float:
    """Return by how much the limit of likeness moves for the voices; not at all unless it is clear whether they are the same."""
    is_same = None if later.speaker.is_narrator else is_same_voice(earlier.voices, later.voices)
    if is_same is None:
        return 0.0
    return _SAME_VOICE_STEP if is_same else _OTHER_VOICES_STEP


def _look_unlike(one: Look, other: Look) -> bool:
    apart = difference(one, other)
    return apart is not None and apart >= _ALIKE


def _sound_step(earlier: SegmentState, later: SegmentState) -> float:
    """Return by how much the limit of likeness moves for what is heard; silence that goes on says nothing."""
    one, other = heard_shares(earlier.answers), heard_shares(later.answers)
    change = sound_change(one, other)
    if change is None:
        return 0.0
    if change >= _SOUND_CHANGES:
        return -_SOUND_STEP
    return _SOUND_STEP if change <= _SOUND_GOES_ON and max(one.get("other", 1.0), other.get("other", 1.0)) < 0.5 else 0.0
