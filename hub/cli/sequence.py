"""What a subscriber does with event numbers: sees duplicates and gaps.

Source: backport IG, "Handling Errors as a Client"; http://hl7.org/fhir/R5/subscriptions.html.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Sequence:
    """The numbers of one Subscription, as far as they have been seen.

    ``last`` is the highest number taken; None until the first one says where the sequence begins.
    """

    last: int | None = None

    def gap(self, number: int) -> range:
        """Return the numbers that are missing if ``number`` is the next to arrive."""
        first = number if self.last is None else self.last + 1
        return range(first, max(first, number))

    def take(self, number: int) -> bool:
        """Count ``number`` as arrived; False if it, or a later one, had arrived before."""
        if self.last is not None and number <= self.last:
            return False
        self.last = number
        return True


def numbers_text(numbers: range) -> str:
    """Return ``#3`` or ``#3..5``."""
    first, last = numbers.start, numbers.stop - 1
    return f"#{first}" if first == last else f"#{first}..{last}"
