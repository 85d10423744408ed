"""Search on a type, by GET and by POST of a form.

Source: http://hl7.org/fhir/search.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from hub.core.json_text import parse
from hub.core.release import Json, Resource
from hub.core.search import Query, parse_query
from hub.core.search_index import Expression, plan
from hub.core.search_parameter import SearchParameters
from hub.core.version import ResourceVersion
from hub.engine.resolver import ReaderResolver
from hub.errors import InvalidSearch
from hub.ports import Reader
from hub.web.call import Answer, Call
from hub.web.limits import Limits
from hub.web.page import CURSOR, PRESENTATION, Page, bundle_of, links, read_page
from hub.web.service import Service
from hub.web.target import Target

_RESULT: Final = {
    "_total": ("none", "estimate", "accurate"),
    "_summary": ("false", "count"),
    "_sort": ("-_lastUpdated",),
}
"""Parameters about the result as a whole, and the values that are offered."""

_SCANNED_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search as it is understood; ``ignored`` are the parameters that are unknown."""

    query: Query
    used: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]
    page: Page
    is_counted: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """One page; ``next_before`` is the seq before which the next one starts."""

    versions: list[ResourceVersion]
    next_before: int | None
    total: int | None


async def search(service: Service, call: Call, target: Target) -> Answer:
    """Answer the resources of a type that match, those that changed last first.

    Raises:
        InvalidSearch, InvalidValue: a parameter is unknown or can't be evaluated.
    """
    asked = _read(service, call, target)
    release, parameters = call.release, service.hub.parameters[call.release]
    expression, is_exact = plan(asked.query, parameters)

    def query(reader: Reader) -> _Found:
        scan = _Scan(reader, parameters, asked.query, expression, is_exact, service.limits)
        return scan.page(asked.page, is_counted=asked.is_counted)

    found = await service.hub.store.read(query)
    base = service.hub.base_url(release)
    entries: list[Json] = [
        {
            "fullUrl": f"{base}/{version.key.reference}",
            "resource": orjson.Fragment(version.body or b"null"),
            "search": {"mode": "match"},
        }
        for version in found.versions
    ]
    if asked.ignored:
        entries.append({"resource": _ignored(asked), "search": {"mode": "outcome"}})
    where = f"{base}/{target.resource_type}"
    link = links(where, asked.used, asked.page, found.next_before)
    body = orjson.dumps(bundle_of("searchset", entries, link=link, total=found.total))
    return Answer(status=200, body=body)


def _read(service: Service, call: Call, target: Target) -> _Asked:
    parameters = service.hub.parameters[call.release]
    page = read_page(call.query, service.limits)
    criteria: list[tuple[str, str]] = []
    used: list[tuple[str, str]] = []
    ignored: list[str] = []
    is_counted = False
    for name, value in call.query:
        if name in PRESENTATION:
            continue
        if name in _RESULT and value in _RESULT[name]:
            is_counted = is_counted or (name, value) in {
                ("_total", "accurate"),
                ("_summary", "count"),
            }
            if (name, value) == ("_summary", "count"):
                page = Page(0)
        elif name in _RESULT and not call.prefer.lenient:
            allowed = ", ".join(_RESULT[name])
            raise InvalidSearch(f"{name}={value[:64]} is not offered; allowed: {allowed}")
        elif name not in {"_count", CURSOR}:
            if call.prefer.lenient and not _is_known(parameters, target.resource_type, name):
                ignored.append(name[:64])
                continue
            criteria.append((name, value))
        used.append((name, value))
    return _Asked(
        query=parse_query(parameters, target.resource_type, criteria),
        used=tuple(used),
        ignored=tuple(ignored),
        page=page,
        is_counted=is_counted or page.count == 0,
    )


def _is_known(parameters: SearchParameters, resource_type: str, name: str) -> bool:
    code = name.partition(":")[0].partition(".")[0]
    return code == "_has" or parameters.get(resource_type, code) is not None


def _ignored(asked: _Asked) -> Resource:
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "warning",
                "code": "not-supported",
                "diagnostics": f"the unknown search parameter {name!r} was ignored",
            }
            for name in asked.ignored
        ],
    }


@dataclass(frozen=True, slots=True)
class _Scan:
    """A search on one view of the store."""

    reader: Reader
    parameters: SearchParameters
    query: Query
    expression: Expression
    is_exact: bool
    limits: Limits

    def page(self, page: Page, *, is_counted: bool) -> _Found:
        """Return one page, and the number of all matches where it is asked for and affordable."""
        total = self._total() if is_counted else None
        if page.count == 0:
            return _Found([], None, total)
        found: list[ResourceVersion] = []
        candidates = self._candidates(page.before, page.count + 1)
        for scanned, (version, matches) in enumerate(candidates, 1):
            if matches and len(found) == page.count:
                return _Found(found, found[-1].seq, total)
            if matches:
                found.append(version)
            if scanned >= self.limits.scanned and not self.is_exact:
                return _Found(found, version.seq, total)
        return _Found(found, None, total)

    def _candidates(
        self, before: int | None, wanted: int
    ) -> Iterator[tuple[ResourceVersion, bool]]:
        release, kind = self.parameters.release, self.query.resource_type
        resolver = ReaderResolver(self.reader, release, self.parameters)
        count = wanted if self.is_exact else _SCANNED_AT_ONCE
        while True:
            some = self.reader.search(release, kind, self.expression, count=count, before=before)
            for version in some:
                if version.body is not None:
                    yield (
                        version,
                        self.is_exact or self.query.matches(parse(version.body).value, resolver),
                    )
            if len(some) < count:
                return
            before = some[-1].seq

    def _total(self) -> int | None:
        """Count all matches; None where too many candidates would have to be looked at."""
        release, kind = self.parameters.release, self.query.resource_type
        count = self.reader.count(release, kind, self.expression)
        if self.is_exact:
            return count
        if count > self.limits.scanned:
            return None
        return sum(matches for _, matches in self._candidates(None, 1))
