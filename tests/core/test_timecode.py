from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import UsageError
from streamtags.core.timecode import (
    constant_frames,
    convert_frame,
    format_timecode,
    frame_at,
    frames_per_day,
    has_drop_frame,
    nominal,
    parse_rate,
    parse_timecode,
    rational_seconds,
)

NTSC = {base: Fraction(base * 1000, 1001) for base in (24, 30, 48, 60)}
MODES = [
    (NTSC[24], False),
    (Fraction(24), False),
    (Fraction(25), False),
    (NTSC[30], False),
    (NTSC[30], True),
    (Fraction(30), False),
    (NTSC[48], False),
    (Fraction(48), False),
    (Fraction(50), False),
    (NTSC[60], False),
    (NTSC[60], True),
    (Fraction(60), False),
]

# (rate, label, frame number), from the SMPTE definition and from published tables
KNOWN = [
    ("23.976", "00:00:01:00", 24),
    ("23.976", "01:00:00:00", 86400),
    ("23.976", "01:30:00:00", 129600),
    ("24", "01:00:00:00", 86400),
    ("24", "23:59:59:23", 2073599),
    ("25", "01:00:00:00", 90000),
    ("25", "10:00:00:00", 900000),
    ("29.97", "01:00:00:00", 108000),
    ("29.97", "01:00:00;00", 107892),
    ("29.97", "00:00:59;29", 1799),
    ("29.97", "00:01:00;02", 1800),
    ("29.97", "00:01:59;29", 3597),
    ("29.97", "00:02:00;02", 3598),
    ("29.97", "00:09:59;29", 17981),
    ("29.97", "00:10:00;00", 17982),
    ("29.97", "00:11:00;02", 19782),
    ("29.97", "05:00:00;00", 539460),
    ("29.97", "23:59:59;29", 2589407),
    ("30", "01:00:00:00", 108000),
    ("47.952", "01:00:00:00", 172800),
    ("48", "01:00:00:00", 172800),
    ("50", "01:00:00:00", 180000),
    ("59.94", "01:00:00:00", 216000),
    ("59.94", "01:00:00;00", 215784),
    ("59.94", "00:00:59;59", 3599),
    ("59.94", "00:01:00;04", 3600),
    ("59.94", "00:10:00;00", 35964),
    ("59.94", "23:59:59;59", 5178815),
    ("60", "01:00:00:00", 216000),
]


def labels_of_a_minute(minute: int, rate: Fraction, drop: bool) -> list[str]:
    """Every label of one minute of the day, written down one by one: the independent implementation."""
    base = round(rate)
    skipped = {30: {0, 1}, 60: {0, 1, 2, 3}}[base] if drop else set()
    return [
        f"{minute // 60:02}:{minute % 60:02}:{second:02}{';' if drop else ':'}{frame:02}"
        for second in range(60)
        for frame in range(base)
        if not (minute % 10 and second == 0 and frame in skipped)
    ]


@pytest.mark.parametrize(("rate", "label", "frame"), KNOWN)
def test_known_labels_have_their_frame_numbers(rate: str, label: str, frame: int) -> None:
    drop = ";" in label
    assert parse_timecode(label, parse_rate(rate)) == (frame, drop)
    assert format_timecode(frame, parse_rate(rate), drop=drop) == label


