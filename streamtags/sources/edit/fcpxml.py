"""Read FCPXML 1.8 to 1.14, the interchange format of Final Cut Pro."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from streamtags.core.timecode import frame_at, has_drop_frame
from streamtags.sources.edit.fcpxml_clips import STORY, Placement, active_clip, clip_of, duration_of, is_visible, length_of, words_of
from streamtags.sources.edit.fcpxml_resources import Resources, conform_scale, time_of
from streamtags.sources.edit.model import Clip, Edit, Marker, Sequence, Track, Transition
from streamtags.sources.edit.xmltree import Element

__all__ = ["first_sequence", "read_fcpxml"]

_MARKERS = ("marker", "chapter-marker")
_TRANSITION_ORIGIN = Fraction(3600)  # markers on a transition count from an implied start of one hour
MAX_NESTING = 16
_HINT = "export the project as FCPXML 1.14 or older"

Lane = tuple[int, ...]


def read_fcpxml(root: Element) -> Edit:
    """Read the first project of a document.

    Raises:
        SourceError: malformed, or without a project; with the line.
    """
    resources = Resources(root)
    element, name, warnings = first_sequence(root)
    reader = _SequenceReader(resources, element, name, rate=resources.any_rate())
    sequence = reader.read(element.child("spine"))
    drop = element.get("tcFormat") == "DF"
    if drop and not has_drop_frame(sequence.rate):
        drop = False
        warnings.append("the sequence says drop-frame at a rate that has none; read as non-drop")
    markers = tuple(sorted(reader.markers, key=lambda marker: marker.frame))
    return Edit("fcpxml", sequence, drop, markers, tuple(reader.captions), tuple(warnings))


def first_sequence(root: Element) -> tuple[Element, str, list[str]]:
    """Return the sequence of the first project, the name of the project, and what had to be assumed.

    Raises:
        SourceError: there is neither a project nor a clip.
    """
    projects = [sequence for project in root.walk("project") for sequence in project.all("sequence")]
    names = [project.get("name") or "" for project in root.walk("project")]
    if not projects:
        return _sequence_of_clip(root), "", ["there is no project in this document; its first clip is read"]
    warnings = []
    if len(projects) > 1:
        warnings.append(f"the document has {len(projects)} projects; the first one, {names[0]!r}, is read")
    return projects[0], names[0], warnings


def _sequence_of_clip(root: Element) -> Element:
    """A sequence that shows the first clip of the browser, from its own start.

    Raises:
        SourceError: there is no clip.
    """
    events = [root, *root.walk("event")]
    clip = next((child for event in events for child in event.children if child.tag in STORY), None)
    if clip is None:
        raise root.fail("there is neither a project nor a clip in this document", "export a project")
    spine = Element("spine", {}, clip.line, clip.file, [clip])
    attributes = {name: value for name in ("format", "tcFormat") if (value := clip.get(name)) is not None}
    return Element("sequence", attributes, clip.line, clip.file, [spine])


@dataclass
class _Lanes:
    """Clips by lane; a lane is the chain of lane numbers from the primary storyline to the clip."""

    clips: dict[Lane, list[Clip]] = field(default_factory=dict)

    def add(self, lane: Lane, clip: Clip) -> None:
        self.clips.setdefault(lane, []).append(clip)

    def tracks(self) -> tuple[Track, ...]:
        """Tracks from bottom to top: a clip in a positive lane lies above what it is connected to."""
        depth = max((len(lane) for lane in self.clips), default=0)
        ordered = sorted(self.clips, key=lambda lane: lane + (0,) * (depth - len(lane)))
        return tuple(
            Track(_lane_name(lane), tuple(sorted(self.clips[lane], key=lambda clip: (clip.record_in, clip.record_out)))) for lane in ordered
        )


def _lane_name(lane: Lane) -> str:
    return "primary" if not lane else "lane " + ".".join(str(number) for number in lane)


class _SequenceReader:
    """Reads one sequence: places every story element at its record frames, and gathers markers and captions."""

    def __init__(self, resources: Resources, element: Element, name: str, *, depth: int = 0, rate: Fraction | None = None) -> None:
        self.resources = resources
        self.element = element
        self.name = name
        self.depth = depth
        if depth > MAX_NESTING:
            raise element.fail(f"clips are nested more than {MAX_NESTING} deep")
        own_rate = resources.rate(element.get("format")) or rate
        if own_rate is None:
            raise element.fail("the sequence has no format with a frame rate")
        self.rate = own_rate
        self.lanes = _Lanes()
        self.markers: list[Marker] = []
        self.captions: list[Marker] = []

    def read(self, spine: Element | None) -> Sequence:
        """The whole sequence."""
        start = time_of(self.element, "tcStart", Fraction(0))
        if spine is not None:
            self._spine(spine, Placement(start, start, self.rate), (), ())
        return Sequence(self.name, self.rate, frame_at(start, self.rate), self.lanes.tracks())

    def _spine(self, spine: Element, placement: Placement, lane: Lane, inside: tuple[str, ...]) -> None:
        """The items of a storyline one after another; `placement` maps its times to the sequence."""
        position = placement.local_start
        items: list[tuple[Element, Fraction]] = []
        transitions = []
        for index, element in enumerate(spine.children):
            if element.tag == "transition":
                last = index == len(spine.children) - 1
                transitions.append(self._transition(element, placement, _around(element, position, first=not items, last=last)))
                continue
            if element.tag not in STORY:
                raise element.fail(f"<{element.tag}> is no item of a storyline that can be read", _HINT)
            offset = time_of(element, "offset", position)
            items.append((element, offset))
            position = offset + duration_of(element, self.resources)
        for element, offset in items:
            self._item(element, placement.record(offset), lane, inside, transitions)

    def _item(
        self, element: Element, record: Fraction, lane: Lane, inside: tuple[str, ...], transitions: list[tuple[int, int, Transition]]
    ) -> None:
        """Place a story element, and what is connected to it, at `record` seconds of the sequence."""
        if element.tag == "audition":
            active = active_clip(element)
            if active is not None:
                self._item(active, record, lane, inside, transitions)
            return
        start = time_of(element, "start", Fraction(0))
        placement = Placement(start, record, self.rate, conform_scale(element, self.rate))
        record_out = frame_at(record + duration_of(element, self.resources), self.rate)
        if is_visible(element, self.resources):
            clip = clip_of(element, self.resources, placement, frame_at(record, self.rate), record_out, self._nested)
            heads = [transition for first, last, transition in transitions if first <= clip.record_in < last or first == clip.record_in]
            self.lanes.add(lane, replace(clip, inside=inside, transition=heads[0] if heads else None))
        self._markers(element, placement, record_out, lane)
        self._connected(element, placement, lane, inside)

    def _connected(self, element: Element, placement: Placement, lane: Lane, inside: tuple[str, ...]) -> None:
        """What is anchored to a clip: clips and storylines in lanes of their own."""
        for child in element.children:
            if child.tag == "caption":
                self._caption(child, placement)
                continue
            if child.get("lane") in (None, "0"):
                continue
            if child.tag not in (*STORY, "spine"):
                raise child.fail(f"<{child.tag}> in a lane is nothing that can be read", _HINT)
            try:
                number = int(child.get("lane") or 0)
            except ValueError as error:
                raise child.fail(f"{child.get('lane')!r} is not a lane number") from error
            offset = time_of(child, "offset", placement.local_start)
            if child.tag == "spine":
                secondary = Placement(Fraction(0), placement.record(offset), self.rate)
                self._spine(child, secondary, (*lane, number), (*inside, element.get("name") or ""))
            else:
                self._item(child, placement.record(offset), (*lane, number), inside, [])

    def _transition(self, element: Element, placement: Placement, offset: Fraction) -> tuple[int, int, Transition]:
        """First frame, last frame and model of a transition at `offset`; its markers are gathered on the way."""
        record = placement.record(offset)
        first = frame_at(record, self.rate)
        last = frame_at(record + length_of(element), self.rate)
        name = element.get("name") or "transition"
        on_transition = Placement(_TRANSITION_ORIGIN, record, self.rate)
        self._markers(element, on_transition, last, ())
        kind = "dissolve" if name == "Cross Dissolve" else name
        return first, last, Transition(kind, last - first, first, "custom")

    def _markers(self, element: Element, placement: Placement, record_out: int, lane: Lane) -> None:
        first = frame_at(placement.record_start, self.rate)
        for marker in element.all(*_MARKERS):
            frame = frame_at(placement.record(time_of(marker, "start", placement.local_start)), self.rate)
            frames = max(1, frame_at(time_of(marker, "duration", Fraction(0)), self.rate))
            kind = "chapter" if marker.tag == "chapter-marker" else {None: "standard", "0": "to-do"}.get(marker.get("completed"), "done")
            self.markers.append(
                Marker(
                    frame,
                    marker.get("value") or "",
                    marker.get("note") or "",
                    frames=frames,
                    kind=kind,
                    on=element.get("name") or None,
                    visible=first <= frame < record_out,
                )
            )

    def _caption(self, element: Element, placement: Placement) -> None:
        record = placement.record(time_of(element, "offset", placement.local_start))
        frames = max(1, frame_at(length_of(element), self.rate))
        self.captions.append(Marker(frame_at(record, self.rate), words_of(element), frames=frames, kind="caption"))

    def _nested(self, element: Element, owner: Element) -> Sequence:
        """The sequence inside a compound, multicam or synchronized clip; `element` holds its items."""
        name = owner.get("name") or ""
        spine = _active_angle(element, owner) if element.tag == "multicam" else element.child("spine")
        # Many clips may refer to one resource: read it once, so that references cannot multiply without end.
        key = (id(element), id(spine))
        if key in self.resources.sequences:
            return self.resources.sequences[key]
        reader = _SequenceReader(self.resources, element, name, depth=self.depth + 1, rate=self.rate)
        if element.tag in ("multicam", "sequence"):
            self.resources.sequences[key] = reader.read(spine)
            return self.resources.sequences[key]
        # The items of a clip or synchronized clip count in its own local time.
        reader._contained(element)
        return Sequence(name, reader.rate, 0, reader.lanes.tracks())

    def _contained(self, element: Element) -> None:
        """The items inside a `clip` or `sync-clip`, which share its local time; those in lanes lie above or below."""
        identity = Placement(Fraction(0), Fraction(0), self.rate)
        for child in element.children:
            lane: Lane = () if child.get("lane") in (None, "0") else (1,) if not (child.get("lane") or "").startswith("-") else (-1,)
            if child.tag == "spine":
                offset = time_of(child, "offset", Fraction(0))
                self._spine(child, Placement(Fraction(0), offset, self.rate), lane, ())
            elif child.tag in STORY and not lane:
                self._item(child, identity.record(time_of(child, "offset", Fraction(0))), lane, (), [])


def _around(transition: Element, cut: Fraction, *, first: bool, last: bool) -> Fraction:
    """Where a transition starts: at its offset; without one at the first item, before the end of the last, else around the cut."""
    length = length_of(transition)
    return time_of(transition, "offset", cut if first else cut - length if last else cut - length / 2)


def _active_angle(multicam: Element, clip: Element) -> Element | None:
    """The angle whose picture a multicam clip shows: its source with video, else the first angle."""
    angles = multicam.all("mc-angle")
    sources = [source.get("angleID") for source in clip.all("mc-source") if source.get("srcEnable") in (None, "all", "video")]
    return next((angle for angle in angles if angle.get("angleID") in sources), angles[0] if angles else None)
