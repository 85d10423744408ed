"""``/demo/receiver``: what the demo's endpoints received, newest first.

Source: backport IG, "Notifications" (rest-hook).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from hub.core.instant import format_instant
from hub.core.release import Json
from hub.errors import NotFound
from hub.web import demo_page
from hub.web.home import Page, either
from hub.web.mailbox import as_it_looks, with_frames
from hub.web.service import Service

KEPT: Final = 200
"""Requests that are kept; older ones go."""

_LONGEST: Final = 64 * 1024
"""Bytes of a body that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """A request as an endpoint of the demo got it.

    ``receiver`` is whose endpoint it was, ``type`` that of the notification, ``numbers`` those of
    its events (``#3..5``), ``focus`` the references that they are about, ``answered`` what the
    endpoint said, ``body`` what was sent.
    """

    at: datetime
    receiver: str
    type: str
    subscription: str
    numbers: str
    focus: Sequence[str]
    answered: str
    body: bytes = field(repr=False)


class Receptions:
    """Keeps the newest requests, in memory, with the beginnings of their bodies."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, Reception]] = deque(maxlen=KEPT)
        self._last = 0

    def put(self, reception: Reception) -> None:
        """Keep a request."""
        self._last += 1
        self._kept.append((self._last, replace(reception, body=reception.body[:_LONGEST])))

    def __iter__(self) -> Iterator[tuple[int, Reception]]:
        """Yield the requests with their numbers, newest first."""
        return reversed(self._kept)


def pages(service: Service, receptions: Receptions, endpoint: str) -> dict[str, ASGIApp]:
    """Return what answers at each path; ``endpoint`` is the one that takes anybody's."""

    async def listed(request: Request) -> Response:
        found = [_told(service, number, each) for number, each in receptions]
        value = {"endpoint": endpoint, "received": found}
        return with_frames(either(request, value, demo_page.received))

    async def payload(request: Request) -> Response:
        wanted = request.path_params["number"]
        for number, each in receptions:
            if str(number) == wanted:
                return as_it_looks(_pretty(each.body), is_html=False)
        raise NotFound("there is no such request; GET /demo/receiver lists those that are kept")

    return {
        "/demo/receiver": Page(service, listed),
        "/demo/receiver/{number}": Page(service, payload),
    }


def _told(service: Service, number: int, reception: Reception) -> dict[str, Json]:
    return {
        "number": number,
        "at": format_instant(reception.at),
        "receiver": reception.receiver,
        "type": reception.type,
        "subscription": reception.subscription,
        "numbers": reception.numbers,
        "focus": list(reception.focus),
        "answered": reception.answered,
        "payload": f"{service.hub.public_url}/demo/receiver/{number}",
    }


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")
