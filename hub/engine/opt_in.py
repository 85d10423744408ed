"""Opt-in by mail: who is to be written to is asked first, and agrees by a link.

A link names one Subscription in one generation and the instant until when it holds, signed with
the hub's key; nothing is stored.  It works once: what follows is another status or generation.
Source: http://hl7.org/fhir/R5/subscriptions.html (email); backport IG, "Channels" (a server may
ask for a verification before it activates an email Subscription).
"""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import PayloadContent, Signal, SubscriptionStatusCode
from hub.core.timing import CONFIRM_WITHIN, after_success
from hub.engine.settlement import Known, Signalling
from hub.errors import NotFound, Unprocessable
from hub.ports import Clock

PATH = "/email/confirm"
_LONGEST = 128


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a link stands for: the Subscription, whether it is agreed to, and its topic.

    ``name`` is the Subscription's reference, or the identifier of an administrative one; ``topic``
    is a canonical, None where the content level does not let it be told; ``address`` is as the
    client wrote it.
    """

    release: FhirRelease
    name: str
    topic: str | None
    address: str
    confirmed: bool


class OptIn:
    """Makes links and knows what they stand for.

    Args:
        subscribers: what is known of all Subscriptions.
        subscriptions: lets a Subscription follow what happened.
        clock: the present instant.
        sign: returns a signature that nobody else can make.
        public_url: of the hub, without a slash at its end.
    """

    def __init__(
        self,
        subscribers: Known,
        subscriptions: Signalling,
        *,
        clock: Clock,
        sign: Callable[[str], str],
        public_url: str,
    ) -> None:
        self._subscribers = subscribers
        self._subscriptions = subscriptions
        self._clock = clock
        self._sign = sign
        self._public_url = public_url

    def url(self, subscriber: Subscriber, now: datetime) -> str:
        """Return the link by which a person agrees, from ``now`` on for ``CONFIRM_WITHIN``."""
        until = int((now + CONFIRM_WITHIN).timestamp())
        text = f"{subscriber.sid}.{subscriber.generation}.{until}"
        return f"{self._public_url}{PATH}/{text}.{self._sign(text)}"

    def asked(self, token: str) -> Confirmation:
        """Return what a link stands for; changes nothing.

        Raises:
            NotFound: the link is none of the hub's, too old, or about a Subscription that was
                changed or ended since.
        """
        return _confirmation(self._found(token))

    async def confirm(self, token: str) -> Confirmation:
        """Let the Subscription become active; return when that is durable.

        Raises:
            NotFound: as for ``asked``.
        """
        found = self._found(token)
        if found.subscription.status is SubscriptionStatusCode.REQUESTED:
            now, state = self._clock.now(), found.delivery
            # Somebody may be faster with the same link, or the client may just have ended it.
            with contextlib.suppress(Unprocessable):
                await self._subscriptions.signal(
                    found.sid,
                    found.generation,
                    Signal.HANDSHAKE_DONE,
                    delivery=after_success(state, now, state.cursor),
                )
        return self.asked(token)

    def _found(self, token: str) -> Subscriber:
        text, _, signature = token.rpartition(".")
        if not token.isascii() or len(token) > _LONGEST:
            raise _invalid()
        if not hmac.compare_digest(self._sign(text), signature):
            raise _invalid()
        sid, generation, until = map(int, text.split("."))
        found = self._subscribers.get(sid)
        if found is None or found.deleted or found.generation != generation:
            raise _invalid()
        status = found.subscription.status
        if status is SubscriptionStatusCode.ACTIVE:
            return found
        over = datetime.fromtimestamp(until, UTC) <= self._clock.now()
        if over or status is not SubscriptionStatusCode.REQUESTED:
            raise _invalid()
        return found


def _invalid() -> NotFound:
    return NotFound(
        "this link does not hold any more, or never did: it is too old, or what it was about was "
        "changed or ended since; whoever subscribed can ask again"
    )


def _confirmation(found: Subscriber) -> Confirmation:
    subscription = found.subscription
    told = subscription.content is not PayloadContent.EMPTY
    return Confirmation(
        release=subscription.release,
        name=subscription.name,
        topic=subscription.topic if told else None,
        address=(subscription.endpoint or "").partition(":")[2],
        confirmed=subscription.status is SubscriptionStatusCode.ACTIVE,
    )
