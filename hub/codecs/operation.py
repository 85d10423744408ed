"""The operations that a base offers, and their OperationDefinitions.

An operation of the standard has the standard's canonical URL and parameters.  The others have the
address where their definition is read.
Sources: http://hl7.org/fhir/operationdefinition.html; backport IG, OperationDefinitions;
http://hl7.org/fhir/R5/subscription-operations.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hub.codecs.extension import BACKPORT
from hub.core.release import FhirRelease, Resource

_CORE: Final = "http://hl7.org/fhir/OperationDefinition/Subscription-"
_GUIDE: Final = f"{BACKPORT}/OperationDefinition/backport-subscription-"


@dataclass(frozen=True, slots=True)
class Parameter:
    """``OperationDefinition.parameter``; ``type`` is ``number`` for an event number.

    ``most`` None means any number of times; ``parts`` are those of a parameter without a value.
    """

    name: str
    type: str
    documentation: str
    least: int = 0
    most: int | None = 1
    is_out: bool = False
    parts: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    ``code`` is its name without ``$``.  ``resource`` is ``Topic`` for what has topics in a
    release, ``Resource`` for every type.  ``in_guide`` and ``in_core``: the backport guide, or R5,
    defines it.
    """

    code: str
    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    resource: str = "Subscription"
    on_type: bool = False
    on_system: bool = False
    on_instance: bool = True
    affects_state: bool = False
    in_guide: bool = False
    in_core: bool = False
    comment: str = ""

    def type_in(self, release: FhirRelease) -> str:
        """Return the resource type that it is offered on in a release."""
        if self.resource != "Topic":
            return self.resource
        return "Basic" if release is FhirRelease.R4 else "SubscriptionTopic"

    def canonical(self, release: FhirRelease, base_url: str) -> str:
        """Return the canonical URL of its definition, at the base ``base_url`` of a release."""
        if release is FhirRelease.R5 and self.in_core:
            return f"{_CORE}{self.code}"
        if release is not FhirRelease.R5 and self.in_guide:
            return f"{_GUIDE}{self.code}"
        return f"{base_url}/OperationDefinition/{self.id_in(release)}"

    def id_in(self, release: FhirRelease) -> str:
        """Return the id of its definition in a release."""
        if release is not FhirRelease.R5 and self.in_guide:
            return f"backport-subscription-{self.code}"
        return f"{self.type_in(release)}-{self.code}"


def operations(release: FhirRelease, resource_type: str) -> list[Operation]:
    """Return the operations that a base offers on a resource type."""
    return [each for each in OPERATIONS if each.type_in(release) == resource_type]


def operation_definitions(release: FhirRelease, base_url: str) -> list[Resource]:
    """Return the OperationDefinition of every operation that a base offers."""
    return [_definition(each, release, base_url) for each in OPERATIONS]


def _definition(operation: Operation, release: FhirRelease, base_url: str) -> Resource:
    written: Resource = {
        "resourceType": "OperationDefinition",
        "id": operation.id_in(release),
        "url": operation.canonical(release, base_url),
        "name": operation.name,
        "title": operation.title,
        "status": "active",
        "kind": "operation",
        "description": operation.description,
        "affectsState": operation.affects_state,
        "code": operation.code,
    }
    if operation.comment:
        written["comment"] = operation.comment
    return written | {
        "resource": [operation.type_in(release)],
        "system": operation.on_system,
        "type": operation.on_type,
        "instance": operation.on_instance,
        "parameter": list(_parameters(operation.parameters, release)),
    }


def _parameters(parameters: tuple[Parameter, ...], release: FhirRelease) -> Iterator[Resource]:
    for each in parameters:
        written: Resource = {
            "name": each.name,
            "use": "out" if each.is_out else "in",
            "min": each.least,
            "max": "*" if each.most is None else str(each.most),
            "documentation": each.documentation,
        }
        if each.parts:
            written["part"] = list(_parameters(each.parts, release))
        elif each.type != "number":
            written["type"] = each.type
        else:
            written["type"] = "integer64" if release is FhirRelease.R5 else "string"
        yield written


def _out(
    name: str, kind: str, documentation: str, *, least: int = 0, most: int | None = 1
) -> Parameter:
    return Parameter(name, kind, documentation, least=least, most=most, is_out=True)


_SINCE: Final = Parameter("eventsSinceNumber", "number", "The lowest event number, inclusive.")
_UNTIL: Final = Parameter("eventsUntilNumber", "number", "The highest event number, inclusive.")

