"""What every list that is answered in pages has in common.

Source: http://hl7.org/fhir/http.html#paging; http://hl7.org/fhir/search.html#count.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from hub.core.release import Json, Resource
from hub.errors import InvalidValue
from hub.web.limits import Limits

CURSOR: Final = "_cursor"
"""The parameter with which a next link says where it goes on; opaque to clients."""

PRESENTATION: Final = frozenset(("_format", "_pretty"))
"""Parameters that only say how the answer is to be written."""

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for: at most ``count`` entries, older than ``before`` (a seq)."""

    count: int
    before: int | None = None


def read_page(pairs: Pairs, limits: Limits) -> Page:
    """Read ``_count`` and the cursor; a count above the longest page is that of the longest.

    Raises:
        InvalidValue: one of them is not of its form.
    """
    count, before = limits.page, None
    for name, value in pairs:
        if name == "_count":
            if not (value.isascii() and value.isdigit() and len(value) <= 18):
                raise InvalidValue("_count must be a whole number, 0 or more")
            count = min(int(value), limits.longest_page)
        elif name == CURSOR:
            before = _read_cursor(value)
    return Page(count, before)


def _read_cursor(text: str) -> int:
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 9 or raw[:1] != b"p" or raw[1] > 127:
        raise InvalidValue(f"{CURSOR} is none that this hub gave; start from the first page")
    return int.from_bytes(raw[1:], "big")


def write_cursor(seq: int) -> str:
    """Write a place in the log of changes as a cursor."""
    return base64.urlsafe_b64encode(b"p" + seq.to_bytes(8, "big")).decode()


def links(url: str, pairs: Pairs, page: Page, next_before: int | None) -> list[Json]:
    """Return the links ``self`` and, where there is more, ``next``."""
    kept = [(name, value) for name, value in pairs if name not in {"_count", CURSOR}]
    kept.append(("_count", str(page.count)))
    here = kept if page.before is None else [*kept, (CURSOR, write_cursor(page.before))]
    found = [{"relation": "self", "url": address(url, here)}]
    if next_before is not None:
        further = [*kept, (CURSOR, write_cursor(next_before))]
        found.append({"relation": "next", "url": address(url, further)})
    return found


def address(url: str, pairs: Pairs) -> str:
    """Return ``url`` with ``pairs`` as its query."""
    query = urlencode(list(pairs), safe=":/,$", quote_via=quote)
    return f"{url}?{query}" if query else url


def bundle_of(
    kind: str, entries: list[Json], *, link: list[Json] | None = None, total: int | None = None
) -> Resource:
    """Return a Bundle; elements that would be empty are left out."""
    bundle: Resource = {"resourceType": "Bundle", "type": kind}
    if total is not None:
        bundle["total"] = total
    if link is not None:
        bundle["link"] = link
    if entries:
        bundle["entry"] = entries
    return bundle
