"""The base URLs: one FHIR endpoint per release.

Source: http://hl7.org/fhir/http.html.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.types import Receive

from hub.codecs.xml import XML_TYPES
from hub.core.client import Client
from hub.core.release import FhirRelease
from hub.errors import HubError
from hub.web.head import Head
from hub.web.interaction import allowed, resolve
from hub.web.media_type import content_type_of, negotiate
from hub.web.request import read_call, read_query
from hub.web.response import OUTCOME_TYPE, respond
from hub.web.service import Service
from hub.web.xml_body import in_xml

RELEASES: Final = {release.path: release for release in FhirRelease}
_XML: Final = frozenset(content_type_of(each) for each in XML_TYPES)
_OPEN: Final = ("metadata",)
"""What is answered to everybody: it says how a caller makes itself known."""


def read_address(path: str) -> tuple[FhirRelease, tuple[str, ...]] | None:
    """Return the release of a base URL and the segments below it, None for any other address.

    A slash at the end is of no meaning.
    """
    if not path.startswith("/fhir/"):
        return None
    _, _, name, *segments = path.split("/")
    release = RELEASES.get(name)
    if release is None:
        return None
    if segments and not segments[-1]:
        segments.pop()
    return release, tuple(segments) if any(segments) else ()


class FhirEndpoint:
    """Answers every request below ``/fhir/{release}``."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def answer(
        self, head: Head, receive: Receive, release: FhirRelease, segments: tuple[str, ...]
    ) -> Response:
        """Return the answer to one request; a refusal is an OperationOutcome of the release.

        Args:
            receive: gives the body.
            release: whose base is asked.
            segments: the path below the base.
        """
        service, callers = self._service, self._service.callers
        content_type, is_pretty = OUTCOME_TYPE, False
        client: Client | None = None
        allow: tuple[str, ...] | None = None
        try:
            pairs = read_query(head.query, service.limits)
            query = dict(pairs)
            is_pretty = query.get("_pretty") == "true"
            if head.method != "OPTIONS":
                content_type = negotiate(
                    ",".join(head.all(b"accept")),
                    query.get("_format"),
                    release,
                    has_xml=service.has_xml,
                    sent=head.get(b"content-type"),
                )
            client = callers.caller(head.all(b"authorization"))
            callers.refuse_in_query(query)
            if segments != _OPEN:
                callers.require(client)
            trusted = client is not None and client.is_administrator
            if head.method == "OPTIONS":
                methods = ("OPTIONS", *allowed(service, release, segments, trusted))
                return Response(status_code=204, headers={"allow": ", ".join(methods)})
            handler, target = resolve(service, release, head.method, segments, trusted)
            call = await read_call(
                head,
                receive,
                release=release,
                segments=segments,
                query=pairs,
                limits=service.limits,
                has_xml=service.has_xml,
                client=client,
            )
            if call.query is not pairs:
                callers.refuse_in_query(dict(call.query))
            answer = await handler(service, call, target)
        except HubError as error:
            answer = service.refusal(error, release)
            if error.status == 405:
                trusted = client is not None and client.is_administrator
                allow = allowed(service, release, segments, trusted)
        if content_type in _XML:
            answer = await in_xml(answer, release, service.limits, is_pretty=is_pretty)
            is_pretty = False
        return respond(answer, content_type, allow=allow, is_pretty=is_pretty, vary="Accept")
