"""Keeps the markers of the open timeline in DaVinci Resolve equal to the tags of a streamtags timeline.

A marker belongs to the segments that its customData names, so an update finds its own markers again and touches no other. What a person
changes in a marker stays: its place and color in Resolve, its text as a correction of the segment.
"""

import time
from fractions import Fraction
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

from streamtags_markers import Custom, Marker, Settings, Wanted, markers_for, parse_rate, read_change
from streamtags_memory import Memory
from streamtags_paint import paint_clips
from streamtags_source import Follower, ServerSource, SourceError

__all__ = ["POLL_SECONDS", "ResolveError", "Result", "Target", "follow", "open_target", "remove_all", "update"]

POLL_SECONDS = 1.0  # how soon a person's change of a marker is noticed
_SETTLE_SECONDS = 0.15  # events come in bursts; one update serves a burst
_ENDED = ("completed", "failed", "cancelled")


class ResolveError(Exception):
    """Resolve does not answer, or has no timeline open; the message says what to do."""


class Target(NamedTuple):
    """What carries the markers: a timeline of Resolve, or a clip in its media pool with the `items` of the timeline that show it."""

    owner: Any
    name: str
    id: str
    rate: Fraction
    start_frame: int
    items: Sequence[Any] = ()


class Result(NamedTuple):
    """What an update did."""

    added: int = 0
    removed: int = 0
    kept: int = 0
    corrections: int = 0
    problems: int = 0

    def __str__(self) -> str:
        return "{} added, {} removed, {} unchanged, {} corrections sent, {} problems".format(*self)


def open_target(resolve: Any, settings: Settings, state: Mapping[str, Any]) -> Target:
    """Return what the markers go to: the open timeline, or with `target` "clip" the clip in it that is the source.

    Raises:
        ResolveError: Resolve does not answer, no timeline is open, or the clip is not in it.
    """
    project = resolve and resolve.GetProjectManager() and resolve.GetProjectManager().GetCurrentProject()
    timeline = project and project.GetCurrentTimeline()
    name = timeline and timeline.GetName()
    if not name:
        raise ResolveError("Resolve has no timeline open, or a dialog is open. Open the timeline and run this again.")
    if settings.target == "clip":
        return _clip_target(timeline, state)
    try:
        rate = parse_rate(timeline.GetSetting("timelineFrameRate"))
    except (ValueError, TypeError) as error:
        raise ResolveError("Resolve does not say the frame rate of {}: {}".format(name, error)) from error
    identity = "{}/{}".format(project.GetName(), name)
    if hasattr(timeline, "GetUniqueId") and callable(timeline.GetUniqueId):  # since Resolve 18
        identity = timeline.GetUniqueId() or identity
    return Target(timeline, name, str(identity), rate, int(timeline.GetStartFrame()))


def _clip_target(timeline: Any, state: Mapping[str, Any]) -> Target:
    source = state["source"] or {"uri": "", "name": ""}
    target: Optional[Target] = None
    items: List[Any] = []
    for track in range(1, int(timeline.GetTrackCount("video") or 0) + 1):
        for item in timeline.GetItemListInTrack("video", track) or ():
            clip = item.GetMediaPoolItem()
            path = str(clip.GetClipProperty("File Path") or "") if clip else ""
            if path and (path == source["uri"] or path.replace("\\", "/").rpartition("/")[2] == source["name"]):
                identity = str(clip.GetMediaId())
                target = target or Target(clip, source["name"], identity, parse_rate(clip.GetClipProperty("FPS")), 0)
                items += [item] if identity == target.id else []
    if target is not None:
        return target._replace(items=items)
    raise ResolveError("the open timeline {} has no clip of the file {}".format(timeline.GetName(), source["name"]))


