"""The operations that a base offers.

Sources: backport IG, OperationDefinitions; http://hl7.org/fhir/R5/subscription-operations.html;
http://hl7.org/fhir/R5/messageheader-operation-process-message.html.
"""

from __future__ import annotations

from typing import Final

from hub.codecs.operation import Operation, Parameter, operation_definition
from hub.core.release import FhirRelease, Resource
from hub.core.search_parameter import ANY_RESOURCE


def operations(release: FhirRelease, resource_type: str) -> list[Operation]:
    """Return the operations that a base offers on a resource type, or resources of it."""
    return [
        each
        for each in OPERATIONS
        if each.type_in(release) == resource_type and (each.on_type or each.on_instance)
    ]


def system_operations() -> list[Operation]:
    """Return the operations that a base offers at its URL, or on resources of every type."""
    return [each for each in OPERATIONS if each.on_system or each.resource == ANY_RESOURCE]


def operation_definitions(release: FhirRelease, base_url: str) -> list[Resource]:
    """Return the OperationDefinition of every operation that a base offers."""
    return [operation_definition(each, release, base_url) for each in OPERATIONS]


def _out(
    name: str, kind: str, documentation: str, *, least: int = 0, most: int | None = 1
) -> Parameter:
    return Parameter(name, kind, documentation, least=least, most=most, is_out=True)


_PHASES: Final = (
    _out("address", "string", "The address that was dialled."),
    _out("dns", "decimal", "Milliseconds until the name was resolved."),
    _out("connect", "decimal", "Milliseconds until connected."),
    _out("tls", "decimal", "Milliseconds of the TLS handshake."),
    _out("wait", "decimal", "Milliseconds until the answer began."),
)
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
                    *_PHASES,
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
            *_PHASES,
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
            Parameter("author", "string", "The client that would write; only at the base URL."),
            Parameter("version", "integer", "Which version; only on an instance."),
            Parameter("subscription", "id", "The only Subscription to ask about."),
            Parameter("topic", "canonical", "The only topic to ask about."),
            Parameter("case", "string", "Name of a truth-table row that each topic is to tell."),
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
            _out("answer", "string", "Whether everything arrived, in a sentence.", least=1),
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
    Operation(
        code="process-message",
        name="ProcessMessage",
        title="Take a message",
        description=(
            "Takes a message, keeps what it carries, and answers with a message that says what "
            "became of it."
        ),
        parameters=(
            Parameter("content", "Bundle", "The message; it is the body.", least=1),
            Parameter("async", "boolean", "Only false: a message is answered at once."),
            Parameter("response-url", "url", "Refused: a message is answered at once."),
            _out("return", "Bundle", "The message that answers."),
        ),
        resource="MessageHeader",
        on_system=True,
        on_instance=False,
        affects_state=True,
        core_id="MessageHeader-process-message",
    ),
    Operation(
        code="order-status",
        name="OrderStatus",
        title="Status of an order by a number",
        description=(
            "Answers the Task of an order that is known by a number: of the placer, the filler, "
            "the requisition or the Task. Several are answered as a searchset."
        ),
        parameters=(
            Parameter("identifier", "string", "The number, as system|value.", least=1),
            _out("return", "Resource", "The Task, or a Bundle of them.", least=1),
        ),
        resource="Task",
        on_system=True,
        on_instance=False,
    ),
)
