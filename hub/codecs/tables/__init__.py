"""What each FHIR release says about each element of each type.

The tables are made by ``scripts/make-tables``; README.md beside them names origin and licence.
Sources: http://hl7.org/fhir/R4/resourcelist.html, http://hl7.org/fhir/R4B/resourcelist.html,
http://hl7.org/fhir/R5/resourcelist.html and the pages of the types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from hub.core.release import FhirRelease


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type.

    ``name`` is as the standard writes it (``status``, ``value[x]``).  ``types`` are the FHIR types
    that its value may have: primitives are lower case, ``Resource`` is any resource, the parts of a
    resource have names of their own (``TaskInput``).  ``codes`` are the allowed codes where a
    required binding lists them.
    """

    name: str
    types: tuple[str, ...]
    required: bool
    is_list: bool
    codes: tuple[str, ...] | None

    @property
    def is_choice(self) -> bool:
        """Whether the type of the value is part of the JSON name, as in ``valueString``."""
        return self.name.endswith("[x]")

    @property
    def json_names(self) -> dict[str, str]:
        """The names that the element can have in JSON, with the type of the value of each."""
        if not self.is_choice:
            return {self.name: self.types[0]}
        return {self.name[:-3] + each[0].upper() + each[1:]: each for each in self.types}


class Elements:
    """The types of one release and their elements."""

    def __init__(self, release: FhirRelease, table: Mapping[str, Any]) -> None:
        self.release = release
        self.resource_types: frozenset[str] = frozenset(table["resources"])
        self._codes = [tuple(each) for each in table["codes"]]
        self._types = table["types"]
        self._read: dict[str, tuple[Element, ...]] = {}

    def __contains__(self, type_name: object) -> bool:
        return type_name in self._types

    def of(self, type_name: str) -> tuple[Element, ...]:
        """Return the elements of a resource, a complex type or a part of a resource, in order.

        Raises:
            KeyError: the release has no such type, or it is primitive or abstract.
        """
        if type_name not in self._read:
            self._read[type_name] = tuple(
                Element(
                    name,
                    tuple(types.split("|")),
                    minimum > 0,
                    bool(is_list),
                    self._codes[codes[0]] if codes else None,
                )
                for name, (types, minimum, is_list, *codes) in self._types[type_name].items()
            )
        return self._read[type_name]


@cache
def elements(release: FhirRelease) -> Elements:
    """Return the types of ``release``, read from its table once."""
    table = files(__package__).joinpath(f"elements-{release.path}.json").read_bytes()
    return Elements(release, orjson.loads(table))


def resource_types(release: FhirRelease) -> frozenset[str]:
    """Return the names of all resource types of ``release``, without abstract ones."""
    return elements(release).resource_types
