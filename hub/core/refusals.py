"""All that is wrong with one thing, gathered so that it is told at once.

Source: http://hl7.org/fhir/operationoutcome.html (an outcome has one issue for each complaint).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from hub.errors import Issue, Unprocessable

T = TypeVar("T")

MOST: Final = 20
"""How many complaints are told at most."""


class Refusals:
    """What was refused so far."""

    def __init__(self) -> None:
        self.found: list[Unprocessable] = []

    def take(self, read: Callable[[], T], otherwise: T) -> T:
        """Return what ``read`` returns; where it refuses, keep that and return ``otherwise``."""
        try:
            return read()
        except Unprocessable as refusal:
            self.found.append(refusal)
            return otherwise

    def raise_any(self) -> None:
        """Raise all that was refused as one.

        Raises:
            Unprocessable: of the class of the first; each issue has the slug and hint of its own.
        """
        if self.found:
            raise joined(self.found)


def joined(refusals: list[Unprocessable]) -> Unprocessable:
    """Return one refusal that says what ``refusals`` say, nothing twice; the first one leads."""
    if len(refusals) == 1:
        return refusals[0]
    issues: dict[tuple[str, str | None], Issue] = {}
    for refusal in refusals:
        for issue in refusal.issues:
            named = replace(issue, slug=issue.slug or refusal.slug, hint=issue.hint or refusal.hint)
            issues.setdefault((issue.diagnostics, issue.expression), named)
    first = refusals[0]
    return type(first)(
        first.diagnostics, expression=first.expression, issues=list(issues.values())[:MOST]
    )
