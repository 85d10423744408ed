"""Event numbers: how a Subscription's own numbers walk over the streams it was on.

A *stream* counts the events of one (release, topic version, filters, visibility).  A Subscription
is on one stream at a time; each stretch is a *segment*.  Inside a segment
``number = n - offset``, and a number belongs to exactly one segment for ever.

Laws: segments are ordered, disjoint and without hole (``first`` of the next is ``last`` + 1 of
the one before); only the last may be open; numbers run 1, 2, 3, ... to ``top``.
Source: http://hl7.org/fhir/R5/subscriptionstatus.html (eventNumber, eventsSinceSubscriptionStart).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from hub.core.value import value


@value(frozen=True, slots=True)
class Segment:
    """A stretch of a Subscription's numbers on one stream.

    ``first`` and ``last`` are the Subscription's numbers, ``last`` is None while the segment is
    open; ``offset`` is what to subtract from the stream's n.
    """

    first: int
    stream: int
    offset: int
    last: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether events still count into it."""
        return self.last is None


@value(frozen=True, slots=True)
class Stretch:
    """A run of events of one stream: n in ``low``..``high``, numbered from ``first``."""

    stream: int
    low: int
    high: int
    first: int


def top(segments: Sequence[Segment], n_of: Callable[[int], int]) -> int:
    """Return how many events a Subscription has had: its highest number, 0 if none.

    Args:
        segments: all of the Subscription's, in order.
        n_of: tells a stream's present n.
    """
    if not segments:
        return 0
    final = segments[-1]
    return n_of(final.stream) - final.offset if final.last is None else final.last


def join(segments: Sequence[Segment], stream: int, n: int, at: int) -> tuple[Segment, ...]:
    """Return the segments after joining ``stream`` at its ``n`` when the top is ``at``."""
    return (*segments, Segment(first=at + 1, stream=stream, offset=n - at))


def leave(segments: Sequence[Segment], at: int) -> tuple[Segment, ...]:
    """Return the segments after leaving the open one at number ``at``.

    A segment in which nothing happened is dropped, so that none is ever empty.
    """
    if not segments or not segments[-1].is_open:
        return tuple(segments)
    final = segments[-1]
    if at < final.first:
        return tuple(segments[:-1])
    return (*segments[:-1], replace(final, last=at))


def stretches(segments: Sequence[Segment], low: int, high: int) -> tuple[Stretch, ...]:
    """Return where the numbers ``low``..``high`` (inclusive) are stored, in order."""
    found: list[Stretch] = []
    for segment in segments:
        first = max(low, segment.first)
        last = high if segment.last is None else min(high, segment.last)
        if first <= last:
            found.append(
                Stretch(segment.stream, first + segment.offset, last + segment.offset, first)
            )
    return tuple(found)


def lowest(segments: Sequence[Segment], floor_of: Callable[[int], int], at: int) -> int:
    """Return the lowest number x such that all of x..``at`` are still stored.

    Args:
        segments: all of the Subscription's, in order.
        floor_of: tells the n of a stream up to which retention has removed events, 0 if none.
        at: the top; the answer is ``at`` + 1 where nothing is stored.
    """
    low = 1
    for segment in segments:
        last = at if segment.last is None else segment.last
        gone = min(floor_of(segment.stream) - segment.offset, last)
        if gone >= segment.first:
            low = gone + 1
    return low


def missing_numbers(received: Iterable[int], total: int) -> tuple[range, ...]:
    """Return the maximal runs of numbers in 1..``total`` that are not in ``received``.

    Args:
        received: event numbers in any order, repeats allowed (delivery is at least once).
        total: the newest ``eventsSinceSubscriptionStart`` that was seen.

    Source: backport IG, "Handling Errors", section Missing Event.
    """
    gaps: list[range] = []
    expected = 1
    for seen in sorted({n for n in received if 1 <= n <= total} | {total + 1}):
        if seen > expected:
            gaps.append(range(expected, seen))
        expected = seen + 1
    return tuple(gaps)
