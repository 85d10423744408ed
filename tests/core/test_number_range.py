"""Laws of ranges of numbers: against sets."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hub.core.number_range import (
    NumberRanges,
    begin_of,
    how_many,
    in_words,
    with_range,
    without_range,
)

RANGE = st.tuples(st.integers(1, 20), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair)))


def numbers(ranges: NumberRanges) -> set[int]:
    """Return the numbers in ranges, checking that these are in order and apart."""
    for (_, high), (low, _) in itertools.pairwise(ranges):
        assert low > high + 1
    assert all(first <= last for first, last in ranges)
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(st.lists(st.tuples(st.booleans(), RANGE), max_size=12), st.integers(1, 5))
def test_ranges_hold_what_was_added_and_not_taken_out(
    steps: list[tuple[bool, tuple[int, int]]], count: int
) -> None:
    ranges: NumberRanges = ()
    model: set[int] = set()
    for adds, (first, last) in steps:
        if adds:
            ranges = with_range(ranges, first, last)
            model |= set(range(first, last + 1))
        else:
            ranges = without_range(ranges, first, last)
            model -= set(range(first, last + 1))
        assert numbers(ranges) == model
        assert how_many(ranges) == len(model)
    if ranges:
        first, last = begin_of(ranges, count)
        begun = sorted(model)[:count]
        assert first == begun[0] and last - first < count
        assert set(range(first, last + 1)) <= set(begun)


def test_ranges_read_as_people_say_them() -> None:
    assert in_words(()) == ""
    assert in_words(((3, 3),)) == "3"
    assert in_words(((1, 2), (5, 8))) == "1 to 2 and 5 to 8"
    assert in_words(((1, 1), (3, 4), (6, 6))) == "1, 3 to 4 and 6"
