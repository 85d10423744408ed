"""How a bench fails."""

from __future__ import annotations


class Wrong(Exception):
    """A run's own numbers do not agree, or it did not end in time: its figures mean nothing."""


def check(holds: bool, words: str) -> None:
    """Raise ``Wrong`` unless something holds."""
    if not holds:
        raise Wrong(words)
