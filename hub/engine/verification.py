"""Trying an endpoint out: a handshake through the client that delivers, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.core.delivery import Delivered, DeliveryResult, Envelope, FailureClass
from hub.core.notification import NotificationType, build_notification
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType
from hub.engine.delivery import DEFAULT_TIMEOUT
from hub.engine.encoding import encoded
from hub.engine.subscribers import Subscribers
from hub.errors import Unprocessable
from hub.ports import Channel, Clock, Codec

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
}


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
        codecs: Mapping[FhirRelease, Codec],
        channels: Mapping[ChannelType, Channel],
        *,
        clock: Clock,
        base_url: Callable[[FhirRelease], str],
    ) -> None:
        self._subscribers = subscribers
        self._codecs = codecs
        self._channels = channels
        self._clock = clock
        self._base_url = base_url

    async def verify(self, release: FhirRelease, id: str) -> Verified:
        """Send a handshake to a Subscription's endpoint now.

        Raises:
            NotFound, Deleted: there is no such Subscription.
            Unprocessable: its channel has no endpoint.
        """
        subscriber = self._subscribers.named(release, id)
        subscription = subscriber.subscription
        channel = self._channels.get(subscription.channel_type)
        if subscription.endpoint is None or channel is None:
            raise Unprocessable(f"{subscription.reference} has no endpoint to try")
        notification = build_notification(
            subscription,
            NotificationType.HANDSHAKE,
            total=self._subscribers.top(subscriber),
            timestamp=self._clock.now(),
        )
        codec, base = self._codecs[release], self._base_url(release)
        body = encoded(codec, subscription, notification, base)
        result = await channel.send(
            Envelope(
                channel_type=subscription.channel_type,
                endpoint=subscription.endpoint,
                content_type=subscription.content_type,
                body=body,
                parameter=subscription.parameter,
                timeout=subscription.timeout or DEFAULT_TIMEOUT,
            )
        )
        cause = "" if isinstance(result, Delivered) else CAUSES[result.failure]
        return Verified(result, cause)
