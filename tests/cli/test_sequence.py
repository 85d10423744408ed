from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.cli.sequence import Sequence, numbers_text


def test_the_first_number_says_where_a_sequence_begins() -> None:
    sequence = Sequence()
    assert not sequence.gap(7)
    assert sequence.take(7)
    assert sequence.last == 7


@given(st.integers(0, 50), st.lists(st.integers(1, 100), max_size=60))
def test_every_number_is_taken_or_told_as_a_gap_exactly_once(
    start: int, arriving: list[int]
) -> None:
    sequence = Sequence(start)
    accounted: list[int] = []
    for number in arriving:
        gap = sequence.gap(number)
        if sequence.take(number):
            accounted += [*gap, number]
        else:
            assert not gap
    assert accounted == list(range(start + 1, (sequence.last or 0) + 1))


def test_runs_are_written_short() -> None:
    assert numbers_text(range(3, 4)) == "#3"
    assert numbers_text(range(3, 6)) == "#3..5"
