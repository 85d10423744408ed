"""How a notification is written for a Subscription's channel."""

from __future__ import annotations

from hub.core.notification import Notification
from hub.core.subscription import ChannelType, Subscription
from hub.ports import Codec


def encoded(
    codec: Codec, subscription: Subscription, notification: Notification, base_url: str
) -> bytes:
    """Return what is sent: the notification Bundle, for the channel ``message`` in a message."""
    if subscription.channel_type is ChannelType.MESSAGE:
        return codec.encode_message(notification, base_url, subscription.endpoint or "")
    return codec.encode_payload(notification, base_url)
