"""Every kind of wrong Subscription, each a change to a sound one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.core.release import FhirRelease
from tests.support.builders import BACKPORT, RELEASES, topic
from tests.support.subscription_changes import (
    Change,
    canonical,
    channel,
    drop,
    extension,
    filtered,
    header,
    kind,
    put,
    websocket,
)

R4, R4B, R5 = RELEASES
BACKPORTED: Final = (R4, R4B)
ENDPOINT: Final = "http://127.0.0.1:9/hook"
FIVE: Final = "http://hl7.org/fhir/5.0/StructureDefinition"


@dataclass(frozen=True)
class Wrong:
    """A Subscription that must be refused.

    ``change`` makes it of a sound one.  ``expression`` is the element that the answer names; R5
    has it in ``r5``.
    """

    name: str
    change: Change
    slug: str
    expression: str
    status: int = 422
    r5: str | None = None
    releases: tuple[FhirRelease, ...] = RELEASES

    def in_release(self, release: FhirRelease) -> str:
        """Return the expression that is due."""
        return self.r5 if self.r5 is not None and release is R5 else self.expression


def _endpoints() -> list[Wrong]:
    urls = {
        "relative": "hook",
        "without host": "http:///hook",
        "of another scheme": "ftp://example.org/hook",
        "a file": "file:///etc/passwd",
        "with a user": "https://user:pass@example.org/hook",
        "with a fragment": "https://example.org/hook#part",
        "with port 0": "https://example.org:0/hook",
        "with port 65536": "https://example.org:65536/hook",
        "with an odd number for host": "https://0x7f.1/hook",
        "with circled digits": "https://①②⑦.⓪.⓪.①/hook",
    }
    found = [
        Wrong(
            f"an endpoint {name}",
            channel("endpoint", url),
            "endpoint-invalid",
            "Subscription.channel.endpoint",
            r5="Subscription.endpoint",
        )
        for name, url in urls.items()
    ]
    addresses = {
        "a private one": "https://10.1.2.3/hook",
        "a link-local one": "https://169.254.169.254/latest",
        "an IPv6 loopback": "https://[::1]/hook",
        "a mapped one": "https://[::ffff:10.0.0.1]/hook",
        "the hub itself": "{hub}/fhir/r4/Task",
    }
    return found + [
        Wrong(
            f"an endpoint that is {name}",
            channel("endpoint", url),
            "endpoint-not-allowed",
            "Subscription.channel.endpoint",
            r5="Subscription.endpoint",
        )
        for name, url in addresses.items()
    ]


def _headers() -> list[Wrong]:
    headers = {
        "of framing": ("Content-Length", "0"),
        "of transfer": ("Transfer-Encoding", "chunked"),
        "Host": ("Host", "example.org"),
        "Content-Type": ("Content-Type", "text/plain"),
        "hop by hop": ("Connection", "close"),
        "Expect": ("Expect", "100-continue"),
        "with a blank in its name": ("X A", "v"),
        "with a line break": ("X-A", "v\nX-B: w"),
        "beyond ASCII": ("X-A", "wéird"),
        "with a long value": ("X-A", "v" * 2049),
        "kept but never stored": ("X-A", "***"),
    }
    return [
        Wrong(
            f"a header {name}",
            header(*pair),
            "header-not-allowed",
            "Subscription.channel.header",
            r5="Subscription.parameter",
        )
        for name, pair in headers.items()
    ]


def _filters() -> list[Wrong]:
    owner: dict[str, str] = {"resourceType": "Task", "filterParameter": "owner"}
    rows = {
        "a filter that the topic does not offer": (
            filtered(
                "Task?description=x",
                resourceType="Task",
                filterParameter="description",
                value="x",
            ),
            "filter-not-allowed",
        ),
        "a filter for another type": (
            filtered("Patient?name=x", resourceType="Patient", filterParameter="name", value="x"),
            "filter-not-allowed",
        ),
        "a modifier that is not offered": (
            filtered("Task?owner:above=x", **owner, modifier="above", value="x"),
            "filter-not-allowed",
        ),
        "a value of :missing that is no boolean": (
            filtered("Task?owner:missing=maybe", **owner, modifier="missing", value="maybe"),
            "filter-invalid",
        ),
    }
    return [
        Wrong(
            name,
            change,
            slug,
            "Subscription.criteria.extension",
            r5="Subscription.filterBy[0]",
        )
        for name, (change, slug) in rows.items()
    ] + [
        Wrong(
            "a comparator where there is no order",
            filtered("", **owner, comparator="gt", value="Organization/x"),
            "filter-not-allowed",
            "Subscription.filterBy[0]",
            releases=(R5,),
        ),
        Wrong(
            "a filter without value",
            filtered("Task?owner="),
            "filter-invalid",
            "Subscription.criteria.extension[0]",
            releases=BACKPORTED,
        ),
        Wrong(
            "a filter without name",
            filtered("Task?=x"),
            "filter-invalid",
            "Subscription.criteria.extension[0]",
            releases=BACKPORTED,
        ),
        Wrong(
            "a filter with both comparator and modifier",
            filtered("", **owner, comparator="eq", modifier="not", value="Organization/x"),
            "filter-invalid",
            "Subscription.filterBy[0]",
            releases=(R5,),
        ),
    ]


def _extensions() -> list[Wrong]:
    def wrong(name: str, change: Change, slug: str, expression: str) -> Wrong:
        return Wrong(name, change, slug, expression, releases=BACKPORTED)

    return [
        wrong(
            "a cross-version extension",
            extension("", f"{FIVE}/extension-Subscription.topic", valueUri="http://x"),
            "extension-not-allowed",
            "Subscription.extension[0]",
        ),
        wrong(
            "a filter under the extension of another release",
            extension(
                "_criteria",
                "http://hl7.org/fhir/5.0/subscriptions-backport/StructureDefinition/"
                "backport-filter-criteria",
                valueString="Task?owner=Organization/x",
            ),
            "extension-not-allowed",
            "Subscription.criteria.extension[0]",
        ),
        wrong(
            "an unknown extension of the guide",
            extension("channel", f"{BACKPORT}/backport-colour", valueString="red"),
            "extension-not-allowed",
            "Subscription.channel.extension[0]",
        ),
        wrong(
            "an extension of the guide in the wrong place",
            extension("", f"{BACKPORT}/backport-max-count", valuePositiveInt=3),
            "extension-not-allowed",
            "Subscription.extension[0]",
        ),
        wrong(
            "an extension with another type of value",
            extension("channel", f"{BACKPORT}/backport-max-count", valueString="3"),
            "subscription-refused",
            "Subscription.channel.extension[0]",
        ),
        wrong(
            "a channel of the guide's extension that is unknown",
            extension(
                "channel._type",
                f"{BACKPORT}/backport-channel-type",
                valueCoding={"system": "http://example.org/channels", "code": "pigeon"},
            ),
            "channel-not-supported",
            "Subscription.channel.type",
        ),
        wrong(
            "no content level",
            drop("channel._payload"),
            "content-not-supported",
            "Subscription.channel.payload",
        ),
        wrong(
            "an unknown content level",
            put(
                "channel._payload",
                {
                    "extension": [
                        {"url": f"{BACKPORT}/backport-payload-content", "valueCode": "everything"}
                    ]
                },
            ),
            "content-not-supported",
            "Subscription.channel.payload",
        ),
    ]


def _invalid() -> list[Wrong]:
    """Return what the definition of the resource speaks against."""
    every, four, five = RELEASES, BACKPORTED, (R5,)
    rows: list[tuple[str, Change, str, tuple[FhirRelease, ...]]] = [
        ("no status", drop("status"), "status", every),
        ("no reason", drop("reason"), "reason", four),
        ("no criteria", drop("criteria"), "criteria", four),
        ("no channel", drop("channel"), "channel", four),
        ("no topic", drop("topic"), "topic", five),
        ("no channelType", drop("channelType"), "channelType", five),
        ("an unknown status", put("status", "sleeping"), "status", every),
        ("entered-in-error before R5", put("status", "entered-in-error"), "status", four),
        ("an unknown content level of R5", put("content", "everything"), "content", five),
        ("an unknown element", put("colour", "red"), "colour", every),
        ("a negative heartbeat", put("heartbeatPeriod", -1), "heartbeatPeriod", five),
        ("a maximum of 0", put("maxCount", 0), "maxCount", five),
        ("an end without zone", put("end", "2030-01-01T00:00:00"), "end", every),
    ]
    blank = Wrong(
        "an endpoint with a blank",
        channel("endpoint", "https://example.org/my hook"),
        "invalid-resource",
        "Subscription.channel.endpoint",
        status=400,
        r5="Subscription.endpoint",
    )
    return [blank] + [
        Wrong(
            name,
            change,
            "invalid-resource",
            f"Subscription.{element}",
            status=400,
            releases=releases,
        )
        for name, change, element, releases in rows
    ]


WRONG: Final = (
    Wrong(
        "an unknown topic",
        canonical("http://example.org/no-such-topic"),
        "topic-unknown",
        "Subscription.criteria",
        r5="Subscription.topic",
    ),
    Wrong(
        "an unknown version of a topic",
        canonical(topic("task-activity") + "|9.9"),
        "topic-unknown",
        "Subscription.criteria",
        r5="Subscription.topic",
    ),
    Wrong(
        "a level of content for criteria that are a search",
        canonical("Task?status=requested"),
        "topic-extension-not-allowed",
        "Subscription.channel.payload.extension[0]",
        releases=BACKPORTED,
    ),
    Wrong("the status error", put("status", "error"), "unprocessable", "Subscription.status"),
    Wrong(
        "a channel that is not offered",
        kind("email"),
        "channel-not-supported",
        "Subscription.channel.type",
        r5="Subscription.channelType",
    ),
    Wrong(
        "no endpoint",
        lambda resource: resource.get("channel", resource).pop("endpoint"),
        "endpoint-invalid",
        "Subscription.channel.endpoint",
        r5="Subscription.endpoint",
    ),
    Wrong(
        "a websocket with an endpoint",
        websocket(channel("endpoint", ENDPOINT)),
        "endpoint-invalid",
        "Subscription.channel.endpoint",
        r5="Subscription.endpoint",
    ),
    Wrong(
        "a websocket with headers",
        websocket(header("X-A", "v")),
        "header-not-allowed",
        "Subscription.channel.header",
        r5="Subscription.parameter",
    ),
    Wrong(
        "a MIME type that is not sent",
        channel("payload", "text/csv"),
        "payload-not-supported",
        "Subscription.channel.payload",
        r5="Subscription.contentType",
    ),
    Wrong(
        "XML of another release",
        channel("payload", "application/fhir+xml; fhirVersion=3.0"),
        "payload-not-supported",
        "Subscription.channel.payload",
        r5="Subscription.contentType",
    ),
    Wrong(
        "the fhirVersion of another release",
        channel("payload", "application/fhir+json; fhirVersion=3.0"),
        "payload-not-supported",
        "Subscription.channel.payload",
        r5="Subscription.contentType",
    ),
    Wrong(
        "a modifierExtension",
        put("modifierExtension", [{"url": "http://example.org/unless", "valueBoolean": True}]),
        "extension-not-allowed",
        "Subscription.modifierExtension[0]",
    ),
    *_endpoints(),
    *_headers(),
    *_filters(),
    *_extensions(),
    *_invalid(),
)
