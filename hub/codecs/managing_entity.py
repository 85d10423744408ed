"""For whom a Subscription is: R5's managingEntity, in R4 and R4B the extension for it.

The backport guide has no element for it, and R4 and R4B have none either.  Profiles of orders on
them (Notified Pull) use HL7's extension for the R5 element.
Sources: http://hl7.org/fhir/R5/subscription.html; http://hl7.org/fhir/versions.html#extensions.
"""

from __future__ import annotations

from hub.codecs.extension import MANAGING_ENTITY, single, values
from hub.core.release import Resource
from hub.errors import SubscriptionRefused


def read_managing_entity(reference: Resource) -> frozenset[str]:
    """Return what the managing entity is called: its reference, and its identifier."""
    identifier: Resource = reference.get("identifier", {})
    system, value = identifier.get("system"), identifier.get("value")
    names = (reference.get("reference"), f"{system}|{value}" if system and value else None)
    return frozenset(name for name in names if name)


def write_managing_entity(names: frozenset[str]) -> Resource:
    """Write the reference from which ``read_managing_entity`` reads ``names``."""
    written: Resource = {}
    for name in sorted(names):
        system, bar, value = name.partition("|")
        if bar:
            written["identifier"] = {"system": system, "value": value}
        else:
            written["reference"] = name
    return written


def read_extension(resource: Resource) -> frozenset[str]:
    """Return what the managing entity is called in the extension, nothing where there is none.

    Raises:
        SubscriptionRefused: there are several, or it names nobody.
    """
    reference = single(resource, MANAGING_ENTITY, "valueReference", "Subscription")
    if reference is None:
        return frozenset()
    names = read_managing_entity(reference)
    if not names:
        ((_, place),) = values(resource, MANAGING_ENTITY, "valueReference", "Subscription")
        raise SubscriptionRefused(
            f"{place} must have a reference, or an identifier with system and value",
            expression=place,
        )
    return names
