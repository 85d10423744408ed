"""``/orders/{release}/{type}/{id}``: what became of one order: the trace, as a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from hub.codecs.parameter_parts import TRACED, read_parts
from hub.core.client import Client
from hub.core.release import Json
from hub.errors import InvalidValue
from hub.web.interaction import resolve
from hub.web.pages.data_page import DataPage
from hub.web.pages.orders import PATH
from hub.web.pages.page_query import PageQuery, parameters_in, read_page_query, release_in
from hub.web.service import Service
from hub.web.trace import TRACE

ROUTE: Final = f"{PATH}/{{release}}/{{type}}/{{id}}"
_CONTENT: Final = "<div id='order'></div>\n"


def order_page(service: Service) -> DataPage:
    """Return the page."""
    timeline = _Timeline(service)
    return DataPage(
        service=service,
        title="Order",
        content=_CONTENT,
        here=PATH,
        script="order",
        style="orders",
        data=timeline.data,
    )


@dataclass(frozen=True, slots=True)
class _Timeline:
    service: Service

    async def data(self, request: Request, caller: Client | None) -> Json:
        """Answer what ``$trace`` answers, in plain JSON.

        Raises:
            NotFound, InvalidValue: there is no such resource.
        """
        path = request.path_params
        release = release_in(path["release"])
        if read_page_query(request, self.service, ()).values:
            raise InvalidValue("the release of an order stands in its address")
        segments = (path["type"], path["id"], TRACE)
        handler, target = resolve(self.service, release, "GET", segments)
        call = PageQuery(release, {}).call(*segments, caller=caller)
        answer = await handler(self.service, call, target)
        return {
            "release": release.path,
            "reference": f"{target.resource_type}/{target.id}",
            **read_parts(parameters_in(answer), TRACED),
        }
