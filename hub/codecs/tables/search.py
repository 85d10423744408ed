"""The search parameters of each FHIR release, read from the generated tables.

The tables are made by ``scripts/make-search-tables``; SEARCH-PARAMETERS.md beside them names
origin and licence.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters


def search_parameters(release: FhirRelease, base_url: str) -> SearchParameters:
    """Return the search parameters of ``release`` for the hub's base ``base_url``.

    References below ``base_url`` are the hub's own: the same as relative ones.
    """
    return SearchParameters(release, _table(release), base_url)


@cache
def _table(release: FhirRelease) -> dict[str, Any]:
    text = files(__package__).joinpath(f"search-{release.path}.json").read_bytes()
    table: dict[str, Any] = orjson.loads(text)
    return table
