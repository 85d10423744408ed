"""Trying an endpoint out: a handshake through the client that delivers, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.core.delivery import Delivered, DeliveryResult, Envelope, FailureClass
from hub.core.notification import NotificationType, build_notification
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType
from hub.engine.envelope import Envelopes
from hub.engine.subscribers import Subscribers
from hub.errors import Unprocessable
from hub.ports import Channel, Clock

CAUSES = {
    FailureClass.DNS: "the host name does not resolve from here",
    FailureClass.CONNECTION: "nothing listens there, or a firewall is in between",
    FailureClass.TLS: "the certificate is not valid for this host, or not trusted here",
    FailureClass.TIMEOUT: "the endpoint accepts connections but does not answer in time",
    FailureClass.PROTOCOL: "what answers there does not speak HTTP as expected",
    FailureClass.BLOCKED: "this hub may not send there; see --egress-allow and --allow-http",
    FailureClass.REDIRECT: "the endpoint has moved; put its new address into the Subscription",
    FailureClass.REJECTED: "the endpoint does not like the notification's form",
    FailureClass.REFUSED: "credentials or path are wrong; see the Subscription's headers",
    FailureClass.BUSY: "the endpoint has a fault of its own or is overloaded",
    FailureClass.GONE: "the endpoint says that it is gone for good",
    FailureClass.UNDELIVERABLE: "the mail server does not take mails for this address, or from us",
}
CAUSES_BY_MAIL = {
    FailureClass.DNS: "the name of the hub's mail server does not resolve; see --smtp",
    FailureClass.CONNECTION: "the hub's mail server can't be reached; see --smtp",
    FailureClass.TLS: "the hub's mail server has no TLS that is trusted; see --smtp-ca-file",
    FailureClass.TIMEOUT: "the hub's mail server does not answer in time; see --smtp",
    FailureClass.PROTOCOL: "what answers at --smtp does not speak SMTP as expected",
    FailureClass.BLOCKED: "this hub may not write there; see --email-domain and --email-content",
    FailureClass.REFUSED: "the hub's mail server wants other credentials; see --smtp-user",
    FailureClass.BUSY: "the hub's mail server takes the mail later, or so it says",
}
"""Where the cause is another one if the channel is email."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a trial came to: the result, and its likely cause in words (empty on success)."""

    result: DeliveryResult
    cause: str


class Verification:
    """Sends handshakes on request; changes nothing about the Subscription."""

    def __init__(
        self,
        subscribers: Subscribers,
        envelopes: Envelopes,
        channels: Mapping[ChannelType, Channel],
        *,
        clock: Clock,
    ) -> None:
        self._subscribers = subscribers
        self._envelopes = envelopes
        self._channels = channels
        self._clock = clock

    async def verify(self, release: FhirRelease, id: str) -> Verified:
        """Send a handshake to a Subscription's endpoint now.

        A classic one is sent a POST without body, or a mail that says that it is a trial.

        Raises:
            NotFound, Deleted: there is no such Subscription.
            Unprocessable: its channel has no endpoint, or all that could be sent is a PUT.
        """
        subscriber = self._subscribers.named(release, id)
        subscription = subscriber.subscription
        channel = self._channels.get(subscription.channel_type)
        if subscription.endpoint is None or channel is None:
            raise Unprocessable(f"{subscription.reference} has no endpoint to try")
        writes = subscription.is_classic and subscription.channel_type is ChannelType.REST_HOOK
        if writes and subscription.content_type:
            raise Unprocessable(
                f"a trial of {subscription.reference} would write a resource at its endpoint; "
                "$attempts tells how the last notifications fared"
            )
        result = await channel.send(self._trial(subscriber))
        cause = ""
        if not isinstance(result, Delivered):
            cause = likely_cause(subscription.channel_type, result.failure)
        return Verified(result, cause)

    def _trial(self, subscriber: Subscriber) -> Envelope:
        subscription, now = subscriber.subscription, self._clock.now()
        if subscription.is_classic:
            return self._envelopes.classic(subscriber, now)
        notification = build_notification(
            subscription,
            NotificationType.HANDSHAKE,
            total=self._subscribers.top(subscriber),
            timestamp=now,
        )
        return self._envelopes.around(notification, subscriber)


def likely_cause(channel: ChannelType, failure: FailureClass) -> str:
    """Return why such an attempt fails most often, in words."""
    by_mail = CAUSES_BY_MAIL if channel is ChannelType.EMAIL else {}
    return by_mail.get(failure, CAUSES[failure])