class Markers:
    """The markers of a target, read once for an update and changed one by one.

    Raises:
        ResolveError: Resolve does not answer, as while a dialog is open.
    """

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self.at = self._read()

    def _read(self) -> Dict[int, Marker]:
        """Return the markers by frame. Resolve gives the numbers as floats."""
        read = self._owner.GetMarkers()
        if not isinstance(read, dict) or not self._owner.GetName():
            raise ResolveError("Resolve does not answer; the update waits")
        return {
            int(frame): Marker(
                int(frame), str(m["color"]), str(m["name"]), str(m["note"]), int(m["duration"]), str(m.get("customData") or "")
            )
            for frame, m in read.items()
        }

    def remove(self, frame: int) -> bool:
        """Remove the marker at a frame; return whether Resolve did."""
        done = bool(self._owner.DeleteMarkerAtFrame(frame))
        if done:
            del self.at[frame]
        return done

    def add(self, marker: Marker, custom: str) -> bool:
        """Add a marker; return whether Resolve did. It refuses a second one on a frame, and colors that it does not know."""
        done = bool(self._owner.AddMarker(marker.frame, marker.color, marker.name, marker.note, marker.duration, custom))
        if done:
            self.at[marker.frame] = marker._replace(custom=custom)
        return done

    def record(self, timeline: str, added: Mapping[int, "_Added"]) -> None:
        """Write into customData how Resolve shows the markers that were added, so that its own changes do not look like a person's."""
        for frame, marker in self._read().items():
            if frame in added:
                custom = added[frame].custom(timeline, marker).text()
                if custom != marker.custom:
                    self._owner.UpdateMarkerCustomData(frame, custom)


class _Added(NamedTuple):
    """A marker as it would be if a person had changed nothing, and as it was written."""

    wanted: Wanted
    automatic: Marker
    written: Marker

    def custom(self, timeline: str, shown: Marker) -> Custom:
        is_resized = self.written.duration != self.automatic.duration
        duration = self.automatic.duration if is_resized else shown.duration
        return Custom.of(timeline, self.wanted, self.automatic._replace(name=shown.name, note=shown.note, duration=duration))


class _Update:
    """One update of the markers of a target."""

    def __init__(self, target: Target, source: Any, axis_of: Mapping[str, str], memory: Memory, say: Callable[[str], None]) -> None:
        self._source, self._axis_of, self._memory, self._say = source, axis_of, memory, say
        self._markers = Markers(target.owner)
        self._mine: Dict[str, Marker] = {}
        self._counts = {"added": 0, "removed": 0, "kept": 0, "corrections": 0, "problems": 0}

    def run(self, state: Dict[str, Any], place: Callable[[Mapping[str, Any]], List[Wanted]]) -> Result:
        """Send what a person changed, then remove, change and add markers until they are those that `place` gives for the state."""
        timeline = state["id"]
        for marker in self._markers.at.values():
            custom = Custom.parse(marker.custom)
            if custom is not None and custom.timeline == timeline:
                self._mine.setdefault(custom.segments[0], marker)  # a copy that a person pasted stays as it is
        unsent = self._send_changes(state)
        wanted = {one.key: one for one in place(state)}
        self._memory.see(self._mine, wanted)
        outdated = {key for key, marker in self._mine.items() if key not in unsent and not _is_current(marker, wanted.get(key))}
        self._counts["kept"] = len(self._mine) - len(outdated)
        self._memory.forget(outdated)
        gone = {key for key in outdated if self._remove(self._mine[key])}
        added = {}
        for key, one in wanted.items():
            if key in gone or (key not in self._mine and key not in self._memory.dismissed):
                new = self._add(timeline, one, self._mine.get(key))
                if new is not None:
                    added[new.written.frame] = new
                    self._memory.wrote(key)
        if added:
            self._markers.record(timeline, added)
        self._memory.save()
        self._counts["removed"] = len(gone - set(wanted))
        self._counts["added"] = len(added)
        return Result(**self._counts)

    def _send_changes(self, state: Dict[str, Any]) -> Set[str]:
        """Send what a person changed in markers as corrections, take the answers into `state`, and return what could not be sent."""
        unsent = set()
        at = {segment["segment"]: number for number, segment in enumerate(state["segments"])}
        for key, marker in self._mine.items():
            custom = Custom.parse(marker.custom)
            changes = read_change(custom, marker, self._axis_of) if custom else None
            if changes is None:
                unsent.add(key)
            for change in changes or ():
                if change.segment not in at:
                    continue
                try:
                    state["segments"][at[change.segment]] = self._source.correct(change.segment, change.body())
                    self._counts["corrections"] += 1
                except SourceError as error:
                    self._problem("{} at frame {}: {}".format(change.segment, marker.frame, error))
                    unsent.add(key)
        return unsent

    def _problem(self, text: str) -> None:
        self._counts["problems"] += 1
        self._say(text)

    def _remove(self, marker: Marker) -> bool:
        done = self._markers.remove(marker.frame)
        if not done:
            self._problem("Resolve does not remove the marker at frame {}".format(marker.frame))
        return done

    def _add(self, timeline: str, wanted: Wanted, old: Optional[Marker]) -> Optional[_Added]:
        """Add a marker, on the next free frame of its segment if another marker is on the first."""
        frame = next((at for at in range(wanted.marker.frame, wanted.last_frame + 1) if at not in self._markers.at), None)
        automatic = wanted.marker if frame is None else wanted.marker._replace(frame=frame)
        custom = Custom.parse(old.custom) if old else None
        written = automatic
        if old is not None and custom is not None:  # what a person moved, recolored or resized stays so
            if old.frame != custom.frame:
                written = written._replace(frame=old.frame)
            if old.color != custom.color:
                written = written._replace(color=old.color)
            if old.duration != custom.duration:
                written = written._replace(duration=old.duration)
        new = _Added(wanted, automatic, written)
        if written.frame not in self._markers.at and self._markers.add(written, new.custom(timeline, written).text()):
            return new
        self._problem("Resolve takes no marker for {} at frame {}".format(wanted.key, written.frame))
        return None


