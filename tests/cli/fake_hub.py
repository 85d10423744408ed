"""A hub that misbehaves as told: what it says over its websocket and on ``$events`` is scripted."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from aiohttp import WSMsgType, web

WHEN = "2026-01-02T03:04:05Z"


class FakeHub:
    """Speaks R5 below ``url``.

    ``events`` are the numbers that ``$events`` has, ``retained`` tells whether it answers at all;
    ``frames`` go to the socket that binds, None closes it; ``tokens`` records resume-after of each
    token, and ``deleted`` the Subscriptions that were deleted.
    """

    def __init__(self) -> None:
        self.url = ""
        self.events: set[int] = set()
        self.retained = True
        self.subscriptions: list[str] = []
        self.deleted: list[str] = []
        self.tokens: list[str | None] = []
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()
        self.binds: list[str] = []
        self.status = 200
        application = web.Application()
        application.router.add_post("/fhir/{release}/Subscription", self._create)
        application.router.add_delete("/fhir/{release}/Subscription/{id}", self._delete)
        application.router.add_get(
            "/fhir/{release}/Subscription/{id}/$get-ws-binding-token", self._token
        )
        application.router.add_get("/fhir/{release}/Subscription/{id}/$events", self._events)
        application.router.add_get("/ws", self._socket)
        self._runner = web.AppRunner(application, shutdown_timeout=0.5)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.frames.put_nowait(None)
        await self._runner.cleanup()

    def notify(self, *numbers: int, id: str = "s1", kind: str = "event-notification") -> None:
        """Send a notification with these events."""
        self.frames.put_nowait(json.dumps(notification(*numbers, id=id, kind=kind)))

    def tell(self, kind: str, total: int, id: str = "s1", *errors: str) -> None:
        """Send a handshake or heartbeat."""
        bundle = notification(id=id, kind=kind, total=total)
        bundle["entry"][0]["resource"]["error"] = [{"text": text} for text in errors]
        self.frames.put_nowait(json.dumps(bundle))

    def hang_up(self) -> None:
        """Close the socket."""
        self.frames.put_nowait(None)

    async def _create(self, request: web.Request) -> web.Response:
        if self.status != 200:
            return _outcome(self.status, "not today")
        self.subscriptions.append(f"s{len(self.subscriptions) + 1}")
        resource = {**await request.json(), "id": self.subscriptions[-1]}
        return web.json_response(resource, status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        self.deleted.append(request.match_info["id"])
        return web.Response(status=204)

    async def _token(self, request: web.Request) -> web.Response:
        if request.match_info["id"] in self.deleted:
            return _outcome(410, "deleted")
        self.tokens.append(request.query.get("resume-after"))
        values = [
            {"name": "token", "valueString": f"t{len(self.tokens)}"},
            {"name": "websocket-url", "valueUrl": f"{self.url.replace('http', 'ws')}/ws"},
        ]
        return web.json_response({"resourceType": "Parameters", "parameter": values})

    async def _events(self, request: web.Request) -> web.Response:
        if self.status != 200:
            return _outcome(self.status, "not today")
        if not self.retained:
            return _outcome(410, "no longer kept; the lowest is 90")
        first = int(request.query.get("eventsSinceNumber", 1))
        last = int(request.query.get("eventsUntilNumber", max(self.events, default=0)))
        found = [number for number in sorted(self.events) if first <= number <= last]
        bundle = notification(*found, id=request.match_info["id"], kind="query-event")
        return web.json_response(bundle)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sending: list[asyncio.Task[None]] = []
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.binds.append(message.data)
                sending.append(asyncio.create_task(self._send(socket)))
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        return socket

    async def _send(self, socket: web.WebSocketResponse) -> None:
        while (frame := await self.frames.get()) is not None:
            await socket.send_str(frame)
        await socket.close(code=1012)


def notification(
    *numbers: int, id: str = "s1", kind: str = "event-notification", total: int | None = None
) -> dict[str, Any]:
    """Return an R5 notification with these events, all about Task/<number>."""
    base = "http://127.0.0.1/fhir/r5"
    status = {
        "resourceType": "SubscriptionStatus",
        "subscription": {"reference": f"{base}/Subscription/{id}"},
        "status": "active",
        "type": kind,
        "eventsSinceSubscriptionStart": str(max(numbers, default=0) if total is None else total),
        "notificationEvent": [
            {
                "eventNumber": str(number),
                "timestamp": WHEN,
                "focus": {"reference": f"{base}/Task/{number}"},
            }
            for number in numbers
        ],
    }
    return {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": status}]}


def _outcome(status: int, text: str) -> web.Response:
    issue = {"severity": "error", "code": "processing", "diagnostics": text}
    return web.json_response({"resourceType": "OperationOutcome", "issue": [issue]}, status=status)
