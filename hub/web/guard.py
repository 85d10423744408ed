"""What happens around every request: its id, who may ask, and what is told when it fails.

Sources: http://hl7.org/fhir/http.html#custom (X-Request-Id, X-Correlation-Id);
https://fetch.spec.whatwg.org/#http-cors-protocol; RFC 6455, 10.2 (Origin of websockets).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.errors import Forbidden, HubError, InvalidValue
from hub.settings import LOOPBACK_ORIGINS, is_loopback
from hub.web import home_page
from hub.web.cycle import WHOLE
from hub.web.endpoint import FhirEndpoint, read_address
from hub.web.head import Head
from hub.web.home import html_answer
from hub.web.internal_error import internal_error, log_bug
from hub.web.media_type import prefers_html
from hub.web.response import respond
from hub.web.service import Service

_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS: Final = (
    b"Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, "
    b"If-None-Match, Prefer, X-Request-Id"
)
_EXPOSED: Final = (
    b"ETag, Link, Location, Last-Modified, Retry-After, X-Request-Id, X-Correlation-Id"
)
_ASKED_METHOD: Final = b"access-control-request-method"
_REMEMBERED: Final = 256
"""How many hosts or origins are remembered: clients say the same each time."""
_NONE: Final[Mapping[str, Any]] = {}
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9.\-]{1,64}")


class Origins:
    """Which web pages may use the hub: those of the settings, and its own."""

    def __init__(self, allowed: Iterable[str], public_url: str) -> None:
        """Take origins as browsers send them, or ``loopback`` for all on this machine."""
        own = urlsplit(public_url)
        self._allowed = {*(origin.lower() for origin in allowed), f"{own.scheme}://{own.netloc}"}
        self._remembered = lru_cache(_REMEMBERED)(self._allows)

    def allows(self, origin: str) -> bool:
        """Tell whether pages of ``origin`` may use the hub."""
        return self._remembered(origin)

    def _allows(self, origin: str) -> bool:
        origin = origin.lower()
        if origin in self._allowed:
            return True
        return LOOPBACK_ORIGINS in self._allowed and is_loopback(_host_of(origin))


class Hosts:
    """By which names the hub may be called.

    A hub that listens on this machine only, and asks nobody who they are, must not be reached
    from a web page whose host name was pointed to this machine after the page was loaded.
    """

    def __init__(self, listening_on: str, public_url: str) -> None:
        self._any = not is_loopback(listening_on)
        self._own = {"localhost", (urlsplit(public_url).hostname or "").lower()}
        self._remembered = lru_cache(_REMEMBERED)(self._allows)

    def allows(self, host: str) -> bool:
        """Tell whether a Host header names this hub; an address always does."""
        return self._remembered(host)

    def _allows(self, host: str) -> bool:
        name = _host_of(f"http://{host}")
        if self._any or name in self._own:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def _is_for_people(head: Head) -> bool:
    """Tell whether a person followed a link; below the bases programs look."""
    return not head.path.startswith("/fhir/") and prefers_html(head.get(b"accept"), None)


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


class Guard:
    """Stands around the base URLs and around ``app``, which answers at every other address."""

    def __init__(
        self,
        fhir: FhirEndpoint,
        app: ASGIApp,
        service: Service,
        origins: Origins,
        hosts: Hosts,
        *,
        process: str = "",
    ) -> None:
        """Take what answers.

        Args:
            fhir: at the base URLs.
            app: elsewhere.
            process: what the ids of requests have that others of the same hub do not have.
        """
        self._fhir = fhir
        self._app = app
        self._service = service
        self._origins = origins
        self._hosts = hosts
        self._prefix = f"{int(service.started.timestamp() * 1000):x}{process}"
        self._numbers = count(1)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Let a request or a websocket through, or refuse it."""
        if scope["type"] == "websocket":
            return self._websocket(scope, receive, send)
        return self._http(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._refusal(Head(scope)) is None:
            await self._app(scope, receive, send)
        else:
            # Closed before it was accepted: the server answers 403.
            await send({"type": "websocket.close", "code": 1008, "reason": ""})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Out of the scope: it and the server's side of this request would keep each other alive.
        offered = scope.pop("extensions", _NONE).get(WHOLE)
        head = Head(scope)
        request_id = f"{self._prefix}-{next(self._numbers)}"
        try:
            response = await self._response(head, receive)
            if response is None:
                await self._elsewhere(scope, receive, send, head, request_id)
                return
        except ClientDisconnect:
            return
        except Exception as error:
            response = self._failure(error, head, request_id)
        headers = self._with_headers(response.raw_headers, head, request_id)
        status, body = response.status_code, response.body
        try:
            if offered is not None:
                await offered["answer"](status, headers, body)
                return
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        except ClientDisconnect:
            return
        except Exception as error:
            log_bug(error, request_id)

    async def _elsewhere(
        self, scope: Scope, receive: Receive, send: Send, head: Head, request_id: str
    ) -> None:
        """Let the application answer; what it raises once it began is only logged."""
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = self._with_headers(message["headers"], head, request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            if not started:
                raise
            if not isinstance(error, HubError | ClientDisconnect):
                log_bug(error, request_id)

    def _failure(self, error: Exception, head: Head, request_id: str) -> Response:
        """Return what is answered instead of what could not be."""
        if not isinstance(error, HubError):
            log_bug(error, request_id)
            return respond(internal_error(request_id))
        if _is_for_people(head):
            return html_answer(home_page.sorry(error.diagnostics), error.status)
        return respond(self._service.refusal(error))

    async def _response(self, head: Head, receive: Receive) -> Response | None:
        """Return what is answered to a request, None where that is for the application."""
        refusal = self._refusal(head)
        if refusal is not None:
            return respond(self._service.refusal(refusal))
        if head.method == "OPTIONS" and _ASKED_METHOD in head:
            return Response(status_code=204)
        address = read_address(head.path)
        return None if address is None else await self._fhir.answer(head, receive, *address)

    def _refusal(self, head: Head) -> HubError | None:
        """Return why a request may not be made from where it comes, None if it may."""
        if not self._hosts.allows(head.get(b"host") or ""):
            return InvalidValue(
                "Host is no name of this hub; call it by its address, as localhost, or by the "
                "host of --public-url"
            )
        origin = head.get(b"origin")
        if origin is None or self._origins.allows(origin):
            return None
        if head.method in _SAFE and _ASKED_METHOD not in head:
            return None
        return Forbidden("pages of this Origin may not use the hub; --cors-origin allows them")

    def _with_headers(
        self, answer: Iterable[tuple[bytes, bytes]], asked: Head, request_id: str
    ) -> list[tuple[bytes, bytes]]:
        """Return the headers of an answer with those that every answer has."""
        vary, headers = b"Origin", []
        for each in answer:
            if each[0] == b"vary":
                vary = each[1] + b", Origin"
            else:
                headers.append(each)
        headers += (
            (b"vary", vary),
            (b"x-request-id", request_id.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
        )
        correlation = asked.get(b"x-request-id")
        if correlation is not None and _REQUEST_ID.fullmatch(correlation):
            headers.append((b"x-correlation-id", correlation.encode("ascii")))
        origin = asked.get(b"origin")
        if origin is None or not self._origins.allows(origin):
            return headers
        headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        headers.append((b"access-control-expose-headers", _EXPOSED))
        if _ASKED_METHOD in asked:
            headers.append((b"access-control-allow-methods", _METHODS))
            headers.append((b"access-control-allow-headers", _REQUEST_HEADERS))
            headers.append((b"access-control-max-age", b"600"))
        return headers
