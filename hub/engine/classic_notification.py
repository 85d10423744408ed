"""What a classic Subscription is sent of an event: the resource, or nothing but the call itself.

Source: http://hl7.org/fhir/R4/subscription.html (channels rest-hook and email);
http://hl7.org/fhir/R4/codesystem-subscription-channel-type.html.
"""

from __future__ import annotations

from hub.core.notification import NumberedEvent
from hub.core.subscription import PayloadContent, Subscription
from hub.ports import Codec


def classic_payload(
    codec: Codec, subscription: Subscription, event: NumberedEvent
) -> tuple[str | None, bytes]:
    """Return the reference of the resource that is sent and its text, at the version that fired.

    In JSON that is the text that is stored.  Where no resource was asked for there is neither.
    """
    focus = event.focus
    if subscription.content is not PayloadContent.FULL_RESOURCE:
        return None, b""
    if focus is None or focus.body is None:
        raise ValueError("criteria match what is there, so an event has a resource")
    return focus.key.reference, codec.encode_resource(focus.body, subscription.content_type)
