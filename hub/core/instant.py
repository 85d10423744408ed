"""Instants as FHIR writes them.

Source: http://hl7.org/fhir/R5/datatypes.html#instant.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)


def format_instant(instant: datetime) -> str:
    """Return an aware instant as ``2026-11-21T02:00:00.123456Z``."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_instant(text: str) -> datetime | None:
    """Return the aware instant that FHIR writes so, None where there is no such moment.

    Seconds and zone are mandatory; digits beyond microseconds are cut off.
    """
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
