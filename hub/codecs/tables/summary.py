"""Which elements of a resource are part of its summary, read from the generated table.

The table is made by ``scripts/make-summary-table``; README.md beside it names origin and licence.
Source: http://hl7.org/fhir/R5/search.html#_summary; ``ElementDefinition.isSummary``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import orjson

from hub.core.release import FhirRelease


def summary_elements(release: FhirRelease, resource_type: str) -> frozenset[str]:
    """Return the names of the elements, as the standard writes them (``status``, ``value[x]``).

    Raises:
        KeyError: the release has no such resource type.
    """
    return frozenset(_table()[release][resource_type])


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    table: dict[str, dict[str, list[str]]] = orjson.loads(
        files(__package__).joinpath("summary.json").read_bytes()
    )
    return table
