"""One attempt to deliver one notification, as values: what is sent, and what came of it.

A failed delivery is expected and therefore a value, never an exception.
Source: design of delivery classes in the README ("When a delivery fails").
"""

from __future__ import annotations

from dataclasses import field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from hub.core.classic_notification import ClassicNotification
from hub.core.notification import Notification
from hub.core.subscription import ChannelType
from hub.core.value import value


class FailureClass(StrEnum):
    """Why an attempt failed, as far as it decides what happens next.

    ``rejected`` 400, 413, 415, 422; ``refused`` any other 4xx; ``busy`` 408, 425, 429, 5xx;
    ``gone`` 410; ``redirect`` 3xx, never followed; ``blocked`` by the egress rules;
    ``undeliverable`` a mail that its server refused for good (5xx); the rest are network failures.
    A mail server that says "later" (4xx) is ``busy``.
    """

    REJECTED = "rejected"
    REFUSED = "refused"
    BUSY = "busy"
    GONE = "gone"
    REDIRECT = "redirect"
    BLOCKED = "blocked"
    UNDELIVERABLE = "undeliverable"
    DNS = "dns"
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"


@value(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a channel needs for one attempt.

    ``body`` is ``notification`` as a codec wrote it; ``notification`` is None where what is sent
    is none, or where the channel takes its text alone.
    ``parameter`` are the subscriber's headers in order; ``timeout`` bounds the whole attempt.
    ``confirm_url`` is where a person who is asked agrees to be written to.
    Without ``body`` there is no ``content_type`` either.  ``update`` is set where ``body`` is a
    resource that a classic Subscription asked for: the reference, ``Type/id``, under which it is to
    be put at the FHIR base ``endpoint``.  ``classic`` is what a person is told in its place, by
    mail; ``body`` then is the resource that goes with it, if any.
    ``body``, ``parameter``, ``notification``, ``classic`` and ``confirm_url`` may be secret and
    never appear in ``repr`` or in logs.
    """

    channel_type: ChannelType
    endpoint: str
    content_type: str
    body: bytes = field(repr=False)
    parameter: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout: timedelta = timedelta(seconds=15)
    notification: Notification | None = field(default=None, repr=False)
    confirm_url: str | None = field(default=None, repr=False)
    update: str | None = None
    classic: ClassicNotification | None = field(default=None, repr=False)


class Timing(NamedTuple):
    """Where the time of one attempt went, in milliseconds; None where a phase did not happen."""

    address: str | None = None
    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    wait: float | None = None
    total: float = 0.0


@value(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The endpoint answered 2xx, the mail server 250, or the socket took the text (no status)."""

    status: int | None = None
    timing: Timing = Timing()


@value(frozen=True, slots=True, kw_only=True)
class Failed:
    """The attempt failed.

    ``reason`` is one line for people without anything that the endpoint sent but its status.
    ``retry_after`` is what the endpoint asked for, already bounded.
    """

    failure: FailureClass
    reason: str
    status: int | None = None
    retry_after: timedelta | None = None
    timing: Timing = Timing()


DeliveryResult = Delivered | Failed
