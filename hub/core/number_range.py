"""Ranges of event numbers, such as those that are to be sent again.

Laws: the ranges are in order and disjoint, with a hole between each two of them, so that the same
numbers are always the same ranges.
Source: backport IG, OperationDefinition backport-subscription-resend.
"""

from __future__ import annotations

from typing import TypeAlias

NumberRanges: TypeAlias = tuple[tuple[int, int], ...]
"""(first, last) of each range, both inclusive."""


def with_range(ranges: NumberRanges, first: int, last: int) -> NumberRanges:
    """Return ``ranges`` with the numbers ``first``..``last`` added."""
    before, after = [], []
    for low, high in ranges:
        if high < first - 1:
            before.append((low, high))
        elif low > last + 1:
            after.append((low, high))
        else:
            first, last = min(first, low), max(last, high)
    return (*before, (first, last), *after)


def without_range(ranges: NumberRanges, first: int, last: int) -> NumberRanges:
    """Return ``ranges`` with the numbers ``first``..``last`` taken out."""
    left = []
    for low, high in ranges:
        if low < first:
            left.append((low, min(high, first - 1)))
        if high > last:
            left.append((max(low, last + 1), high))
    return tuple(left)


def how_many(ranges: NumberRanges) -> int:
    """Return how many numbers there are in ``ranges``."""
    return sum(last - first + 1 for first, last in ranges)


def begin_of(ranges: NumberRanges, count: int) -> tuple[int, int]:
    """Return (first, last) of the lowest numbers, at most ``count``; ``ranges`` is not empty."""
    first, last = ranges[0]
    return first, min(last, first + count - 1)


def in_words(ranges: NumberRanges) -> str:
    """Return ``ranges`` as people read them, such as ``3 and 5 to 8``."""
    words = [str(first) if first == last else f"{first} to {last}" for first, last in ranges]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
