"""A page whose script shows data: browsers get the page, all others, and the script, the data.

So every page has its JSON, at the same address, and what it shows is what anybody can ask for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from hub.core.client import Client
from hub.core.release import Json
from hub.web.frame import page
from hub.web.home import html_answer, json_answer
from hub.web.media_type import prefers_html
from hub.web.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPage:
    """One such page; ``data`` answers what the caller may know, None where nobody is asked.

    The page itself is open to everybody, its data as those of a FHIR base are.  ``content`` is HTML
    that holds no data, ``here`` the address in ``frame.WAYS`` that it belongs to, ``script`` the
    name of its module, ``style`` of its style sheet, if it has one of its own.
    """

    service: Service
    title: str
    content: str
    here: str
    script: str
    data: Callable[[Request, Client | None], Awaitable[Json]]
    style: str | None = None

    async def __call__(self, request: Request) -> Response:
        """Answer the page, or its data."""
        if prefers_html(request.headers.get("accept"), request.query_params.get("_format")):
            text = page(
                f"{self.title} - fhir-hub",
                self.content,
                here=self.here,
                script=self.script,
                style=self.style,
            )
            return html_answer(text)
        callers = self.service.callers
        caller = callers.caller(request.headers.getlist("authorization"))
        callers.refuse_in_query(request.query_params)
        callers.require(caller)
        return json_answer(await self.data(request, caller))
