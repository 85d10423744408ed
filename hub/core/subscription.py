"""A Subscription in R5 terms, and its life cycle as a table.

R4 and R4B (backport profile) and R5 are translated to and from this in ``hub.codecs``.
Source: http://hl7.org/fhir/R5/subscription.html; backport IG, "Subscriptions" and
"Handling Errors as a Server".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from hub.core.canonical import is_absolute
from hub.core.release import FhirRelease
from hub.core.value import value
from hub.errors import Unprocessable


class SubscriptionStatusCode(StrEnum):
    """``Subscription.status``; ``entered-in-error`` exists in R5 only."""

    REQUESTED = "requested"
    ACTIVE = "active"
    ERROR = "error"
    OFF = "off"
    ENTERED_IN_ERROR = "entered-in-error"


class ChannelType(StrEnum):
    """``Subscription.channelType``: the channels of the standard."""

    REST_HOOK = "rest-hook"
    WEBSOCKET = "websocket"
    EMAIL = "email"
    MESSAGE = "message"


class PayloadContent(StrEnum):
    """``Subscription.content``: how much of a resource a notification may hold."""

    EMPTY = "empty"
    ID_ONLY = "id-only"
    FULL_RESOURCE = "full-resource"


@value(frozen=True, slots=True, kw_only=True)
class FilterBy:
    """One ``Subscription.filterBy``.

    ``filter_parameter`` may be a chain or ``_has:...``; ``value`` is search syntax, comma is OR.
    ``resource_type`` is a bare type name or None for every type of the topic.
    """

    filter_parameter: str
    value: str
    resource_type: str | None = None
    comparator: str | None = None
    modifier: str | None = None


@dataclass(frozen=True, slots=True)
class Identifier:
    """One ``Subscription.identifier``, as far as it tells which one is meant."""

    system: str | None
    value: str | None

    def __str__(self) -> str:
        """Return it as in a search, ``system|value``."""
        return f"{self.system or ''}|{self.value or ''}"


@value(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscriber's standing request.

    Durations are ``timedelta`` and instants are aware ``datetime``, so that the two can't be
    compared by accident.  ``parameter`` may hold bearer tokens and therefore never appears in
    ``repr`` or in logs.  ``content_type`` is kept verbatim: it becomes the Content-Type header.

    A *classic* Subscription (R4, R4B) has criteria that are a search in place of a topic: ``topic``
    is the name of the type that is searched, ``filter_by`` are the conditions.  Its ``content`` is
    ``full-resource``, or ``empty`` with an empty ``content_type`` where it asks for no payload; by
    mail it is ``id-only`` where the payload is plain text.

    An *administrative* Subscription was created by an administrator, for somebody else, and with an
    identifier: that alone names it wherever others read, and nobody is told its id but whoever acts
    for its managing entity.  ``managing_entity`` is what that is called: its reference, and its
    identifier as in a search.

    With ``suppress_echo`` the changes that its owner wrote are no events of it (``hub.core.echo``).
    """

    release: FhirRelease
    id: str
    status: SubscriptionStatusCode
    topic: str
    channel_type: ChannelType
    content: PayloadContent
    endpoint: str | None = None
    content_type: str = "application/fhir+json"
    filter_by: tuple[FilterBy, ...] = ()
    parameter: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    heartbeat_period: timedelta | None = None
    timeout: timedelta | None = None
    max_count: int | None = None
    end: datetime | None = None
    identifier: tuple[Identifier, ...] = ()
    managing_entity: frozenset[str] = frozenset()
    administrative: bool = False
    suppress_echo: bool = False

    @property
    def reference(self) -> str:
        """The relative reference, ``Subscription/{id}``."""
        return f"Subscription/{self.id}"

    @property
    def name(self) -> str:
        """What whoever gets its notifications may call it: ``reference``, or its identifier."""
        return str(self.identifier[0]) if self.administrative else self.reference

    @property
    def is_classic(self) -> bool:
        """Tell whether its criteria are a search: nothing it is sent has numbers or a status."""
        return bool(self.topic) and not is_absolute(self.topic)


class Signal(StrEnum):
    """What can happen to a Subscription."""

    CLIENT_ON = "the client sent requested or active"
    CLIENT_OFF = "the client sent off"
    CLIENT_VOID = "the client sent entered-in-error"
    HANDSHAKE_DONE = "the handshake succeeded"
    HANDSHAKE_FAILED = "the handshake failed for good"
    EXHAUSTED = "the retry schedule is used up"
    BLOCKED = "the hub's settings no longer allow the endpoint"
    GONE = "the endpoint answered 410"
    UNDELIVERABLE = "the mail server refuses what is sent to this address"
    ENDED = "its end has come"
    REVOKED = "the owner's right was withdrawn"


_S = SubscriptionStatusCode
_ALIVE = (_S.REQUESTED, _S.ACTIVE, _S.ERROR)

