"""The base URLs: one FHIR endpoint per release.

Source: http://hl7.org/fhir/http.html.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.codecs.xml import is_xml
from hub.core.client import Client
from hub.core.release import FhirRelease
from hub.errors import HubError
from hub.web.interaction import allowed, resolve
from hub.web.media_type import negotiate
from hub.web.request import read_call, read_query
from hub.web.response import OUTCOME_TYPE, respond
from hub.web.service import Service
from hub.web.xml_body import in_xml

RELEASES = {release.path: release for release in FhirRelease}
_OPEN = ("metadata",)
"""What is answered to everybody: it says how a caller makes itself known."""


class FhirEndpoint:
    """Answers every request below ``/fhir/{release}``."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a refusal is an OperationOutcome of the release."""
        request = Request(scope, receive)
        release = RELEASES[scope["path"].split("/")[2]]
        segments = _segments(request.path_params.get("path", ""))
        response = await self._answer(request, release, segments)
        await response(scope, receive, send)

    async def _answer(
        self, request: Request, release: FhirRelease, segments: tuple[str, ...]
    ) -> Response:
        service, callers = self._service, self._service.callers
        content_type, is_pretty = OUTCOME_TYPE, False
        client: Client | None = None
        allow: tuple[str, ...] | None = None
        try:
            query = dict(read_query(request, service.limits))
            is_pretty = query.get("_pretty") == "true"
            if request.method != "OPTIONS":
                content_type = negotiate(
                    ",".join(request.headers.getlist("accept")),
                    query.get("_format"),
                    release,
                    has_xml=service.has_xml,
                    sent=request.headers.get("content-type"),
                )
            client = callers.caller(request.headers.getlist("authorization"))
            callers.refuse_in_query(query)
            if segments != _OPEN:
                callers.require(client)
            trusted = client is not None and client.is_administrator
            if request.method == "OPTIONS":
                methods = ("OPTIONS", *allowed(service, release, segments, trusted))
                return Response(status_code=204, headers={"allow": ", ".join(methods)})
            handler, target = resolve(service, release, request.method, segments, trusted)
            call = await read_call(
                request, release, segments, service.limits, has_xml=service.has_xml, client=client
            )
            callers.refuse_in_query(dict(call.query))
            answer = await handler(service, call, target)
        except HubError as error:
            answer = service.refusal(error, release)
            if error.status == 405:
                trusted = client is not None and client.is_administrator
                allow = allowed(service, release, segments, trusted)
        if is_xml(content_type):
            answer = await in_xml(answer, release, service.limits, is_pretty=is_pretty)
            is_pretty = False
        response = respond(answer, content_type, allow=allow, is_pretty=is_pretty)
        response.headers["vary"] = "Accept"
        return response


def _segments(path: str) -> tuple[str, ...]:
    """Return the segments of a path; a slash at its end is of no meaning."""
    return tuple(path.removesuffix("/").split("/")) if path.strip("/") else ()
