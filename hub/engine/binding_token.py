"""Tokens with which a websocket is bound to Subscriptions.

Source: backport IG, OperationDefinition backport-subscription-get-ws-binding-token;
http://hl7.org/fhir/R5/subscription-operation-get-ws-binding-token.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.core.client import Client
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, counts
from hub.engine.subscribers import Subscribers
from hub.errors import NotFound, Unprocessable
from hub.ports import Clock

LIFETIME = timedelta(minutes=5)
"""How long a token binds sockets; a socket that is bound stays so."""


@dataclass(frozen=True, slots=True)
class BindingToken:
    """What ``$get-ws-binding-token`` answers; the token is a secret."""

    token: str = field(repr=False)
    expiration: datetime
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows: Subscriptions by the hub's number, and the number to resume after.

    It does so as long as ``caller``, who asked for it, knows of these Subscriptions.
    """

    sids: tuple[int, ...]
    resume_after: int | None
    expiration: datetime
    caller: Client | None


class BindingTokens:
    """Makes tokens and knows what they allow; only their digests are kept."""

    def __init__(
        self, subscribers: Subscribers, clock: Clock, new_token: Callable[[], str]
    ) -> None:
        self._subscribers = subscribers
        self._clock = clock
        self._new_token = new_token
        self._grants: dict[str, Grant] = {}

    def issue(
        self,
        release: FhirRelease,
        ids: Sequence[str] | None,
        *,
        resume_after: int | None = None,
        caller: Client | None = None,
    ) -> BindingToken:
        """Return a new token for the Subscriptions named, or for all of the caller's.

        These are all websocket Subscriptions that the caller knows of.

        Raises:
            NotFound, Deleted: an id is unknown, or there is none at all.
            NotTopicBased: a Subscription is a classic one.
            Unprocessable: a Subscription has another channel, or is off.
        """
        if ids is None:
            named = [
                each
                for each in self._subscribers
                if not each.deleted
                and not each.subscription.is_classic
                and each.belonging.is_shown_to(caller)
                and each.subscription.release is release
                and each.subscription.channel_type is ChannelType.WEBSOCKET
                and counts(each.subscription.status)
            ]
            if not named:
                raise NotFound("there is no websocket Subscription to bind")
        else:
            named = [
                self._subscribers.topic_based(release, id, caller=caller)
                for id in dict.fromkeys(ids)
            ]
        for each in named:
            subscription = each.subscription
            if subscription.channel_type is not ChannelType.WEBSOCKET:
                raise Unprocessable(
                    f"{subscription.reference} has the channel {subscription.channel_type}; "
                    "only websocket Subscriptions can be bound"
                )
            if not counts(subscription.status):
                raise Unprocessable(
                    f"{subscription.reference} is {subscription.status}; reactivate it first"
                )
        now = self._clock.now()
        self._grants = {
            digest: grant for digest, grant in self._grants.items() if grant.expiration > now
        }
        token = self._new_token()
        expiration = now + LIFETIME
        sids = tuple(each.sid for each in named)
        self._grants[_digest(token)] = Grant(sids, resume_after, expiration, caller)
        return BindingToken(token, expiration, tuple(each.subscription.id for each in named))

    def redeem(self, token: str) -> Grant:
        """Return what a token allows; it may bind any number of sockets until it expires.

        Raises:
            NotFound: it is unknown or expired.
        """
        grant = self._grants.get(_digest(token))
        if grant is None or grant.expiration <= self._clock.now():
            raise NotFound("the token is unknown or has expired")
        return grant


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
