"""A part of a resource, marked as such: what ``_summary`` and ``_elements`` ask for.

Source: http://hl7.org/fhir/R5/search.html#_summary and #_elements; the tag SUBSETTED of
http://terminology.hl7.org/CodeSystem/v3-ObservationValue.
"""

from __future__ import annotations

from collections.abc import Collection

from hub.core.release import Json, Resource

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
"""The tag of a resource that is not whole, so that nobody writes it back."""

ALWAYS = frozenset(("resourceType", "id", "meta", "implicitRules", "modifierExtension"))
"""The members that every part has: what names a resource, and what may change its meaning."""


def subset(resource: Resource, names: Collection[str]) -> Resource:
    """Return ``resource`` with only the members ``names``, and those in ``ALWAYS``.

    ``names`` are names in JSON; the extensions of a primitive stay with it.  ``resource`` itself
    is not changed.
    """
    found: Resource = {
        name: value
        for name, value in resource.items()
        if name in ALWAYS or name.removeprefix("_") in names
    }
    meta = found.get("meta")
    tagged: dict[str, Json] = {**meta} if isinstance(meta, dict) else {}
    tags = tagged.get("tag")
    tags = tags if isinstance(tags, list) else []
    if not any(_is_subsetted(tag) for tag in tags):
        tagged["tag"] = [*tags, SUBSETTED]
    found["meta"] = tagged
    return found


def _is_subsetted(tag: Json) -> bool:
    return isinstance(tag, dict) and SUBSETTED.items() <= tag.items()
