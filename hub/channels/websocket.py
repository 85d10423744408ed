"""The websocket channel, as far as a Subscription is concerned: sockets connect to the hub.

Source: backport IG, "Channels" (websockets).
"""

from __future__ import annotations

from hub.channels.rest_hook import check_content_type
from hub.core.delivery import DeliveryResult, Envelope, Failed, FailureClass
from hub.core.subscription import ChannelType, Subscription
from hub.errors import EndpointInvalid, HeaderNotAllowed


class WebSocketChannel:
    """Accepts Subscriptions whose notifications go to bound sockets (``hub.engine.sockets``)."""

    channel_type = ChannelType.WEBSOCKET

    def check(self, subscription: Subscription) -> None:
        """Refuse what a websocket Subscription can't have: an endpoint, headers."""
        if subscription.endpoint:
            raise EndpointInvalid(
                "a websocket Subscription has no endpoint: the hub says where to connect "
                "($get-ws-binding-token, or GET metadata where its criteria are a search)",
                expression="Subscription.endpoint",
            )
        if subscription.parameter:
            raise HeaderNotAllowed(
                "a websocket has no headers to send", expression="Subscription.parameter"
            )
        if not subscription.is_classic:
            check_content_type(subscription.content_type, subscription.release)

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Fail: nobody is sent to before a socket is bound."""
        return Failed(failure=FailureClass.CONNECTION, reason="no socket is bound")
