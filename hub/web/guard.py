"""What happens around every request: its id, who may ask, and what is told when it fails.

Sources: http://hl7.org/fhir/http.html#custom (X-Request-Id, X-Correlation-Id);
https://fetch.spec.whatwg.org/#http-cors-protocol; RFC 6455, 10.2 (Origin of websockets).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import count
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.errors import Forbidden, HubError, InvalidValue
from hub.settings import LOOPBACK_ORIGINS, is_loopback
from hub.web import home_page
from hub.web.home import html_answer
from hub.web.internal_error import internal_error, log_bug
from hub.web.media_type import prefers_html
from hub.web.response import respond
from hub.web.service import Service

_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS: Final = (
    "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, "
    "If-None-Match, Prefer, X-Request-Id"
)
_EXPOSED: Final = "ETag, Link, Location, Last-Modified, Retry-After, X-Request-Id, X-Correlation-Id"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9.\-]{1,64}")


class Origins:
    """Which web pages may use the hub: those of the settings, and its own."""

    def __init__(self, allowed: Iterable[str], public_url: str) -> None:
        """Take origins as browsers send them, or ``loopback`` for all on this machine."""
        own = urlsplit(public_url)
        self._allowed = {*(origin.lower() for origin in allowed), f"{own.scheme}://{own.netloc}"}

    def allows(self, origin: str) -> bool:
        """Tell whether pages of ``origin`` may use the hub."""
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

    def allows(self, host: str) -> bool:
        """Tell whether a Host header names this hub; an address always does."""
        name = _host_of(f"http://{host}")
        if self._any or name in self._own:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def _is_for_people(path: str, headers: Headers) -> bool:
    """Tell whether a person followed a link; below the bases programs look."""
    return not path.startswith("/fhir/") and prefers_html(headers.get("accept"), None)


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, service: Service, origins: Origins, hosts: Hosts) -> None:
        self._app = app
        self._service = service
        self._origins = origins
        self._hosts = hosts
        self._prefix = f"{int(service.started.timestamp() * 1000):x}"
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request or a websocket through, or refuse it."""
        if scope["type"] == "websocket":
            headers = Headers(scope=scope)
            if self._refusal(headers, "websocket") is None:
                await self._app(scope, receive, send)
            else:
                # Closed before it was accepted: the server answers 403.
                await send({"type": "websocket.close", "code": 1008, "reason": ""})
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        request_id = f"{self._prefix}-{next(self._numbers)}"
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(MutableHeaders(scope=message), headers, request_id)
            await send(message)

        try:
            refusal = self._refusal(headers, scope["method"])
            if refusal is not None:
                response = respond(self._service.refusal(refusal))
                await response(scope, receive, send_on)
            elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                await Response(status_code=204)(scope, receive, send_on)
            else:
                await self._app(scope, receive, send_on)
        except ClientDisconnect:
            return
        except Exception as error:
            if not isinstance(error, HubError):
                log_bug(error, request_id)
            if started:
                return
            answer = (
                self._service.refusal(error)
                if isinstance(error, HubError)
                else internal_error(request_id)
            )
            response = respond(answer)
            if isinstance(error, HubError) and _is_for_people(scope["path"], headers):
                response = html_answer(home_page.sorry(error.diagnostics), error.status)
            await response(scope, receive, send_on)

    def _refusal(self, headers: Headers, method: str) -> HubError | None:
        """Return why a request may not be made from where it comes, None if it may."""
        if not self._hosts.allows(headers.get("host", "")):
            return InvalidValue(
                "Host is no name of this hub; call it by its address, as localhost, or by the "
                "host of --public-url"
            )
        origin = headers.get("origin")
        if origin is None or self._origins.allows(origin):
            return None
        if method in _SAFE and "access-control-request-method" not in headers:
            return None
        return Forbidden("pages of this Origin may not use the hub; --cors-origin allows them")

    def _add_headers(self, answer: MutableHeaders, asked: Headers, request_id: str) -> None:
        answer["x-request-id"] = request_id
        answer["x-content-type-options"] = "nosniff"
        correlation = asked.get("x-request-id", "")
        if _REQUEST_ID.fullmatch(correlation):
            answer["x-correlation-id"] = correlation
        answer.add_vary_header("Origin")
        origin = asked.get("origin")
        if origin is None or not self._origins.allows(origin):
            return
        answer["access-control-allow-origin"] = origin
        answer["access-control-expose-headers"] = _EXPOSED
        if "access-control-request-method" in asked:
            answer["access-control-allow-methods"] = _METHODS
            answer["access-control-allow-headers"] = _REQUEST_HEADERS
            answer["access-control-max-age"] = "600"
