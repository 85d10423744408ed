"""CapabilityStatement: what a base of the hub offers.

Sources: http://hl7.org/fhir/capabilitystatement.html; backport IG, "Conformance"; the guide's
statements backport-subscription-server-r4 and backport-subscription-server.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from hub.codecs.backport import PROFILE
from hub.codecs.extension import BACKPORT
from hub.codecs.operation import Operation
from hub.codecs.operation_catalogue import operations, system_operations
from hub.core.instant import format_instant
from hub.core.release import CLASSIC, FhirRelease, Resource
from hub.core.search_parameter import SearchParameters

TOPIC_EXTENSION: Final = (
    f"{BACKPORT}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
)
WEBSOCKET_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
_GUIDE: Final = f"{BACKPORT}/ImplementationGuide/hl7.fhir.uv.subscriptions-backport"
_REQUIREMENTS: Final = {
    FhirRelease.R4: f"{BACKPORT}/CapabilityStatement/backport-subscription-server-r4",
    FhirRelease.R4B: f"{BACKPORT}/CapabilityStatement/backport-subscription-server",
}
_TRANSPORT: Final = "http://terminology.hl7.org/CodeSystem/message-transport"
_READ: Final = ("read", "search-type")
_READ_ONLY: Final = frozenset(("SubscriptionTopic", "OperationDefinition"))
_ALL: Final = (
    "read",
    "vread",
    "update",
    "patch",
    "create",
    "delete",
    "history-instance",
    "history-type",
    "search-type",
)


_SECURITY: Final[Resource] = {
    "description": (
        "Every request but this one shows the bearer token of a client (RFC 6750), which the hub's "
        "administrator gives out: Authorization: Bearer TOKEN. A Subscription is its creator's: "
        "others find none. Clients create Subscriptions by POST."
    ),
}


def capability_statement(
    release: FhirRelease,
    *,
    base_url: str,
    websocket_url: str,
    resource_types: Iterable[str],
    search_parameters: SearchParameters,
    topics: Sequence[str],
    date: datetime,
    version: str,
    has_xml: bool = False,
    versioned_update: Collection[str] = (),
    callers_asked: bool = False,
) -> Resource:
    """Write what ``GET {base}/metadata`` answers.

    Args:
        release: of the base.
        base_url: the base, without a slash at its end.
        websocket_url: where sockets bind with a token; below it, at the release's name, they bind
            by id to Subscriptions whose criteria are a search.
        resource_types: the types that the base keeps.
        search_parameters: what each type can be searched by.
        topics: canonical URLs of the topics that can be subscribed to; R4 lists them here since it
            has no SubscriptionTopic resource, each once and without version, as clients name them.
        date: since when the hub offers this.
        version: the hub's own.
        has_xml: whether resources are also read and written as XML.
        versioned_update: the types of which nobody changes a resource without If-Match.
        callers_asked: whether only those are answered who show a bearer token.
    """
    resource: Resource = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": format_instant(date),
        "kind": "instance",
    }
    if release in _REQUIREMENTS:
        resource["instantiates"] = [_REQUIREMENTS[release]]
    resource |= {
        "software": {"name": "fhir-hub", "version": version},
        "implementation": {
            "description": f"FHIR subscription notification hub, {release}",
            "url": base_url,
        },
        "fhirVersion": release.full_version,
        "format": ["json", "xml"] if has_xml else ["json"],
        "patchFormat": ["application/json-patch+json"],
    }
    if release in _REQUIREMENTS:
        resource["implementationGuide"] = [_GUIDE]
    names = sorted(resource_types)
    referring = _referring(search_parameters, names)
    resource["rest"] = [
        {
            **_binding(release, websocket_url),
            "mode": "server",
            **({"security": _SECURITY} if callers_asked else {}),
            "resource": [
                _resource(
                    release,
                    name,
                    search_parameters,
                    topics,
                    referring.get(name, []),
                    version_needed=name in versioned_update,
                    ids_chosen=not (callers_asked and name == "Subscription"),
                )
                | _operations(release, name, base_url)
                for name in names
            ],
            "interaction": [{"code": "transaction"}, {"code": "batch"}],
            "operation": _claimed(system_operations(), release, base_url),
        }
    ]
    resource["messaging"] = [
        {
            "endpoint": [
                {
                    "protocol": {"system": _TRANSPORT, "code": "http"},
                    "address": f"{base_url}/$process-message",
                }
            ],
            "documentation": (
                "Any event is taken. Resources are kept under ids of this base, and known again by "
                "business identifier, else by address; a message that comes again is answered as "
                "before. Of a notification the resources in it are kept, and nothing is fetched."
            ),
        }
    ]
    return resource


def _binding(release: FhirRelease, websocket_url: str) -> Resource:
    """Write where websockets bind, and for which Subscriptions."""
    general = (
        "Subscriptions of this base hear of changes in this base only. "
        "They are notified by rest-hook, websocket or message. "
        f"Websockets bind with a token at {websocket_url}"
    )
    if release not in CLASSIC:
        return {"documentation": general}
    classic = f"{websocket_url}/{release.path}"
    return {
        "extension": [{"url": WEBSOCKET_EXTENSION, "valueUri": classic}],
        "documentation": (
            f"{general}. Where the criteria of a Subscription are a search "
            f"(Type?parameter=value) instead of a topic, they bind with its id at {classic}"
        ),
    }


def _referring(parameters: SearchParameters, names: Iterable[str]) -> dict[str, list[str]]:
    """Return what can be reverse included with each type: the parameters that refer to it."""
    found: dict[str, list[str]] = {}
    for source in names:
        for code, parameter in sorted(parameters.of(source).items()):
            for target in parameter.targets:
                found.setdefault(target, []).append(f"{source}:{code}")
    return found


def _resource(
    release: FhirRelease,
    name: str,
    search_parameters: SearchParameters,
    topics: Sequence[str],
    referring: Sequence[str],
    *,
    version_needed: bool,
    ids_chosen: bool,
) -> Resource:
    written: Resource = {}
    if name == "Subscription" and release is FhirRelease.R4 and topics:
        urls = dict.fromkeys(topic.partition("|")[0] for topic in topics)
        written["extension"] = [{"url": TOPIC_EXTENSION, "valueCanonical": url} for url in urls]
    written["type"] = name
    written["profile"] = f"http://hl7.org/fhir/StructureDefinition/{name}"
    if name == "Subscription" and release in _REQUIREMENTS:
        written["supportedProfile"] = [PROFILE]
    written["interaction"] = [{"code": code} for code in _interactions(name)]
    if name not in _READ_ONLY:
        written |= {
            "versioning": "versioned-update" if version_needed else "versioned",
            "readHistory": True,
            "updateCreate": ids_chosen,
            "conditionalCreate": name != "Subscription",
        }
    parameters = search_parameters.of(name)
    if included := [code for code, each in sorted(parameters.items()) if each.type == "reference"]:
        written["searchInclude"] = [f"{name}:{code}" for code in ("*", *included)]
    if referring:
        written["searchRevInclude"] = list(referring)
    if parameters:
        written["searchParam"] = [
            {"name": code, "definition": parameter.url, "type": parameter.stated}
            for code, parameter in sorted(parameters.items())
        ]
    return written


def _operations(release: FhirRelease, name: str, base_url: str) -> Resource:
    found = _claimed(operations(release, name), release, base_url)
    return {"operation": found} if found else {}


def _claimed(offered: Iterable[Operation], release: FhirRelease, base_url: str) -> list[Resource]:
    return [
        {"name": each.code, "definition": each.canonical(release, base_url)} for each in offered
    ]


def _interactions(name: str) -> tuple[str, ...]:
    return _READ if name in _READ_ONLY else _ALL
