"""Classic Subscriptions: those of R4 and R4B whose criteria are a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.core.release import FhirRelease, Resource
from hub.engine.sockets import Session
from hub.engine.subscriptions import Stored
from tests.support.rig import Rig
from tests.support.rig_resources import document


def a_classic(
    criteria: str,
    *,
    endpoint: str | None = None,
    payload: str | None = None,
    header: Sequence[str] = (),
    channel: str = "rest-hook",
    **more: Any,
) -> Resource:
    """Return a classic Subscription as clients send it.

    Args:
        more: further elements of the resource; ``status`` is requested where it is not given.
    """
    written: Resource = {"type": channel}
    if endpoint is not None:
        written["endpoint"] = endpoint
    if payload is not None:
        written["payload"] = payload
    if header:
        written["header"] = list(header)
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "a test",
        "criteria": criteria,
        "channel": written,
    } | more


async def put_classic(
    rig: Rig,
    id: str,
    criteria: str = "Task?owner=Organization/lab",
    release: FhirRelease = FhirRelease.R4,
    **changes: Any,
) -> Stored:
    """Put a classic Subscription, by default for Tasks of Organization/lab to a rest-hook."""
    if changes.get("channel") != "websocket":
        changes = {"endpoint": "https://lab.example.org/fhir", **changes}
    resource = a_classic(criteria, id=id, **changes)
    return await rig.hub.subscriptions.update(release, id, document(resource))


@dataclass
class TextWire:
    """The far end of a websocket that is sent plain texts."""

    texts: list[str] = field(default_factory=list)

    def put(self, texts: Sequence[bytes]) -> bool:
        """Take texts."""
        self.texts += [text.decode() for text in texts]
        return True

    async def send(self, text: bytes) -> None:
        """Take a text."""
        self.put([text])


def a_session(rig: Rig) -> tuple[TextWire, Session]:
    """Open a socket that nothing is bound to yet."""
    wire = TextWire()
    return wire, rig.hub.sockets.session(wire)
