"""What a hub and its web process say to each other.

What is frequent has numbers and texts inside (``hub.engine.plain_value``).
"""

from __future__ import annotations

from typing import NamedTuple

from hub.core.client import Client
from hub.engine.plain_value import Plain


class Submit(NamedTuple):
    """To the hub: apply this write, whose document is validated.

    ``source`` is the document's text, None without one; ``has_fractions`` tells whether a number
    in it is anything else than an integer of usual size; ``terms`` and ``ranges`` are of its
    ``content_entry``.
    """

    number: int
    release: str
    interaction: str
    resource_type: str
    id: str | None
    source: str | None
    has_fractions: bool
    if_match: int | None
    author: Client | None
    terms: str
    ranges: tuple[tuple[int, int, int], ...]


class Applied(NamedTuple):
    """To the web process: a write is durable.  ``version`` is the current one."""

    number: int
    outcome: str
    version: Plain | None


class Refused(NamedTuple):
    """To the web process: a write was refused; None where it failed for no reason of its own."""

    number: int
    error: Exception | None


class HandedOver(NamedTuple):
    """To the hub: what was read of the connection that comes beside the line under this number."""

    number: int
    data: bytes


class Serving(NamedTuple):
    """To the hub: connections are accepted."""


class Stop(NamedTuple):
    """To the web process: accept no more, answer what is under way, and end."""
