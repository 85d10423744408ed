"""What ``resourceTrigger.resource`` and its like name: a type by its name or URL, or a profile.

Source: http://hl7.org/fhir/R5/subscriptiontopic-definitions.html
(``SubscriptionTopic.resourceTrigger.resource``).
"""

from __future__ import annotations

from hub.core.profile import TypeNamed
from hub.core.search_parameter import ANY_RESOURCE, SearchParameters
from hub.core.topic import bare_type


class UnknownType(Exception):
    """Why a name is no type and no profile that can be used in a release; one line."""


def type_named(resource: str, parameters: SearchParameters) -> TypeNamed:
    """Return what a type's name, its URL or a profile's URL means in the release.

    Raises:
        UnknownType: the release has no such type, or the profile is not loaded.
    """
    name = bare_type(resource)
    found = TypeNamed(name) if name is not None else parameters.profiles.named(resource)
    if found is None:
        raise UnknownType(
            f"the profile {resource!r} is not loaded; load its StructureDefinition, as a file or "
            "in its package, beside the topic, or name the resource type"
        )
    if found.resource_type != ANY_RESOURCE and found.resource_type not in parameters.types():
        raise UnknownType(
            f"there is no resource type {found.resource_type} in {parameters.release}"
        )
    return found
