"""Resources in the form of each release, as clients send them to a running hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hub.core.release import FhirRelease, Resource

BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
TOPICS: Final = "http://example.org/fhir-hub/SubscriptionTopic"
CHANNELS: Final = "http://terminology.hl7.org/CodeSystem/subscription-channel-type"
IDENTIFIERS: Final = "http://example.org/subscriptions"
RELEASES: Final = tuple(FhirRelease)
CONTENTS: Final = ("empty", "id-only", "full-resource")


def topic(name: str) -> str:
    """Return the canonical of a packaged topic."""
    return f"{TOPICS}/{name}"


def a_subscription(
    release: FhirRelease,
    *,
    topic_name: str = "task-activity",
    channel: str = "rest-hook",
    endpoint: str | None = None,
    content: str = "id-only",
    payload: str | None = "application/fhir+json",
    filters: Sequence[str] = (),
    headers: Sequence[tuple[str, str]] = (),
    heartbeat: int | None = None,
    timeout: int | None = None,
    max_count: int | None = None,
    **more: Any,
) -> Resource:
    """Return a Subscription.

    Args:
        topic_name: of a packaged topic, or a canonical.
        filters: each ``Type?parameter=value``.
        more: further elements of the resource; ``status`` is requested where it is not given.
    """
    canonical = topic_name if ":" in topic_name else topic(topic_name)
    common: Resource = {"resourceType": "Subscription", "status": "requested"} | more
    if release is FhirRelease.R5:
        optional = {
            "endpoint": endpoint,
            "contentType": payload,
            "heartbeatPeriod": heartbeat,
            "timeout": timeout,
            "maxCount": max_count,
            "parameter": [{"name": name, "value": value} for name, value in headers] or None,
            "filterBy": [_filter_by(each) for each in filters] or None,
        }
        return common | {
            "topic": canonical,
            "channelType": {"system": CHANNELS, "code": channel},
            "content": content,
            **{name: value for name, value in optional.items() if value is not None},
        }
    extension = [
        {"url": f"{BACKPORT}/backport-{name}", kind: value}
        for name, kind, value in (
            ("heartbeat-period", "valueUnsignedInt", heartbeat),
            ("timeout", "valueUnsignedInt", timeout),
            ("max-count", "valuePositiveInt", max_count),
        )
        if value is not None
    ]
    written: Resource = {"type": channel}
    if extension:
        written["extension"] = extension
    if endpoint is not None:
        written["endpoint"] = endpoint
    if payload is not None:
        written["payload"] = payload
    if headers:
        written["header"] = [f"{name}: {value}" for name, value in headers]
    written["_payload"] = {
        "extension": [{"url": f"{BACKPORT}/backport-payload-content", "valueCode": content}]
    }
    resource = {"reason": "a test", **common, "criteria": canonical, "channel": written}
    if filters:
        resource["_criteria"] = {
            "extension": [
                {"url": f"{BACKPORT}/backport-filter-criteria", "valueString": each}
                for each in filters
            ]
        }
    return resource


def identified(release: FhirRelease, value: str, system: str = IDENTIFIERS) -> Resource:
    """Return the element of a Subscription by which an identifier names it."""
    identifier = {"system": system, "value": value}
    if release is FhirRelease.R5:
        return {"identifier": [identifier]}
    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier"
    return {"extension": [{"url": url, "valueIdentifier": identifier}]}


def _filter_by(text: str) -> Resource:
    kind, _, rest = text.partition("?")
    name, _, value = rest.partition("=")
    parameter, _, modifier = (name, "", "") if "." in name else name.partition(":")
    found: Resource = {"resourceType": kind, "filterParameter": parameter, "value": value}
    return found | ({"modifier": modifier} if modifier else {})


def header_values(subscription: Resource) -> list[str]:
    """Return the header values that a Subscription of any release shows."""
    if "channel" in subscription:
        lines = subscription["channel"].get("header", [])
        return [line.partition(": ")[2] for line in lines]
    return [parameter["value"] for parameter in subscription.get("parameter", [])]


def a_task(
    owner: str | None = None,
    status: str = "requested",
    *,
    patient: str | None = None,
    **more: Any,
) -> Resource:
    """Return a Task, for a patient if one is given; it is the same in every release."""
    task: Resource = {"resourceType": "Task", "status": status, "intent": "order"}
    if patient is not None:
        task["for"] = {"reference": patient}
    if owner is not None:
        task["owner"] = {"reference": owner}
    return task | more


def a_patient(**more: Any) -> Resource:
    """Return a Patient; it is the same in every release."""
    return {"resourceType": "Patient", "active": True} | more


def an_entry(method: str, url: str, resource: Resource | None = None, **more: Any) -> Resource:
    """Return an entry of a batch or transaction; ``more`` goes to its request."""
    full_url = more.pop("full_url", None)
    entry: Resource = {"request": {"method": method, "url": url, **more}}
    if full_url is not None:
        entry["fullUrl"] = full_url
    if resource is not None:
        entry["resource"] = resource
    return entry


def a_bundle(kind: str, *entries: Resource) -> Resource:
    """Return a Bundle of type ``kind``."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
