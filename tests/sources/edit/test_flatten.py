"""The visible picture, compared with an independent painter that looks at every frame by itself."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.model import Clip, Kind, Sequence, Timing, Track

RATE = Fraction(25)
END = 30


@st.composite
def clips(draw: st.DrawFn, kinds: tuple[Kind, ...] = ("clip", "generator", "title", "gap")) -> Clip:
    record_in = draw(st.integers(0, END - 1))
    record_out = draw(st.integers(record_in + 1, END))
    advance = draw(st.sampled_from([Fraction(1), Fraction(2), Fraction(-1), Fraction(0), Fraction(1, 2)]))
    first = Fraction(draw(st.integers(100, 900)))
    clip = Clip(
        name=str(draw(st.integers(0, 10**6))),
        kind=draw(st.sampled_from(kinds)),
        record_in=record_in,
        record_out=record_out,
        source_in=int(first),
        source_out=int(first) + 1,
        source_rate=RATE,
        speed=advance,
        timing=Timing(record_in, first, advance),
        enabled=draw(st.booleans() | st.just(True)),
    )
    return clip.piece(record_in, record_out)


def tracks(of: st.SearchStrategy[Clip]) -> st.SearchStrategy[tuple[Track, ...]]:
    in_order = st.lists(of, max_size=4).map(lambda made: tuple(sorted(made, key=lambda clip: clip.record_in)))
    return st.lists(st.builds(Track, st.just("V"), in_order, st.booleans() | st.just(True)), max_size=4).map(tuple)


def painted(sequence: Sequence, frame: int) -> tuple[str, int] | None:
    """Name and source frame of what is seen at `frame`: the first hit from the top, titles only where there is no other."""
    for wants_title in (False, True):
        for track in reversed(sequence.tracks):
            for clip in reversed(track.clips):
                shown = track.enabled and clip.enabled and clip.record_in <= frame < clip.record_out
                if not shown or clip.kind == "gap" or (clip.kind == "title") != wants_title or clip.timing is None:
                    continue
                position = clip.timing.first + (frame - clip.timing.anchor) * clip.timing.advance
                if clip.nested is None:
                    return clip.name, floor(position)
                inner = painted(clip.nested, floor(position))
                if inner is not None:
                    return inner
    return None


@given(tracks(clips()))
def test_every_frame_shows_the_highest_clip(made: tuple[Track, ...]) -> None:
    sequence = Sequence("S", RATE, 0, made)
    visible = flatten(sequence)
    assert [clip.record_in for clip in visible[1:]] == [clip.record_out for clip in visible[:-1]]
    for clip in visible:
        for frame in range(clip.record_in, clip.record_out):
            seen = None if clip.kind == "gap" or clip.timing is None else (clip.name, floor(clip.timing.at(frame)))
            assert seen == painted(sequence, frame)


@given(tracks(clips(kinds=("clip", "gap"))), st.sampled_from([1, -1, 2, 0]), st.integers(0, END - 1), tracks(clips(kinds=("clip",))))
def test_every_frame_of_a_nested_sequence_shows_its_highest_clip(
    inner: tuple[Track, ...], advance: int, first: int, above: tuple[Track, ...]
) -> None:
    nested = Sequence("N", RATE, 0, tuple(_at_normal_speed(track) for track in inner))
    timing = Timing(5, Fraction(first), Fraction(advance))
    compound = Clip("N", "compound", 5, 25, source_rate=RATE, source_in=first, source_out=first + 1, timing=timing, nested=nested)
    sequence = Sequence("S", RATE, 0, (Track("V1", (compound,)), *above))
    for clip in flatten(sequence):
        for frame in range(clip.record_in, clip.record_out):
            seen = None if clip.kind == "gap" or clip.timing is None else (clip.name, floor(clip.timing.at(frame)))
            assert seen == painted(sequence, frame)


def _at_normal_speed(track: Track) -> Track:
    """Positions between frames of a retimed clip inside another are rounded once, not twice: compare what has no such positions."""
    made = tuple(
        Clip(
            c.name,
            c.kind,
            c.record_in,
            c.record_out,
            enabled=c.enabled,
            source_in=0,
            source_out=1,
            source_rate=RATE,
            timing=Timing(c.record_in, c.timing.first if c.timing is not None else Fraction(0)),
        )
        for c in track.clips
    )
    return Track(track.name, made, track.enabled)
