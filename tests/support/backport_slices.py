"""The slices of the guide's profiles of notifications, as rules of our own words.

Source: backport IG, profiles ``backport-subscription-status-r4``,
``backport-subscription-notification-r4`` and ``backport-subscription-notification``.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from hub.core.release import FhirRelease, Resource
from tests.support.builders import BACKPORT

_STATUS: Final = {
    "subscription": ("valueReference", 1, 1),
    "topic": ("valueCanonical", 0, 1),
    "status": ("valueCode", 1, 1),
    "type": ("valueCode", 1, 1),
    "events-since-subscription-start": ("valueString", 0, 1),
    "notification-event": ("part", 0, None),
    "error": ("valueCodeableConcept", 0, None),
}
_EVENT: Final = {
    "event-number": ("valueString", 1, 1),
    "timestamp": ("valueInstant", 0, 1),
    "focus": ("valueReference", 0, 1),
    "additional-context": ("valueReference", 0, None),
    "related-query": ("part", 0, None),
    "authorization-type": ("valueCoding", 0, 1),
    "authorization-value": ("valueString", 0, 1),
}
_RELATED_QUERY: Final = {"query-type": ("valueCoding", 0, 1), "query": ("valueString", 1, 1)}
_STATUSES: Final = ("requested", "active", "error", "off")
_TYPES: Final = (*("handshake", "heartbeat", "event-notification", "query-status", "query-event"),)
_EXTENSIONS: Final = (
    f"{BACKPORT}/backport-related-query",
    f"{BACKPORT}/notification-authorization-hint",
)

Slices = dict[str, tuple[str, int, int | None]]


def check_slices(bundle: Resource, release: FhirRelease) -> None:
    """Assert that a Bundle follows the guide's profiles of its release."""
    for entry in bundle.get("entry", []):
        if entry.get("resource", {}).get("resourceType") == "Parameters":
            _check_parameters(entry["resource"])
        elif entry.get("resource", {}).get("resourceType") == "SubscriptionStatus":
            _check_extensions(entry["resource"])
    if bundle["type"] != "history":
        return
    first, *others = bundle["entry"]
    kind = "Parameters" if release is FhirRelease.R4 else "SubscriptionStatus"
    assert first["resource"]["resourceType"] == kind
    assert first["fullUrl"] and first["request"]["method"] == "GET"
    assert first["request"]["url"].endswith("/$status")
    assert first["response"]["status"] == "200"
    assert all(each.get("resource", {}).get("resourceType") != kind for each in others)


def _check_parameters(status: Resource) -> None:
    _check(status["parameter"], dict(_STATUS))
    values = {each["name"]: each for each in status["parameter"]}
    assert values["status"]["valueCode"] in _STATUSES
    assert values["type"]["valueCode"] in _TYPES
    for parameter in status["parameter"]:
        if parameter["name"] != "notification-event":
            continue
        _check(parameter["part"], dict(_EVENT))
        for part in parameter["part"]:
            if part["name"] == "related-query":
                _check(part["part"], dict(_RELATED_QUERY))


def _check(parts: list[Resource], slices: Slices) -> None:
    """Assert that each part is of a slice, of its type, and as often there as it may be."""
    counted = Counter(part["name"] for part in parts)
    assert set(counted) <= set(slices)
    for name, (kind, least, most) in slices.items():
        assert counted[name] >= least, name
        assert most is None or counted[name] <= most, name
        assert all(set(part) == {"name", kind} for part in parts if part["name"] == name)


def _check_extensions(status: Resource) -> None:
    assert status["type"] in _TYPES
    for event in status.get("notificationEvent", []):
        for extension in event.get("extension", []):
            assert extension["url"] in _EXTENSIONS
            urls = [part["url"] for part in extension["extension"]]
            must = "query" if extension["url"] == _EXTENSIONS[0] else "type"
            assert urls.count(must) == 1
            assert len(set(urls)) == len(urls)