@pytest.mark.parametrize(("rate", "drop"), MODES)
def test_labels_counted_one_by_one_have_rising_frame_numbers(rate: Fraction, drop: bool) -> None:
    frame = 0
    for minute in range(24 * 60):
        labels = labels_of_a_minute(minute, rate, drop) if minute < 21 or minute > 1428 or minute % 60 in (0, 59) else None
        if labels is None:
            frame += 60 * round(rate) - (round(rate) // 15 if drop and minute % 10 else 0)
            continue
        # Every label of some minutes; the first and last ones of the others.
        for offset in range(len(labels)) if minute in (0, 1, 10, 1439) else (0, 1, len(labels) - 1):
            assert format_timecode(frame + offset, rate, drop=drop) == labels[offset]
            assert parse_timecode(labels[offset], rate) == (frame + offset, drop)
        frame += len(labels)
    assert frame == frames_per_day(rate, drop=drop)


@given(mode=st.sampled_from(MODES), frame=st.integers(0, 5_178_815))
def test_a_label_is_read_back_as_its_frame(mode: tuple[Fraction, bool], frame: int) -> None:
    rate, drop = mode
    frame %= frames_per_day(rate, drop=drop)
    assert parse_timecode(format_timecode(frame, rate, drop=drop), rate) == (frame, drop)


@given(mode=st.sampled_from(MODES), start=st.integers(0, 6_000_000), length=st.integers(0, 6_000_000))
def test_labels_wrap_at_midnight(mode: tuple[Fraction, bool], start: int, length: int) -> None:
    rate, drop = mode
    day = frames_per_day(rate, drop=drop)
    assert format_timecode(start + length, rate, drop=drop) == format_timecode((start + length) % day, rate, drop=drop)
    assert format_timecode(day, rate, drop=drop)[:8] == "00:00:00"
    assert format_timecode(-1, rate, drop=drop) == format_timecode(day - 1, rate, drop=drop)


@given(mode=st.sampled_from([mode for mode in MODES if mode[1]]), frame=st.integers(0, 5_178_815))
def test_drop_frame_labels_stay_within_two_frames_of_the_wall_clock_at_each_tenth_minute(mode: tuple[Fraction, bool], frame: int) -> None:
    rate, drop = mode
    frame %= frames_per_day(rate, drop=drop)
    hours, minutes, rest = format_timecode(frame, rate, drop=True).split(":")
    seconds, frames = rest.split(";")
    labeled = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + Fraction(int(frames), nominal(rate))
    # A day of drop-frame labels loses 86.4 ms; within a minute the label runs ahead by at most 0.06 s.
    assert abs(labeled - frame / rate) < Fraction(2, 10)


def test_ninety_minutes_at_23_976_do_not_drift() -> None:
    rate = parse_rate("23.976")
    frame = frame_at(Fraction(90 * 60), rate)
    assert frame == 129471  # nearest to 129470.53
    assert format_timecode(frame, rate) == "01:29:54:15"  # not 01:30:00:00, which is 5.4 seconds later
    assert parse_timecode("01:30:00:00", rate)[0] / rate == Fraction(54054, 10)


@pytest.mark.parametrize(("rate", "drop"), MODES)
def test_drop_frame_exists_at_29_97_and_59_94_only(rate: Fraction, drop: bool) -> None:
    if has_drop_frame(rate):
        assert format_timecode(0, rate, drop=True) == "00:00:00;00"
    else:
        assert not drop
        with pytest.raises(UsageError, match="30000/1001 and 60000/1001 only"):
            format_timecode(0, rate, drop=True)
        with pytest.raises(UsageError, match="30000/1001 and 60000/1001 only"):
            parse_timecode("00:00:00;00", rate)


@pytest.mark.parametrize("label", ["00:01:00;00", "00:01:00;01", "10:59:00;00", "01:00:00:30", "1:2:3:4", "٠١:٠٠:٠٠:٠٠", "", "00:60:00:00"])
def test_labels_that_do_not_exist_are_refused(label: str) -> None:
    with pytest.raises(UsageError):
        parse_timecode(label, NTSC[30])


@pytest.mark.parametrize("text", ["0", "-25", "1/0", "fast", "", "nan", "1e9", "inf"])
def test_rates_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_rate(text)


@given(frame=st.integers(0, 10_000_000), rates=st.tuples(*[st.sampled_from([mode[0] for mode in MODES])] * 2))
def test_a_converted_frame_is_at_most_half_a_frame_away(frame: int, rates: tuple[Fraction, Fraction]) -> None:
    source, target = rates
    converted = convert_frame(frame, source, target)
    assert abs(converted / target - frame / source) <= Fraction(1, 2) / target
    assert convert_frame(frame, source, source) == frame


@given(st.lists(st.integers(1, 9000), min_size=1, max_size=50), st.sampled_from([mode[0] for mode in MODES]))
def test_pictures_of_a_variable_rate_source_keep_their_order_and_time(steps: list[int], rate: Fraction) -> None:
    time_base = Fraction(1, 90000)
    pts = [1000 + sum(steps[:index]) for index in range(len(steps))]
    frames = constant_frames(pts, time_base, rate, start_pts=1000)
    assert frames == sorted(frames)
    assert frames[0] == 0
    for tick, frame in zip(pts, frames, strict=True):
        assert abs(frame / rate - (tick - 1000) * time_base) <= Fraction(1, 2) / rate


@given(st.builds(Fraction, st.integers(-(10**18), 10**18), st.integers(1 << 30, 1 << 62)))
def test_seconds_are_written_with_at_most_32_bits_below_the_line(time: Fraction) -> None:
    text = rational_seconds(time)
    assert text.endswith("s")
    read = Fraction(text[:-1])
    assert read.denominator < 1 << 31
    assert abs(read - time) < Fraction(1, 10**9)
    assert read == time or time.denominator >= 1 << 31


@pytest.mark.parametrize(("time", "text"), [(Fraction(5), "5s"), (Fraction(1001, 30000), "1001/30000s"), (Fraction(0), "0s")])
def test_seconds_of_fcpxml(time: Fraction, text: str) -> None:
    assert rational_seconds(time) == text