TRANSITIONS: dict[tuple[SubscriptionStatusCode, Signal], SubscriptionStatusCode] = {
    (_S.REQUESTED, Signal.CLIENT_ON): _S.REQUESTED,
    (_S.ACTIVE, Signal.CLIENT_ON): _S.ACTIVE,
    (_S.ERROR, Signal.CLIENT_ON): _S.REQUESTED,
    (_S.OFF, Signal.CLIENT_ON): _S.REQUESTED,
    (_S.OFF, Signal.CLIENT_OFF): _S.OFF,
    (_S.OFF, Signal.CLIENT_VOID): _S.ENTERED_IN_ERROR,
    (_S.ENTERED_IN_ERROR, Signal.CLIENT_VOID): _S.ENTERED_IN_ERROR,
    (_S.REQUESTED, Signal.HANDSHAKE_DONE): _S.ACTIVE,
    (_S.REQUESTED, Signal.HANDSHAKE_FAILED): _S.ERROR,
    (_S.ACTIVE, Signal.EXHAUSTED): _S.ERROR,
    (_S.REQUESTED, Signal.BLOCKED): _S.ERROR,
    (_S.ACTIVE, Signal.BLOCKED): _S.ERROR,
    (_S.REQUESTED, Signal.UNDELIVERABLE): _S.ERROR,
    (_S.ACTIVE, Signal.UNDELIVERABLE): _S.ERROR,
    **{(status, Signal.CLIENT_OFF): _S.OFF for status in _ALIVE},
    **{(status, Signal.CLIENT_VOID): _S.ENTERED_IN_ERROR for status in _ALIVE},
    **{(status, Signal.GONE): _S.OFF for status in _ALIVE},
    **{(status, Signal.ENDED): _S.OFF for status in _ALIVE},
    **{(status, Signal.REVOKED): _S.OFF for status in _ALIVE},
}


def transition(status: SubscriptionStatusCode, signal: Signal) -> SubscriptionStatusCode:
    """Return the status that follows ``status`` on ``signal``.

    Only the client leads from ``error`` back into service: a server that did so on its own could
    hide lost events (backport IG, "Handling Errors as a Server").

    Raises:
        Unprocessable: ``signal`` has no meaning in ``status``.
    """
    try:
        return TRANSITIONS[status, signal]
    except KeyError:
        raise Unprocessable(
            f"a Subscription that is {status} can't follow: {signal}",
            expression="Subscription.status",
        ) from None


def counts(status: SubscriptionStatusCode) -> bool:
    """Tell whether events are numbered for a Subscription of this status.

    ``off`` and ``entered-in-error`` close its segment: nothing counts until it is reactivated.
    """
    return status in _ALIVE


def needs_handshake(stored: Subscription, submitted: Subscription) -> bool:
    """Tell whether an update changes where or how notifications arrive.

    Then a new handshake must succeed before events are sent: another channel, endpoint, header or
    payload MIME type.
    """
    return (stored.channel_type, stored.endpoint, stored.parameter, stored.content_type) != (
        submitted.channel_type,
        submitted.endpoint,
        submitted.parameter,
        submitted.content_type,
    )


def initial_status(
    submitted: Subscription, *, email_opt_in: bool = False
) -> SubscriptionStatusCode:
    """Return the status of a Subscription that a client has just created.

    ``active`` means ``requested``: a handshake must succeed first.  Websocket, classic and email
    Subscriptions are active at once; by email, classic or not, unless ``email_opt_in``: then a
    person must agree first.

    Raises:
        Unprocessable: a client can't create it in error.
    """
    _refuse_error(submitted)
    if not counts(submitted.status):
        return submitted.status
    if _is_active_at_once(submitted, email_opt_in):
        return SubscriptionStatusCode.ACTIVE
    return SubscriptionStatusCode.REQUESTED


def _is_active_at_once(submitted: Subscription, email_opt_in: bool) -> bool:
    if submitted.channel_type is ChannelType.EMAIL:
        return not email_opt_in
    return submitted.is_classic or submitted.channel_type is ChannelType.WEBSOCKET


def _refuse_error(submitted: Subscription) -> None:
    if submitted.status is SubscriptionStatusCode.ERROR:
        raise Unprocessable("only the hub sets the status error", expression="Subscription.status")


def status_after_update(
    stored: Subscription, submitted: Subscription, *, email_opt_in: bool = False
) -> SubscriptionStatusCode:
    """Return the status that a client's PUT or PATCH of ``stored`` leads to.

    ``active`` on an active Subscription stays active unless its target changed; ``requested``
    always asks for a new handshake; on ``error`` and ``off`` both mean reactivate.  A websocket, a
    classic Subscription, and an email without ``email_opt_in``, need no handshake to be active.

    Raises:
        Unprocessable: the client may not send this status, or not now.
    """
    _refuse_error(submitted)
    signal = {
        SubscriptionStatusCode.OFF: Signal.CLIENT_OFF,
        SubscriptionStatusCode.ENTERED_IN_ERROR: Signal.CLIENT_VOID,
    }.get(submitted.status, Signal.CLIENT_ON)
    status = transition(stored.status, signal)
    if not counts(status):
        return status
    if _is_active_at_once(submitted, email_opt_in):
        return SubscriptionStatusCode.ACTIVE
    asked_anew = submitted.status is SubscriptionStatusCode.REQUESTED
    if asked_anew or needs_handshake(stored, submitted):
        return SubscriptionStatusCode.REQUESTED
    return status
