"""What an export format is, and what it renders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from streamtags.core.errors import UsageError
from streamtags.core.events import Event
from streamtags.core.state import TimelineState
from streamtags.core.vocabulary import Vocabulary
from streamtags.export.cue_markers import make_cue_markers
from streamtags.export.markers import Marker, make_markers
from streamtags.export.options import OPTION_NAMES, ExportOptions

__all__ = ["Format", "MusicFile", "TimelineView"]

MusicFile = Callable[[str, str], str | None]
"""Returns the path of a track by the names of its library and the track; None if it is not known."""


@dataclass(frozen=True, slots=True)
class TimelineView:
    """One timeline, prepared for a format.

    Attributes:
        state: the fold of the log; of every segment and tag, whatever the options select.
        events: the log from seq 1. It may be an iterator: read it once.
        markers: the segments that the options select, as markers at the target rate, in order.
        vocabulary: the vocabulary of the tags; None if the store does not have it.
        still: returns the JPEG of a segment by its id; None if it has none.
        cues: the cues as markers; none if the options select tags.
        music_file: returns the file of a track by the names of its library and the track; None if it is not known.
    """

    state: TimelineState
    events: Iterable[Event] = ()
    markers: tuple[Marker, ...] = ()
    vocabulary: Vocabulary | None = None
    still: Callable[[str], bytes | None] = lambda segment: None
    cues: tuple[Marker, ...] = ()
    music_file: MusicFile = lambda library, track: None

    @classmethod
    def of(
        cls,
        state: TimelineState,
        events: Iterable[Event] = (),
        options: ExportOptions | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> TimelineView:
        """Compute the markers of `state` under `options`.

        Raises:
            UsageError: the options do not fit the timeline: an unknown axis, or a start timecode that does not exist at the rate.
        """
        options = options or ExportOptions()
        return cls(state, events, make_markers(state, options, vocabulary), vocabulary, cues=make_cue_markers(state, options))

    @property
    def editing_markers(self) -> list[Marker]:
        """The markers of segments and cues in order of time; of those on one frame, segments first."""
        return sorted([*self.markers, *self.cues], key=lambda marker: marker.start_frame)


Render = Callable[[TimelineView, ExportOptions], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """An export format.

    Attributes:
        name: what `--format` and `?format=` take: lower-case letters, digits and hyphens.
        suffix: file suffix with its dot, such as ".csv".
        media_type: media type for HTTP, with its charset if it is text.
        description: a few words for menus and help.
        render: renders a view to the bytes of a file. It must not change the view.
        options: names of the fields of `ExportOptions` that the format uses.
    """

    name: str
    suffix: str
    media_type: str
    description: str
    render: Render
    options: frozenset[str] = field(default=frozenset())

    def __post_init__(self) -> None:
        unknown = self.options - OPTION_NAMES
        if unknown:
            raise ValueError(
                f"format {self.name}: unknown options {', '.join(sorted(unknown))}; known are {', '.join(sorted(OPTION_NAMES))}"
            )

    def check(self, options: ExportOptions) -> None:
        """Refuse options that this format does not use.

        Raises:
            UsageError: `options` sets one that would have no effect.
        """
        unused = sorted(options.given - self.options)
        if unused:
            usable = f"it takes {', '.join(sorted(self.options))}" if self.options else "it takes no options"
            raise UsageError(f"has no use for {', '.join(unused)}", where=f"export format {self.name}", hint=usable)
