"""Subscriptions of a journey that are heard over a websocket."""

from __future__ import annotations

from typing import Any

from websockets.asyncio.client import ClientConnection

from hub.core.release import Resource
from tests.journeys.hosting import Fhir, heard, status_of
from tests.support.builders import a_subscription


async def socket_subscription(fhir: Fhir, owner: str, **changes: Any) -> str:
    """Create a websocket Subscription to the Tasks of an owner; return its id."""
    wanted = a_subscription(
        fhir.release, channel="websocket", filters=[f"Task?owner={owner}"], **changes
    )
    stored = await fhir.create(wanted)
    assert stored["status"] == "active"
    id: str = stored["id"]
    return id


async def bind(websocket: ClientConnection, fhir: Fhir, *ids: str, **more: Any) -> Resource:
    """Bind to one Subscription and return its handshake."""
    await websocket.send(f"bind-with-token {await fhir.token(*ids, **more)}")
    handshake = await heard(websocket, fhir.release)
    assert status_of(handshake)["type"] == "handshake"
    return handshake
