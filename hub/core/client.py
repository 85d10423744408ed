"""Who calls the hub, and for whom: what is known of a caller once it has shown its token.

Source: backport IG, "Safety and Security"; http://hl7.org/fhir/R5/security.html (authentication).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A program that may call the hub.

    ``name`` is what the hub's administrator calls it, unique; it owns what it creates under it.
    ``parties`` are whom it acts for: relative references (``Organization/lab``), or identifiers
    written ``SYSTEM|VALUE``.  An administrator sees and may do everything.
    """

    name: str
    parties: frozenset[str] = frozenset()
    is_administrator: bool = False


ADMINISTRATOR: Final = Client(name="administrator", is_administrator=True)
"""Whoever shows the token of ``--admin-token-file``; no other client has this name."""

HUB: Final = Client(name="", is_administrator=True)
"""The hub itself, where nobody has called."""
