"""``/email/confirm/...``: where a person agrees to get mails.

GET shows what is asked and changes nothing, as mail software looks at links by itself; the button
POSTs.  The address holds the token, so the page tells nobody where the reader came from.
Source: http://hl7.org/fhir/R5/subscriptions.html (email); RFC 9110, 9.2.1 (safe methods).
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.core.release import Json
from hub.engine.opt_in import PATH, Confirmation
from hub.errors import HubError, MethodNotAllowed, NotFound
from hub.web import home_page
from hub.web.frame import CONTENT_SECURITY
from hub.web.home import json_answer
from hub.web.media_type import prefers_html
from hub.web.response import respond
from hub.web.service import Service

ROUTE: Final = f"{PATH}/{{token}}"
_ALLOWED: Final = ("GET", "HEAD", "POST")
_POLICY: Final = {
    "content-security-policy": CONTENT_SECURITY.replace("form-action 'none'", "form-action 'self'"),
    # Not no-referrer: then the form would be sent with the Origin null.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "Accept",
}


class OptInPage:
    """Answers GET, HEAD and POST of one link."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": f"{', '.join(_ALLOWED)}, OPTIONS"})
        if request.method not in _ALLOWED:
            error = MethodNotAllowed(
                f"{request.method[:16]} is not offered here; allowed: GET, POST"
            )
            return respond(self._service.refusal(error), allow=_ALLOWED)
        is_page = prefers_html(request.headers.get("accept"), request.query_params.get("_format"))
        try:
            found = await self._found(request)
        except HubError as refusal:
            if is_page:
                return _page(home_page.sorry(refusal.diagnostics), refusal.status)
            answer = respond(self._service.refusal(refusal))
            answer.headers.update({"cache-control": "no-store", "vary": "Accept"})
            return answer
        if is_page:
            return _page(home_page.opt_in(found.confirmed, self._told(found)))
        return json_answer({"confirmed": found.confirmed, **self._told(found)})

    async def _found(self, request: Request) -> Confirmation:
        opt_in = self._service.hub.opt_in
        if opt_in is None:
            raise NotFound("this hub asks nobody before it sends mails")
        token = request.path_params["token"]
        if request.method == "POST":
            return await opt_in.confirm(token)
        return opt_in.asked(token)

    def _told(self, found: Confirmation) -> dict[str, Json]:
        topic = found.topic
        return {
            "address": found.address,
            "topic": topic,
            "title": topic and self._service.hub.registry.title(found.release, topic),
            "subscription": found.name,
        }


def _page(text: str, status: int = 200) -> Response:
    return Response(
        text, status_code=status, media_type="text/html; charset=utf-8", headers=_POLICY
    )
