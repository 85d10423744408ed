"""Canonical references, ``url`` or ``url|version``, and which version is the newest.

Source: http://hl7.org/fhir/R5/references.html#canonical.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NUMBERS = re.compile(r"([0-9]+)")


def split_canonical(canonical: str) -> tuple[str, str | None]:
    """Return url and version of a canonical reference; None where it names no version."""
    url, _, version = canonical.partition("|")
    return url, version or None


def joined_canonical(url: str, version: str | None) -> str:
    """Return ``url|version``, or the url where there is no version."""
    return f"{url}|{version}" if version else url


def is_absolute(canonical: str) -> bool:
    """Tell whether this may be a canonical URL, which is absolute; a type's name is not."""
    return ":" in canonical


@lru_cache(maxsize=256)
def version_order(version: str | None) -> tuple[tuple[int, int, str], ...]:
    """Return what versions are sorted by: their numbers, 1.10 after 1.9; none before any."""
    parts = _NUMBERS.split(version or "")
    return tuple(_part_order(part) for part in parts if part)


def _part_order(part: str) -> tuple[int, int, str]:
    """More digits are more; no number is worked out, which could take long."""
    if not _NUMBERS.fullmatch(part):
        return 0, 0, part
    digits = part.lstrip("0")
    return 1, len(digits), digits