def _is_current(marker: Marker, wanted: Optional[Wanted]) -> bool:
    custom = Custom.parse(marker.custom)
    return wanted is not None and custom is not None and custom.is_for(wanted)


def update(
    target: Target,
    source: Any,
    state: Dict[str, Any],
    settings: Settings,
    memory_file: str = "",
    say: Callable[[str], None] = print,
) -> Result:
    """Make the markers of `target` those of `state`, after what a person changed in them was sent as corrections.

    Raises:
        ResolveError: Resolve does not answer.
        SourceError: the server does not say its vocabulary, or cannot filter by axis.
    """
    axis_of = source.axes(state)
    if settings.axes and not axis_of:
        raise SourceError(
            "the axes of the tags are not known, so they cannot be filtered by axis; a server that has the vocabulary knows them"
        )
    memory = Memory(memory_file, target.id, "{} {}".format(state["id"], state["epoch"]))

    settings = settings._replace(
        colors={**settings.colors, **{axis: color for axis, color in source.colors().items() if axis not in settings.colors}}
    )

    def place(now: Mapping[str, Any]) -> List[Wanted]:
        return markers_for(now, target.rate, target.start_frame, settings, axis_of)

    result = _Update(target, source, axis_of, memory, say).run(state, place)
    if settings.paints_clips:
        count = paint_clips(target.items, place(state), settings.clip_colors, memory.painted)
        memory.save()
        if count:
            say("{} clips colored".format(count))
    return result


def remove_all(target: Target) -> int:
    """Remove every marker of streamtags from a target, and no other; return how many.

    Raises:
        ResolveError: Resolve does not answer.
    """
    markers = Markers(target.owner)
    mine = [frame for frame, marker in markers.at.items() if Custom.parse(marker.custom)]
    return sum(markers.remove(frame) for frame in mine)


def follow(
    resolve: Any,
    source: ServerSource,
    settings: Settings,
    memory_file: str = "",
    until_ended: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = print,
) -> None:
    """Update the markers at each event, and look for changes of a person every second, until stopped.

    While another timeline is open in Resolve, or a dialog, nothing is changed.

    Raises:
        ResolveError: Resolve has no timeline open at the start.
        SourceError: the server has no such timeline.
    """
    state = source.state()
    source.timeline = state["id"]
    opened = open_target(resolve, settings, state).id
    follower = Follower(source, state["seq"], say)
    follower.start()
    last = ""
    try:
        while not should_stop() and not follower.removed.is_set():
            changed = follower.changed.wait(POLL_SECONDS)
            follower.changed.clear()
            try:
                if changed:
                    time.sleep(_SETTLE_SECONDS)
                    state = source.state()
                target = open_target(resolve, settings, state)
                if target.id != opened:
                    raise ResolveError("another timeline is open; the markers wait until the first one is open again")
                result = update(target, source, state, settings, memory_file, say)
            except (ResolveError, SourceError) as error:
                follower.changed.set()
                last = _say_once(str(error), last, say)
                time.sleep(POLL_SECONDS)
                continue
            is_stable = not result.problems or str(result) == last  # what was refused twice is refused again
            last = _say_once(str(result), last, say)
            if until_ended and state["state"] in _ENDED and not follower.changed.is_set() and is_stable:
                return
    finally:
        follower.stop()


def _say_once(text: str, last: str, say: Callable[[str], None]) -> str:
    if text != last:
        say(text)
    return text
