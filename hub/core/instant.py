"""Instants as FHIR writes them.

Source: http://hl7.org/fhir/R5/datatypes.html#instant.
"""

from __future__ import annotations

from datetime import UTC, datetime


def format_instant(instant: datetime) -> str:
    """Return an aware instant as ``2026-11-21T02:00:00.123456Z``."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
