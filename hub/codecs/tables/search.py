"""The search parameters of each FHIR release, read from the generated tables.

The tables are made by ``scripts/make-search-tables``; SEARCH-PARAMETERS.md beside them names
origin and licence.  R4 and R4B also have the parameters that the backport guide defines for
Subscription.
Source: http://hl7.org/fhir/uv/subscriptions-backport/artifacts.html ("Search Parameters").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

import orjson

from hub.codecs.extension import BACKPORT, IDENTIFIER
from hub.core.profile import NO_PROFILES, Profiles
from hub.core.release import FhirRelease
from hub.core.search_parameter import ANY_RESOURCE, SearchParameters
from hub.core.value_set import NO_VALUE_SETS, ValueSets


def _of_guide(code: str, kind: str, path: str, form: str = "") -> dict[str, Any]:
    url = f"{BACKPORT}/SearchParameter/Subscription-{code}"
    return {"type": kind, "url": url, "path": path, "form": form}


def _extension(name: str) -> str:
    return f"extension{{url={BACKPORT}/StructureDefinition/{name}}}"


_BACKPORT: Final[dict[str, Any]] = {
    "topic": _of_guide("topic", "string", "criteria"),
    "filter-criteria": _of_guide(
        "filter-criteria",
        "string",
        f"_criteria.{_extension('backport-filter-criteria')}.valueString",
    ),
    "payload-type": _of_guide(
        "payload-type",
        "token",
        f"channel._payload.{_extension('backport-payload-content')}.valueCode",
        "bare",
    ),
    "custom-channel": _of_guide(
        "custom-channel",
        "token",
        f"channel._type.{_extension('backport-channel-type')}.valueCoding",
        "coded",
    ),
    "identifier": _of_guide(
        "identifier", "token", f"extension{{url={IDENTIFIER}}}.valueIdentifier", "coded"
    ),
}
"""The guide's own expressions name the extensions without the element that they stand on."""


Entries: TypeAlias = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Resource type (or ``Resource``) to code to parameter, in the form of the tables."""


def search_parameters(
    release: FhirRelease,
    base_url: str,
    *,
    added: Entries | None = None,
    value_sets: ValueSets = NO_VALUE_SETS,
    profiles: Profiles = NO_PROFILES,
) -> SearchParameters:
    """Return the search parameters of ``release`` for the hub's base ``base_url``.

    References below ``base_url`` are the hub's own: the same as relative ones.  ``added`` are
    parameters beside the standard's; ``value_sets`` are what ``:in`` may name, ``profiles``
    what topics may.
    """
    table = standard_table(release)
    if added:
        types = {name: {**table["types"][name], **added.get(name, {})} for name in table["types"]}
        common = {**table["common"], **added.get(ANY_RESOURCE, {})}
        table = {**table, "types": types, "common": common}
    return SearchParameters(release, table, base_url, value_sets, profiles)


@cache
def standard_table(release: FhirRelease) -> dict[str, Any]:
    """Return the table of the standard's and the guide's parameters; don't change it."""
    text = files(__package__).joinpath(f"search-{release.path}.json").read_bytes()
    table: dict[str, Any] = orjson.loads(text)
    if release is not FhirRelease.R5:
        table["types"]["Subscription"] |= _BACKPORT
    return table
