"""The standard's rules for notification Bundles, as checks that tests run on what is sent.

Each check names the rule that it states.  ``check_notification`` runs all of them and the models
of the release.
"""

from __future__ import annotations

import json
from typing import Any

import fhir.resources.bundle
import fhir.resources.R4B.bundle

from hub.core.release import FhirRelease, Json, Resource

_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
_R4_ORDER = [
    "subscription",
    "topic",
    "status",
    "type",
    "events-since-subscription-start",
    "notification-event",
    "error",
]
_MODELS: dict[FhirRelease, Any] = {
    FhirRelease.R4: fhir.resources.R4B.bundle.Bundle,
    FhirRelease.R4B: fhir.resources.R4B.bundle.Bundle,
    FhirRelease.R5: fhir.resources.bundle.Bundle,
}


def check_model(bundle: Resource, release: FhirRelease) -> None:
    """The models of the release accept the Bundle (R4 by those of R4B)."""
    if release is FhirRelease.R5:
        bundle = _numbered(bundle)
    _MODELS[release].model_validate_json(json.dumps(bundle))


def _numbered(value: Json) -> Json:
    """Write integer64 as numbers: the models read them so, FHIR JSON has strings."""
    if isinstance(value, list):
        return [_numbered(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: int(member)
        if name in ("eventNumber", "eventsSinceSubscriptionStart")
        else _numbered(member)
        for name, member in value.items()
    }


def check_notification(text: bytes, release: FhirRelease) -> Resource:
    """Check a notification Bundle against everything here and return it parsed."""
    bundle: Resource = json.loads(text)
    check_model(bundle, release)
    check_type(bundle, release)
    check_every_entry_has_request_and_response(bundle)
    check_resources_agree_with_requests(bundle)
    check_full_urls(bundle)
    check_status_entry(bundle)
    check_references_are_absolute(bundle)
    status = read_status(bundle["entry"][0]["resource"])
    check_status(status, release)
    check_focus_entries(bundle, status)
    return bundle


def check_type(bundle: Resource, release: FhirRelease) -> None:
    """R5 has a type of its own; R4 and R4B say history and claim the guide's profile."""
    if release is FhirRelease.R5:
        assert bundle["type"] == "subscription-notification"
        return
    suffix = "-r4" if release is FhirRelease.R4 else ""
    assert bundle["type"] == "history"
    assert bundle["meta"]["profile"] == [f"{_BACKPORT}/backport-subscription-notification{suffix}"]
    assert "total" not in bundle


def check_every_entry_has_request_and_response(bundle: Resource) -> None:
    """bdl-3 and bdl-4 of history, which the hub keeps in every release; bdl-2: no search."""
    for entry in bundle["entry"]:
        assert entry["request"]["method"]
        assert entry["response"]["status"]
        assert "search" not in entry


def check_resources_agree_with_requests(bundle: Resource) -> None:
    """A deletion has no resource; a create posts to the type, all else names the resource."""
    for entry in bundle["entry"][1:]:
        method, url = entry["request"]["method"], entry["request"]["url"]
        expected = {"POST": "201", "PUT": "200", "GET": "200", "DELETE": "204"}
        assert entry["response"]["status"] == expected[method]
        assert ("resource" in entry) is (method != "DELETE")
        kind, id = entry["fullUrl"].split("/")[-2:]
        assert url == (kind if method == "POST" else f"{kind}/{id}")
        if "resource" in entry:
            resource = entry["resource"]
            assert (resource["resourceType"], resource["id"]) == (kind, id)
            version = resource.get("meta", {}).get("versionId")
            assert version is None or entry["response"]["etag"] == f'W/"{version}"'


def check_full_urls(bundle: Resource) -> None:
    """bdl-7: distinct together with the version outside history; bdl-8: not version-specific."""
    seen = [
        (entry["fullUrl"], entry.get("resource", {}).get("meta", {}).get("versionId", ""))
        for entry in bundle["entry"]
    ]
    assert all("/_history/" not in url for url, _ in seen)
    if bundle["type"] != "history":
        assert len(set(seen)) == len(seen)


def check_status_entry(bundle: Resource) -> None:
    """The first entry is the status, as if ``$status`` had been asked for."""
    first = bundle["entry"][0]
    assert first["fullUrl"] == f"urn:uuid:{first['resource']['id']}"
    status = read_status(first["resource"])
    if is_logical(status["subscription"]):
        assert first["request"]["method"] == "GET"
        assert first["request"]["url"].endswith("/Subscription/$status")
    else:
        assert first["request"] == {"method": "GET", "url": f"{status['subscription']}/$status"}
    assert first["response"]["status"] == "200"


def check_references_are_absolute(bundle: Resource) -> None:
    """A relative reference in an entry whose fullUrl is a UUID has no meaning."""
    status = read_status(bundle["entry"][0]["resource"])
    references = [] if is_logical(status["subscription"]) else [status["subscription"]]
    for event in status["events"]:
        references += [event["focus"]] if event["focus"] else []
        references += event["context"]
        references += [query for _, query in event["queries"]]
    assert all(reference.startswith(("http://", "https://")) for reference in references)


def check_status(status: Resource, release: FhirRelease) -> None:
    """sst-1, sst-2, the order of numbers, and counters that are strings."""
    assert status["status"]
    if release is not FhirRelease.R4 and status["type"] in ("event-notification", "query-event"):
        assert status["events"]
    assert isinstance(status["counter"], str)
    assert all(isinstance(event["number"], str) for event in status["events"])
    numbers = [int(event["number"]) for event in status["events"]]
    assert numbers == sorted(set(numbers))
    if status["type"] == "event-notification":
        assert status["counter"] == status["events"][-1]["number"]


def check_focus_entries(bundle: Resource, status: Resource) -> None:
    """Where there are entries, each focus and context has one; where no focus, no entries."""
    urls = {entry["fullUrl"] for entry in bundle["entry"][1:]}
    named = {
        reference
        for event in status["events"]
        for reference in [event["focus"], *event["context"]]
        if reference
    }
    assert urls <= named
    assert not urls or named == urls


def read_status(resource: Resource) -> Resource:
    """Read either form of the status: names in English, None for what is absent."""
    if resource["resourceType"] == "SubscriptionStatus":
        return {
            "subscription": _named(resource["subscription"]),
            "topic": resource.get("topic"),
            "status": resource.get("status"),
            "type": resource["type"],
            "counter": resource.get("eventsSinceSubscriptionStart"),
            "events": [
                {
                    "number": event["eventNumber"],
                    "timestamp": event.get("timestamp"),
                    "focus": event.get("focus", {}).get("reference"),
                    "context": [one["reference"] for one in event.get("additionalContext", [])],
                    "queries": [
                        (parts.get("queryType"), parts["query"])
                        for parts in _extensions(event, "backport-related-query")
                    ],
                    "hint": [
                        parts["type"]
                        for parts in _extensions(event, "notification-authorization-hint")
                    ],
                }
                for event in resource.get("notificationEvent", [])
            ],
            "errors": resource.get("error", []),
        }
    assert resource["resourceType"] == "Parameters"
    assert resource["meta"]["profile"] == [f"{_BACKPORT}/backport-subscription-status-r4"]
    parameters = resource["parameter"]
    names = [parameter["name"] for parameter in parameters]
    assert names == sorted(names, key=_R4_ORDER.index)
    single = dict.fromkeys(_R4_ORDER[:5])
    for parameter in parameters:
        if parameter["name"] in single:
            assert single[parameter["name"]] is None
            single[parameter["name"]] = _r4_value(parameter)
    return {
        "subscription": single["subscription"],
        "topic": single["topic"],
        "status": single["status"],
        "type": single["type"],
        "counter": single["events-since-subscription-start"],
        "events": [_r4_event(one["part"]) for one in parameters if one["name"] == _R4_ORDER[5]],
        "errors": [one["valueCodeableConcept"] for one in parameters if one["name"] == "error"],
    }


def _extensions(event: Resource, name: str) -> list[Resource]:
    """Return the parts of each extension of the guide with this name, by their urls."""
    return [
        {
            part["url"]: next(value for key, value in part.items() if key != "url")
            for part in extension["extension"]
        }
        for extension in event.get("extension", ())
        if extension["url"] == f"{_BACKPORT}/{name}"
    ]


_R4_TYPES = {
    "subscription": "valueReference",
    "topic": "valueCanonical",
    "status": "valueCode",
    "type": "valueCode",
    "events-since-subscription-start": "valueString",
    "event-number": "valueString",
    "timestamp": "valueInstant",
    "focus": "valueReference",
    "additional-context": "valueReference",
    "authorization-type": "valueCoding",
    "query-type": "valueCoding",
    "query": "valueString",
}


def _r4_value(parameter: Resource) -> Json:
    if parameter["name"] == "related-query":
        inside = {part["name"]: _r4_value(part) for part in parameter["part"]}
        return inside.get("query-type"), inside["query"]
    kind = _R4_TYPES[parameter["name"]]
    assert len(parameter) == 2
    value = parameter[kind]
    return _named(value) if kind == "valueReference" else value


def _named(reference: Resource) -> str:
    """Return the address that a reference has, or the identifier where it has none."""
    identifier = reference.get("identifier", {})
    named: str = reference.get("reference") or f"{identifier['system']}|{identifier['value']}"
    return named


def is_logical(named: str) -> bool:
    """Tell whether an identifier alone names a Subscription, as ``system|value``."""
    return "|" in named


def _r4_event(parts: list[Resource]) -> Resource:
    values = [(part["name"], _r4_value(part)) for part in parts]
    single = dict(values)
    return {
        "number": single["event-number"],
        "timestamp": single.get("timestamp"),
        "focus": single.get("focus"),
        "context": [value for name, value in values if name == "additional-context"],
        "queries": [value for name, value in values if name == "related-query"],
        "hint": [value for name, value in values if name == "authorization-type"],
    }
