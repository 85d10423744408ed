"""What a receiver got, by whom it was for, and whether that is all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hub.cli.bench.failure import Wrong

_NUMBER = re.compile(rb'"event-number","valueString":"(\d+)"')


def numbers_in(text: bytes) -> list[int]:
    """Return the event numbers in an R4 notification."""
    return [int(found) for found in _NUMBER.findall(text)]


@dataclass(slots=True)
class Receipt:
    """The event numbers that one receiver got.

    ``top`` is up to where they came without a gap (what it had before counts, too), ``again`` how
    many came more than once, ``early`` those that came before one below them.
    """

    top: int = 0
    again: int = 0
    early: set[int] = field(default_factory=set)
    disorder: int = 0

    def take(self, number: int) -> bool:
        """Note a number; return whether it is new."""
        if number == self.top + 1 and not self.early:
            self.top = number
            return True
        if number <= self.top or number in self.early:
            self.again += 1
            return False
        if number > self.top + 1:
            self.disorder += 1
            self.early.add(number)
            return True
        self.top = number
        while self.top + 1 in self.early:
            self.top += 1
            self.early.remove(self.top)
        return True

    def report(self) -> list[int]:
        """Return top, repeats, numbers after a gap, and how often the order was wrong."""
        return [self.top, self.again, len(self.early), self.disorder]


def check_received(reports: Mapping[str, Iterable[int]], wanted: Mapping[str, int]) -> int:
    """Return how many events came in all.

    Args:
        reports: what each receiver reports, by its name.
        wanted: how many events each was to get; 0 where a name is not there.

    Raises:
        Wrong: one got more, less, in a wrong order, or something twice.
    """
    total = 0
    for name in sorted({*reports, *wanted}):
        top, again, early, disorder = reports.get(name, (0, 0, 0, 0))
        count = wanted.get(name, 0)
        if (top, early) != (count, 0):
            raise Wrong(f"{name}: {count} events were made, numbers 1 to {top} came, {early} after")
        if again or disorder:
            raise Wrong(f"{name}: {again} events came again, {disorder} too early")
        total += top
    return total
