"""How much one attempt may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EgressLimits:
    """How much one attempt may take: seconds, connections and bytes.

    ``drain`` is how long the body of an answer may take after its head; ``idle`` is how long a
    connection is kept without a request.  ``connections`` are those that are in use.
    """

    dns: float = 2.0
    connect: float = 5.0
    drain: float = 1.0
    idle: float = 15.0
    body_bytes: int = 16 * 1024
    header_line_bytes: int = 8 * 1024
    headers: int = 100
    connections: int = 1_000
    connections_per_origin: int = 32
