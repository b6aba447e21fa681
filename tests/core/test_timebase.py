from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.timebase import seconds_of


@given(pts=st.integers(-(1 << 62), 1 << 62), numerator=st.integers(1, 2000), denominator=st.integers(1, 1_000_000))
def test_seconds_are_those_of_the_exact_product(pts: int, numerator: int, denominator: int) -> None:
    time_base = Fraction(numerator, denominator)
    assert seconds_of(pts, time_base) == float(pts * time_base)
