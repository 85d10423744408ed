"""Laws of event numbers: against a model that writes down every number as it is given."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from hub.core.numbering import (
    Segment,
    Stretch,
    join,
    leave,
    lowest,
    missing_numbers,
    stretches,
    top,
)


@dataclass
class Model:
    """One Subscription that joins and leaves streams, and the list of its events."""

    n: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(1, 5), 0))
    segments: tuple[Segment, ...] = ()
    on: int | None = None
    events: list[tuple[int, int]] = field(default_factory=list)

    @property
    def top(self) -> int:
        return top(self.segments, self.n.__getitem__)

    def event(self, stream: int) -> None:
        self.n[stream] += 1
        if self.on == stream:
            self.events.append((stream, self.n[stream]))

    def move(self, stream: int | None) -> None:
        at = self.top
        self.segments = leave(self.segments, at)
        if stream is not None:
            self.segments = join(self.segments, stream, self.n[stream], at)
        self.on = stream


STREAMS = st.integers(1, 4)
STEPS = st.lists(
    st.tuples(st.just("event"), STREAMS) | st.tuples(st.just("move"), st.none() | STREAMS),
    max_size=60,
)


def played(steps: list[tuple[str, int | None]]) -> Model:
    model = Model()
    for what, stream in steps:
        if what == "move":
            model.move(stream)
        elif stream is not None:
            model.event(stream)
    return model


@given(STEPS)
def test_the_top_is_the_number_of_events_so_far(steps: list[tuple[str, int | None]]) -> None:
    model = played(steps)
    assert model.top == len(model.events)


@given(STEPS)
def test_segments_are_ordered_without_hole_and_only_the_last_is_open(
    steps: list[tuple[str, int | None]],
) -> None:
    segments = played(steps).segments
    for one, next_one in itertools.pairwise(segments):
        assert one.last is not None
        assert one.last >= one.first
        assert next_one.first == one.last + 1
    assert not segments or segments[0].first == 1


@given(STEPS, st.integers(-2, 70), st.integers(-2, 70))
def test_each_number_names_the_event_that_it_was_given_to_for_ever(
    steps: list[tuple[str, int | None]], low: int, high: int
) -> None:
    model = played(steps)
    found: dict[int, tuple[int, int]] = {}
    for stretch in stretches(model.segments, low, min(high, model.top)):
        for n in range(stretch.low, stretch.high + 1):
            found[stretch.first + n - stretch.low] = (stretch.stream, n)
    wanted = {
        number: event for number, event in enumerate(model.events, start=1) if low <= number <= high
    }
    assert found == wanted
    assert list(found) == sorted(found)


@given(STEPS, st.dictionaries(STREAMS, st.integers(0, 30)))
def test_from_the_lowest_number_on_everything_is_stored(
    steps: list[tuple[str, int | None]], removed: dict[int, int]
) -> None:
    model = played(steps)
    floors = {stream: min(removed.get(stream, 0), n) for stream, n in model.n.items()}
    low = lowest(model.segments, floors.__getitem__, model.top)
    kept = [n > floors[stream] for stream, n in model.events]
    assert all(kept[low - 1 :])
    assert low == 1 or not kept[low - 2]


def test_leaving_nothing_changes_nothing() -> None:
    assert leave((), 0) == ()
    closed = (Segment(1, 7, 0, 3),)
    assert leave(closed, 3) == closed


def test_a_segment_in_which_nothing_happened_is_dropped() -> None:
    assert leave(join((), stream=7, n=12, at=0), 0) == ()


def test_numbers_beyond_the_end_of_closed_segments_are_nowhere() -> None:
    assert stretches((Segment(1, 7, 4, 3),), 2, 9) == (Stretch(7, 6, 7, 2),)


@given(total=st.integers(0, 200), data=st.data())
def test_missing_numbers_are_exactly_the_lost_ones(total: int, data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.integers(1, max(total, 1))), label="lost")
    arrived = [n for n in range(1, total + 1) if n not in lost]
    repeats = data.draw(st.lists(st.sampled_from(arrived))) if arrived else []
    received = data.draw(st.permutations(arrived + repeats), label="received")

    gaps = missing_numbers(received, total)

    assert [n for gap in gaps for n in gap] == sorted(n for n in lost if n <= total)
    assert all(a.stop < b.start for a, b in itertools.pairwise(gaps))
