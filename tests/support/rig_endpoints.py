"""The far ends of a rig: endpoints and sockets that behave as told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from hub.core.delivery import Delivered, DeliveryResult, Envelope
from hub.core.release import Resource
from hub.core.subscription import ChannelType, Subscription


@dataclass
class Endpoints:
    """The rest-hook channel and what is at its far end, by endpoint URL.

    ``answers`` decides each attempt; what is accepted is kept in ``received``.
    """

    answers: Callable[[Envelope, int], DeliveryResult] = lambda envelope, attempt: Delivered(
        status=200
    )
    attempts: list[tuple[datetime, Envelope]] = field(default_factory=list)
    received: list[tuple[datetime, Envelope]] = field(default_factory=list)
    now: Callable[[], datetime] | None = None
    channel_type: ChannelType = ChannelType.REST_HOOK

    def check(self, subscription: Subscription) -> None:
        """Accept every Subscription."""

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Answer as told."""
        assert self.now is not None
        self.attempts.append((self.now(), envelope))
        result = self.answers(envelope, len(self.attempts))
        if isinstance(result, Delivered):
            self.received.append((self.now(), envelope))
        return result

    def of(self, kind: str, endpoint: str | None = None) -> list[Resource]:
        """Return the status parts of what was received, of one notification type, flattened."""
        found = [
            flat_status(json.loads(envelope.body))
            for _, envelope in self.received
            if endpoint in (None, envelope.endpoint)
        ]
        return [each for each in found if each["type"] == kind]

    def numbers(self, endpoint: str | None = None) -> list[int]:
        """Return the event numbers received, in order of arrival, repeats included."""
        return [
            number for each in self.of("event-notification", endpoint) for number in each["numbers"]
        ]


@dataclass
class Wire:
    """The far end of a websocket: what came, and when; ``broken`` is raised at the next text.

    Where a wire ``waits``, it takes nothing at once.
    """

    now: Callable[[], datetime]
    came: list[tuple[datetime, Resource]] = field(default_factory=list)
    broken: Exception | None = None
    waits: ClassVar[bool] = False

    def put(self, texts: Sequence[bytes]) -> bool:
        """Take texts at once, unless it would fail."""
        if self.waits or self.broken is not None:
            return False
        self.came += [(self.now(), flat_status(json.loads(text))) for text in texts]
        return True

    async def send(self, text: bytes) -> None:
        """Take a text, or fail."""
        if self.broken is not None:
            raise self.broken
        self.came.append((self.now(), flat_status(json.loads(text))))

    @property
    def types(self) -> list[str]:
        """The notification types in order of arrival."""
        return [status["type"] for _, status in self.came]

    @property
    def numbers(self) -> list[int]:
        """The event numbers in order of arrival, repeats included."""
        return [number for _, status in self.came for number in status["numbers"]]


def flat_status(bundle: Resource) -> Resource:
    """Return the status of a notification Bundle of any release as plain names and values."""
    status = bundle["entry"][0]["resource"]
    if status["resourceType"] == "Parameters":
        values: Resource = {"numbers": [], "focus": [], "errors": []}
        for parameter in status["parameter"]:
            name = parameter["name"]
            if name == "notification-event":
                parts = {
                    part["name"]: next(value for key, value in part.items() if key != "name")
                    for part in parameter["part"]
                }
                values["numbers"].append(int(parts["event-number"]))
                if "focus" in parts:
                    values["focus"].append(parts["focus"]["reference"])
            elif name == "error":
                values["errors"].append(parameter["valueCodeableConcept"])
            else:
                values[name] = next(v for k, v in parameter.items() if k != "name")
        return values
    return {
        "type": status["type"],
        "status": status.get("status"),
        "topic": status.get("topic"),
        "events-since-subscription-start": status.get("eventsSinceSubscriptionStart"),
        "numbers": [int(each["eventNumber"]) for each in status.get("notificationEvent", ())],
        "focus": [
            each["focus"]["reference"]
            for each in status.get("notificationEvent", ())
            if "focus" in each
        ],
        "errors": status.get("error", []),
    }
