"""What the search box of the orders asks for: ``status:requested owner:Organization/lab``.

Words are separated by blanks; a value with blanks stands in quotes.  ``name:value`` is a search
parameter, ``name:modifier=value`` one with a modifier, ``type:Task`` chooses a type.  A word alone
is an id, a number under which the order is known, or a reference such as ``Task/17``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.errors import InvalidSearch
from hub.web.page import CURSOR, PRESENTATION

REQUESTS: Final = (
    "ServiceRequest",
    "Task",
    "MedicationRequest",
    "DeviceRequest",
    "NutritionOrder",
    "SupplyRequest",
    "CommunicationRequest",
    "VisionPrescription",
    "RequestGroup",
    "RequestOrchestration",
    "CarePlan",
    "Appointment",
)
"""The types of orders: requests of the standard, as far as a release has them."""

_LONGEST: Final = 1_000
_WORD: Final = re.compile(r'(?:[^\s"]|"[^"]*")+')
_REFERENCE: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")
_ABOUT_RESULT: Final = frozenset(
    ("_count", "_sort", "_total", "_summary", "_elements", CURSOR, *PRESENTATION)
)
_BY_WORD: Final = ("_id", "identifier")


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """The types that are searched, and the searches of each: an order answers any of them."""

    types: tuple[str, ...]
    searches: tuple[tuple[tuple[str, str], ...], ...]


def read_order_query(text: str, known: Sequence[str]) -> OrderQuery:
    """Read the search box.

    Args:
        text: what stands in it.
        known: the types of orders of the release.

    Raises:
        InvalidSearch: it can't be understood.
    """
    if len(text) > _LONGEST:
        raise InvalidSearch(f"a search has at most {_LONGEST} characters")
    if text.count('"') % 2:
        raise InvalidSearch('a quote (") is not closed')
    types: list[str] = []
    pairs: list[tuple[str, str]] = []
    words: list[str] = []
    for word in (each.replace('"', "") for each in _WORD.findall(text)):
        reference = _REFERENCE.fullmatch(word)
        name, sign, value = _parted(word)
        if reference:
            types.append(reference[1])
            pairs.append(("_id", reference[2]))
        elif not sign:
            words.append(word)
        elif name == "type":
            types += value.split(",")
        elif name in _ABOUT_RESULT or name.startswith(("_include", "_revinclude")):
            raise InvalidSearch(f"{name} is no condition; write parameter:value")
        elif not name or not value:
            raise InvalidSearch(f"{word[:64]!r} lacks a name or a value; write parameter:value")
        else:
            pairs.append((name, value))
    for each in types:
        if each not in known:
            raise InvalidSearch(f"{each[:64]!r} is no type of orders; allowed: {', '.join(known)}")
    if len(words) > 1:
        raise InvalidSearch(
            f"{words[1][:64]!r} is a second id; write one id, and conditions as parameter:value"
        )
    searches = [(*pairs, (code, word)) for word in words for code in _BY_WORD] or [tuple(pairs)]
    return OrderQuery(tuple(each for each in known if each in types or not types), tuple(searches))


def _parted(word: str) -> tuple[str, str, str]:
    """Part a word into name, sign and value: at ``=`` where its name has a modifier."""
    match = re.fullmatch(r"([\w\-.:]+)=(.*)", word) or re.fullmatch(r"([\w\-.]*):(.*)", word)
    return (match[1], ":", match[2]) if match else (word, "", "")
