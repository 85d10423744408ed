"""How a notification is written for a channel."""

from __future__ import annotations

import pytest

from hub.core.notification import NotificationType
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, PayloadContent
from hub.engine.encoding import encoded
from tests.support.notifications import BASE, CODECS, a_notification
from tests.support.subscriptions import a_subscription


@pytest.mark.parametrize("channel", ChannelType)
@pytest.mark.parametrize("release", FhirRelease)
def test_only_the_message_channel_puts_a_notification_into_a_message(
    release: FhirRelease, channel: ChannelType
) -> None:
    codec = CODECS[release]
    notification = a_notification(release, NotificationType.HANDSHAKE, PayloadContent.EMPTY)
    subscription = a_subscription(release, channel_type=channel, endpoint="https://a.example")
    expected = codec.encode_notification(notification, BASE)
    if channel is ChannelType.MESSAGE:
        expected = codec.encode_message(notification, BASE, "https://a.example")
    assert encoded(codec, subscription, notification, BASE) == expected