OPERATIONS: Final = (
    Operation(
        code="status",
        name="SubscriptionStatus",
        title="Status of Subscriptions",
        description=(
            "Answers the present status of one Subscription, of those named, or of all that the "
            "caller may see: whether it is active, how many events it has had, and what is wrong "
            "with its delivery."
        ),
        parameters=(
            Parameter(
                "id",
                "id",
                "Which Subscriptions, all where absent; unknown ids are left out. Values may also "
                "be a list with commas. Ignored on an instance.",
                most=None,
            ),
            Parameter(
                "status",
                "code",
                "Only Subscriptions in one of these states. Ignored on an instance.",
                most=None,
            ),
            _out("return", "Bundle", "A searchset with one status for each Subscription.", least=1),
        ),
        on_type=True,
        in_guide=True,
        in_core=True,
    ),
    Operation(
        code="events",
        name="SubscriptionEvents",
        title="Events of a Subscription",
        description=(
            "Answers events that a Subscription has had, as a notification Bundle, lowest number "
            "first. Events that are no longer kept are refused with the lowest number that is."
        ),
        parameters=(
            _SINCE,
            _UNTIL,
            Parameter(
                "content",
                "code",
                "A content level (empty, id-only, full-resource) lower than the Subscription's "
                "own; a higher one is not given.",
            ),
            _out("return", "Bundle", "The notification; a link next where there is more.", least=1),
        ),
        in_guide=True,
        in_core=True,
    ),
    Operation(
        code="get-ws-binding-token",
        name="SubscriptionBindingToken",
        title="Token that binds a websocket",
        description=(
            "Answers a token with which sockets bind to websocket Subscriptions: those named, or "
            "all that the caller may see."
        ),
        parameters=(
            Parameter(
                "id",
                "id",
                "Which Subscriptions, all where absent. Ignored on an instance.",
                most=None,
            ),
            _out("token", "string", "The token, a secret.", least=1),
            _out("expiration", "dateTime", "Until when it binds sockets.", least=1),
            _out("subscription", "string", "Ids of the Subscriptions that it binds.", most=None),
            _out("websocket-url", "url", "Where to connect.", least=1),
        ),
        on_type=True,
        affects_state=True,
        in_guide=True,
        in_core=True,
        comment=(
            "This hub takes one parameter more, resume-after (a whole number): bound sockets are "
            "sent the events after that number, instead of those that nobody was sent yet."
        ),
    ),
    Operation(
        code="resend",
        name="SubscriptionResend",
        title="Send events again",
        description=(
            "Lets events that a Subscription was sent go over its channel once more, with their "
            "numbers and instants of the first time. The Subscription must be active; sockets must "
            "be bound. What waits to be sent again survives a restart, except for sockets."
        ),
        parameters=(
            _SINCE,
            _UNTIL,
            Parameter("eventsSinceInstant", "instant", "The earliest instant, inclusive."),
            Parameter("eventsUntilInstant", "instant", "The latest instant, inclusive."),
            _out("return", "OperationOutcome", "Which numbers will be sent.", least=1),
        ),
        affects_state=True,
        in_guide=True,
    ),
    Operation(
        code="attempts",
        name="SubscriptionAttempts",
        title="Attempts to deliver",
        description="Answers the newest attempts to deliver to a Subscription, newest first.",
        parameters=(
            Parameter("_count", "integer", "How many at most."),
            Parameter(
                "attempt",
                "",
                "One attempt; first and last are the event numbers in it.",
                most=None,
                is_out=True,
                parts=(
                    _out("at", "instant", "When it ended.", least=1),
                    _out("kind", "code", "handshake, events, resend or heartbeat.", least=1),
                    _out("first", "string", "The lowest event number in it, or 0.", least=1),
                    _out("last", "string", "The highest event number in it, or 0.", least=1),
                    _out("outcome", "code", "delivered, or the kind of failure.", least=1),
                    _out("status", "integer", "The HTTP status."),
                    _out("milliseconds", "decimal", "How long it took.", least=1),
                    _out("reason", "string", "What went wrong, in words."),
                ),
            ),
        ),
    ),
    Operation(
        code="verify",
        name="SubscriptionVerify",
        title="Try an endpoint out",
        description=(
            "Sends a handshake to a Subscription's endpoint now, and answers what came of it. "
            "Changes nothing about the Subscription."
        ),
        parameters=(
            _out("outcome", "code", "delivered, or the kind of failure.", least=1),
            _out("status", "integer", "The HTTP status."),
            _out("reason", "string", "What went wrong, in words."),
            _out("cause", "string", "Its likely cause."),
            _out("address", "string", "The address that was dialled."),
            _out("dns", "decimal", "Milliseconds until the name was resolved."),
            _out("connect", "decimal", "Milliseconds until connected."),
            _out("tls", "decimal", "Milliseconds of the TLS handshake."),
            _out("wait", "decimal", "Milliseconds until the answer began."),
            _out("total", "decimal", "Milliseconds altogether."),
        ),
        affects_state=True,
    ),
    Operation(
        code="validate",
        name="SubscriptionValidate",
        title="Try a Subscription out",
        description=(
            "Answers what a create of the Subscription would say: all that would be refused, or "
            "what would be changed, which topic and filters would be used, and whether a "
            "handshake would be sent. Stores nothing and sends nothing."
        ),
        parameters=(
            Parameter("resource", "Resource", "The Subscription; it may also be the body.", 1),
            Parameter("mode", "code", "Ignored: it is judged as in a create."),
            Parameter("profile", "uri", "Ignored."),
            Parameter("usageContext", "UsageContext", "Ignored."),
            _out("return", "OperationOutcome", "What would be refused, or done.", least=1),
        ),
        on_type=True,
        on_instance=False,
    ),
    Operation(
        code="inject-event",
        name="TopicInjectEvent",
        title="Tell of an event that no change shows",
        description=(
            "Numbers an event of a topic's eventTrigger for everybody who subscribed to it. For "
            "the administrator."
        ),
        parameters=(
            Parameter("event", "CodeableConcept", "What happened; a Coding will do.", least=1),
            Parameter("focus", "Reference", "What it is about.", least=1),
            Parameter("context", "Reference", "What is shown beside it.", most=None),
            _out("streams", "integer", "How many streams of events it was counted in.", least=1),
            _out("subscriptions", "integer", "How many Subscriptions get it.", least=1),
            Parameter(
                "event",
                "",
                "Who gets it, with which number; the first thousand.",
                most=None,
                is_out=True,
                parts=(
                    _out("subscription", "Reference", "The Subscription.", least=1),
                    _out("event-number", "string", "The number of the event for it.", least=1),
                ),
            ),
        ),
        resource="Topic",
        affects_state=True,
    ),
    Operation(
        code="explain",
        name="Explain",
        title="Why a change is told to whom",
        description=(
            "Tells of a stored version of a resource, or of a change that is made up, which topics "
            "fire and why, which filters let it through, whom it is told, and which clause failed "
            "elsewhere. Writes and sends nothing."
        ),
        parameters=(
            Parameter("before", "Resource", "The state before; only at the base URL."),
            Parameter("after", "Resource", "The state after; only at the base URL."),
            Parameter("version", "integer", "Which version; only on an instance."),
            Parameter("subscription", "id", "The only Subscription to ask about."),
            Parameter("topic", "canonical", "The only topic to ask about."),
            _out("version", "integer", "The version that is explained."),
            _out("interaction", "code", "create, update or delete.", least=1),
            _out("told", "integer", "How many Subscriptions it is an event for.", least=1),
            Parameter(
                "topic",
                "",
                "A topic; further parts are its triggers and filters, with their clauses.",
                most=None,
                is_out=True,
                parts=(
                    _out("canonical", "canonical", "The topic's version.", least=1),
                    _out("fires", "boolean", "Whether one of its triggers fires.", least=1),
                ),
            ),
        ),
        resource="Resource",
        on_system=True,
    ),
    Operation(
        code="trace",
        name="Trace",
        title="What became of a resource",
        description=(
            "Tells each change of a resource, and of the Tasks and results that point to an order: "
            "who was told, with which number, and whether it arrived."
        ),
        parameters=(
            _out("undelivered", "integer", "How many events have not arrived.", least=1),
            _out("cut", "boolean", "Whether older changes are left out.", least=1),
            Parameter(
                "change",
                "",
                "A change; further parts say who is told of it.",
                most=None,
                is_out=True,
                parts=(
                    _out("focus", "Reference", "The resource.", least=1),
                    _out("version", "integer", "Its version.", least=1),
                ),
            ),
        ),
        resource="Resource",
    ),
)
