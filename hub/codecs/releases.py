"""The codec of each release."""

from __future__ import annotations

from hub.codecs.r4 import R4Codec
from hub.codecs.r4b import R4BCodec
from hub.codecs.r5 import R5Codec
from hub.core.message import DEFAULT_MESSAGE_EVENT, MessageEvent
from hub.core.release import FhirRelease
from hub.ports import Codec


def codecs_of_releases(
    message_event: MessageEvent = DEFAULT_MESSAGE_EVENT, *, has_xml: bool = True
) -> dict[FhirRelease, Codec]:
    """Return the codec of each release.

    Args:
        message_event: the event of the messages that carry notifications.
        has_xml: whether payloads in XML are accepted.
    """
    codecs: tuple[Codec, ...] = (
        R4Codec(message_event, has_xml=has_xml),
        R4BCodec(message_event, has_xml=has_xml),
        R5Codec(message_event, has_xml=has_xml),
    )
    return {codec.release: codec for codec in codecs}
