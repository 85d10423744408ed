"""Every kind of wrong Subscription whose criteria are a search, each a change to a sound one."""

from __future__ import annotations

from typing import Final

from hub.core.release import Resource
from tests.support.builders import BACKPORT
from tests.support.classic import a_classic
from tests.support.subscription_changes import Change, channel, extension, kind, put, websocket
from tests.support.wrong_subscriptions import BACKPORTED, ENDPOINT, Wrong

SEARCH: Final = "Task?status=requested"
CRITERIA: Final = "Subscription.criteria"
CHANNEL: Final = "Subscription.channel"


def classic(*changes: Change, criteria: str = SEARCH) -> Change:
    """Make it a classic Subscription of a rest-hook without payload, then change that."""

    def change(resource: Resource) -> None:
        resource.clear()
        resource.update(a_classic(criteria, endpoint=ENDPOINT))
        for each in changes:
            each(resource)

    return change


_NO_SEARCH: Final = {
    "a bare word that is no type": "admission",
    "a type that this release has not": "Tusk?status=requested",
    "a type in small letters": "task?status=requested",
    "every type at once": "Resource?_id=1",
    "a condition without type": "?status=requested",
    "a condition alone": "status=requested",
    "a language of its own": "eventType='x' AND generalpractitioner='XY11'",
    "a path of two": "Patient/1/Task?status=requested",
    "an unknown parameter": "Task?stauts=requested",
    "a named query": "Task?_query=mine",
    "a filter expression": "Task?_filter=status eq requested",
    "contained matches": "Task?_contained=true",
    "an unknown modifier": "Task?status:like=requested",
    "a bad date": "Task?authored-on=gtyesterday",
    "no value": "Task?status=",
    "no name": "Task?=requested",
    "neither name nor value": "Task?requested",
    "a chain that leads nowhere": "Task?owner.colour=red",
    "a broken escape": "Task?status=%ff",
    "the hub's own Subscriptions": "Subscription?status=error",
    "the hub's own record": "AuditEvent?action=C",
}
_TOPIC_ONLY: Final = (
    ("channel", "backport-heartbeat-period", {"valueUnsignedInt": 60}, CHANNEL),
    ("channel", "backport-timeout", {"valueUnsignedInt": 60}, CHANNEL),
    ("channel", "backport-max-count", {"valuePositiveInt": 2}, CHANNEL),
    ("_criteria", "backport-filter-criteria", {"valueString": "Task?owner=Patient/1"}, CRITERIA),
    (
        "channel._payload",
        "backport-payload-content",
        {"valueCode": "id-only"},
        f"{CHANNEL}.payload",
    ),
    ("channel._type", "backport-channel-type", {"valueCoding": {"code": "x"}}, f"{CHANNEL}.type"),
)


def _refused(name: str, change: Change, slug: str, expression: str) -> Wrong:
    return Wrong(f"a search, {name}", change, slug, expression, releases=BACKPORTED)


WRONG_CLASSIC: Final = (
    *(
        _refused(name, classic(criteria=text), "criteria-invalid", CRITERIA)
        for name, text in _NO_SEARCH.items()
    ),
    *(
        _refused(
            url,
            classic(extension(place, f"{BACKPORT}/{url}", **value)),
            "topic-extension-not-allowed",
            f"{at}.extension[0]",
        )
        for place, url, value, at in _TOPIC_ONLY
    ),
    _refused(
        "a modifier of an extension",
        classic(put("modifierExtension", [{"url": "http://example.org/x", "valueCode": "y"}])),
        "extension-not-allowed",
        "Subscription.modifierExtension[0]",
    ),
    *(
        _refused(
            f"the channel {code}", classic(kind(code)), "channel-not-supported", f"{CHANNEL}.type"
        )
        for code in ("message", "sms")
    ),
    _refused(
        "the channel email where there is no mail server",
        classic(kind("email"), channel("endpoint", "mailto:ward@example.org")),
        "channel-not-supported",
        f"{CHANNEL}.type",
    ),
    *(
        _refused(
            f"the payload {mime}",
            classic(channel("payload", mime)),
            "payload-not-supported",
            f"{CHANNEL}.payload",
        )
        for mime in (
            "text/html",
            "text/plain",
            "json",
            "application/fhir+json; fhirVersion=5.0",
            "application/fhir+json; charset=latin1",
        )
    ),
    _refused(
        "a payload for a ping",
        classic(websocket(channel("payload", "application/fhir+json"))),
        "payload-not-supported",
        f"{CHANNEL}.payload",
    ),
    _refused(
        "an endpoint for a websocket",
        classic(kind("websocket")),
        "endpoint-invalid",
        f"{CHANNEL}.endpoint",
    ),
    _refused(
        "headers for a websocket",
        classic(websocket(channel("header", ["X-Key: 1"]))),
        "header-not-allowed",
        f"{CHANNEL}.header",
    ),
    _refused(
        "no endpoint",
        classic(lambda resource: resource["channel"].pop("endpoint")),
        "endpoint-invalid",
        f"{CHANNEL}.endpoint",
    ),
    _refused(
        "an address that is not allowed",
        classic(channel("endpoint", "http://10.0.0.1/hook")),
        "endpoint-not-allowed",
        f"{CHANNEL}.endpoint",
    ),
    _refused(
        "a query in the base of a server",
        classic(
            channel("payload", "application/fhir+json"), channel("endpoint", f"{ENDPOINT}?key=1")
        ),
        "endpoint-invalid",
        f"{CHANNEL}.endpoint",
    ),
    _refused(
        "a base too long for an id",
        classic(
            channel("payload", "application/fhir+json"),
            channel("endpoint", ENDPOINT + "/" + "a" * 2000),
        ),
        "endpoint-invalid",
        f"{CHANNEL}.endpoint",
    ),
    _refused(
        "a header that frames",
        classic(channel("header", ["Content-Length: 3"])),
        "header-not-allowed",
        f"{CHANNEL}.header",
    ),
    _refused(
        "a header without colon",
        classic(channel("header", ["X-Key"])),
        "header-not-allowed",
        f"{CHANNEL}.header[0]",
    ),
    _refused(
        "the status error", classic(put("status", "error")), "unprocessable", "Subscription.status"
    ),
)
