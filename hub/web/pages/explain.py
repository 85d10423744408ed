"""``/explain``: why a change was, or would be, told to whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from hub.codecs.parameter_parts import EXPLAINED, read_parts
from hub.core.client import Client
from hub.core.release import Json
from hub.errors import InvalidValue
from hub.web.explain import CASE, EXPLAIN
from hub.web.interaction import resolve
from hub.web.pages.data_page import DataPage
from hub.web.pages.page_query import parameters_in, read_page_query
from hub.web.service import Service

PATH: Final = "/explain"
_REFERENCE: Final = "reference"
_ASKED: Final = ("version", "subscription", "topic", CASE)
_LOCAL: Final = re.compile(r"[A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_CONTENT: Final = """<h1>Explain</h1>
<p class='lead'>Why was somebody told of a change, or not? Choose a change that was made, or make
one up: you see which topics fire, which filters let it through, and the clause that failed.</p>
<div id='explain'></div>
"""


def explain_page(service: Service) -> DataPage:
    """Return the page."""
    asking = _Asking(service)
    return DataPage(
        service=service,
        title="Explain",
        content=_CONTENT,
        here=PATH,
        script="explain",
        style="orders",
        data=asking.data,
    )


@dataclass(frozen=True, slots=True)
class _Asking:
    service: Service

    async def data(self, request: Request, caller: Client | None) -> Json:
        """Answer what ``$explain`` answers, in plain JSON; how to ask where nothing is asked.

        Raises:
            NotFound, Deleted: there is no such version, Subscription or topic.
            InvalidValue: the address asks for what there is not.
        """
        query = read_page_query(request, self.service, (_REFERENCE, *_ASKED))
        reference = query.values.pop(_REFERENCE, "")
        asked = {name: value for name, value in query.values.items() if value}
        if not reference:
            if asked:
                raise InvalidValue(f"{', '.join(asked)} need a {_REFERENCE} such as Task/17")
            return {
                "release": query.release.path,
                "ask": f"{PATH}?release={query.release.path}&reference=Task/17&subscription=ID",
            }
        if not _LOCAL.fullmatch(reference):
            raise InvalidValue(f"{_REFERENCE} must be a type and an id, such as Task/17")
        asked["subscription"] = asked.get("subscription", "").rpartition("/")[2]
        segments = (*reference.split("/"), EXPLAIN)
        handler, target = resolve(self.service, query.release, "GET", segments)
        given = {name: value for name, value in asked.items() if value}
        call = query.call(*segments, caller=caller, **given)
        answer = await handler(self.service, call, target)
        return {
            "release": query.release.path,
            "reference": reference,
            **read_parts(parameters_in(answer), EXPLAINED),
        }
