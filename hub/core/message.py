"""FHIR messages as the hub sends and takes them.

Source: http://hl7.org/fhir/R5/messageheader.html; http://hl7.org/fhir/R4/messaging.html.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class MessageEvent(NamedTuple):
    """What a message is about, as a code: ``MessageHeader.eventCoding``."""

    system: str
    code: str


DEFAULT_MESSAGE_EVENT: Final = MessageEvent(
    "http://example.org/fhir/message-events", "subscription-notification"
)
"""The event of the standard's own example; no code is standardised for notifications."""


class ResponseCode(StrEnum):
    """``MessageHeader.response.code``: what became of a message."""

    OK = "ok"
    TRANSIENT_ERROR = "transient-error"
    FATAL_ERROR = "fatal-error"
