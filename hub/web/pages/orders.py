"""``/orders``: the newest orders of a release, how they stand, what about them is undelivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from starlette.requests import Request

from hub.core.client import Client
from hub.core.instant import format_instant
from hub.core.json_text import parse
from hub.core.release import Json, Resource
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.trace import Told
from hub.errors import InvalidSearch
from hub.ports import Reader
from hub.web.call import Call
from hub.web.page import CURSOR, address, read_page, write_cursor
from hub.web.pages.data_page import DataPage
from hub.web.pages.order_query import REQUESTS, OrderQuery, read_order_query
from hub.web.pages.page_query import RELEASE, read_page_query
from hub.web.search_request import Asked, read_search
from hub.web.search_scan import Scan
from hub.web.service import Service
from hub.web.trace import called

PATH: Final = "/orders"
_COUNT: Final = 25
_MOST: Final = 100
_MOST_SHOWN: Final = 3
_SUBJECT: Final = ("subject", "patient", "for", "deliverFor")
_PERFORMER: Final = ("owner", "performer", "supplier", "recipient", "requestedPerformer")
_ORDER: Final = ("focus", "basedOn")
_CONTENT: Final = """<h1>Orders</h1>
<p class='lead'>Requests and Tasks, those that changed last first. Open one to see who was told of
it, and whether that arrived.</p>
<div id='orders'></div>
"""


def orders_page(service: Service) -> DataPage:
    """Return the page."""
    listing = _Listing(service)
    return DataPage(
        service=service,
        title="Orders",
        content=_CONTENT,
        here=PATH,
        script="orders",
        style="orders",
        data=listing.data,
    )


@dataclass(frozen=True, slots=True)
class _Listing:
    service: Service

    async def data(self, request: Request, caller: Client | None) -> Json:
        """Answer one page of orders.

        Raises:
            InvalidSearch, InvalidValue: the address asks for what there is not.
        """
        query = read_page_query(request, self.service, ("q", "_count", CURSOR))
        pairs = {"_count": str(_COUNT)} | {
            name: value for name, value in query.values.items() if name != "q"
        }
        page = read_page(pairs.items(), replace(self.service.limits, longest_page=_MOST))
        pairs["_count"] = str(page.count)
        text = query.values.get("q", "").strip()
        there = self.service.validators[query.release].types
        wanted = read_order_query(text, [each for each in REQUESTS if each in there])
        call = query.call(caller=caller)
        searches = self._searches(call, wanted, pairs)
        found = await self._found(call, searches, page.count)
        keys = [version.key for version in found.versions]
        undelivered = await self.service.hub.tracing.undelivered(keys, caller=caller)
        further: Json = None
        if found.next_place is not None:
            asked = [(RELEASE, query.release.path), ("q", text), ("_count", pairs["_count"])]
            further = address(PATH, [*asked, (CURSOR, write_cursor(found.next_place))])
        return {
            "release": query.release.path,
            "q": text,
            "types": sorted({each.query.resource_type for each in searches}),
            "orders": [
                _row(query.release.path, version, undelivered[version.key])
                for version in found.versions
            ],
            "next": further,
        }

    def _searches(self, call: Call, wanted: OrderQuery, page: Mapping[str, str]) -> list[Asked]:
        """Return the search of each type that has all the parameters that are asked for."""
        parameters = self.service.hub.parameters[call.release]
        searches: list[Asked] = []
        refused: InvalidSearch | None = None
        for kind in wanted.types:
            for pairs in wanted.searches:
                asked = replace(call, query=(*pairs, *page.items()))
                try:
                    searches.append(read_search(parameters, asked, kind, self.service.limits))
                except InvalidSearch as error:
                    refused = refused or error
        if not searches and refused is not None:
            raise refused
        return searches

    async def _found(self, call: Call, searches: Sequence[Asked], count: int) -> _Found:
        hub, limits = self.service.hub, self.service.limits
        parameters, now = hub.parameters[call.release], hub.clock.now()

        def query(reader: Reader) -> _Found:
            found: dict[int, ResourceVersion] = {}
            frontier = 0
            for asked in searches:
                page = Scan(reader, parameters, asked, limits, now).page()
                found |= {version.seq: version for version in page.versions}
                frontier = max(frontier, page.next_place or 0)
            # What lies before the place where one search stopped is not known of all of them.
            known = sorted((seq for seq in found if seq >= frontier), reverse=True)
            more = bool(frontier) or len(known) > count
            shown = [found[seq] for seq in known[:count]]
            last = shown[-1].seq if len(known) > count else frontier
            return _Found(shown, last if more else None)

        return await self.service.read(call, query)


@dataclass(frozen=True, slots=True)
class _Found:
    """One page; ``next_place`` is the seq that the next one's cursor holds."""

    versions: list[ResourceVersion]
    next_place: int | None


def _row(release: str, version: ResourceVersion, undelivered: Sequence[Told]) -> Json:
    order = parse(version.body or b"{}").value
    status = order.get("status")
    return {
        "reference": version.key.reference,
        "page": order_address(release, version.key),
        "version": version.version,
        "status": status if isinstance(status, str) else None,
        "subject": next(_parties(order, _SUBJECT), None),
        "performers": list(islice(_parties(order, _PERFORMER), _MOST_SHOWN)),
        "order": next(_parties(order, _ORDER), None),
        "changed": format_instant(version.timestamp),
        "undelivered": len(undelivered),
        "waitingFor": sorted({called(told) for told in undelivered})[:_MOST_SHOWN],
        "standing": _worst(undelivered),
    }


def order_address(release: str, key: ResourceKey) -> str:
    """Return where the page of one order is."""
    return f"{PATH}/{release}/{key.reference}"


def _worst(undelivered: Iterable[Told]) -> Json:
    standings = {told.standing.standing.value for told in undelivered}
    return next((each for each in ("held", "retrying", "waiting") if each in standings), None)


def _parties(order: Resource, names: Iterable[str]) -> Iterator[str]:
    """Yield the references, or else identifiers, that stand in the first of some elements."""
    for name in names:
        value = order.get(name)
        found = [
            written
            for each in (value if isinstance(value, list) else [value])
            if (written := _written(each)) is not None
        ]
        if found:
            yield from found
            return


def _written(element: Json) -> str | None:
    """Return a reference as people write it; a name of somebody alone is not told."""
    if not isinstance(element, dict):
        return None
    inner = element.get("reference")
    if isinstance(inner, dict):  # a CodeableReference
        element, inner = inner, inner.get("reference")
    if isinstance(inner, str):
        return inner
    identifier = element.get("identifier")
    value = identifier.get("value") if isinstance(identifier, dict) else None
    if not isinstance(value, str):
        return None
    system = identifier.get("system") if isinstance(identifier, dict) else None
    return f"{system}|{value}" if isinstance(system, str) else value
