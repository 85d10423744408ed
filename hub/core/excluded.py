"""Resources that are about the hub itself: they are never included, and trigger only by name.

Otherwise the record of a failing delivery would be an event, whose delivery fails too.
Source: http://hl7.org/fhir/R5/subscription.html ("Safety and Security").
"""

from __future__ import annotations

from hub.core.release import Resource

TOPIC_CODE = ("http://hl7.org/fhir/fhir-types", "SubscriptionTopic")
"""System and code by which an R4 ``Basic`` says that it is a topic."""

_TYPES = frozenset(
    ("Subscription", "SubscriptionTopic", "SubscriptionStatus", "OperationDefinition", "AuditEvent")
)


def is_topic_basic(resource: Resource) -> bool:
    """Tell whether a resource is a ``Basic`` that stands for a topic."""
    if resource.get("resourceType") != "Basic":
        return False
    code = resource.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    return isinstance(codings, list) and any(
        isinstance(coding, dict) and (coding.get("system"), coding.get("code")) == TOPIC_CODE
        for coding in codings
    )


def is_excluded(resource: Resource) -> bool:
    """Tell whether a resource is about the hub itself."""
    kind = resource.get("resourceType")
    return kind in _TYPES or (kind == "Basic" and is_topic_basic(resource))
