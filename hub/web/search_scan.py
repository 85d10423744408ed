"""Finding what a search asks for on one view of the store, page by page.

Source: http://hl7.org/fhir/search.html#results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from hub.core.release import Resource
from hub.core.search import parse_query
from hub.core.search_include import Include, Reference, closure
from hub.core.search_index import Expression, plan
from hub.core.search_parameter import SearchParameters
from hub.core.search_sort import Hit, hit, page_after
from hub.core.version import ResourceVersion
from hub.engine.resolver import Bodies, ReaderResolver
from hub.errors import InvalidSearch, InvalidValue
from hub.ports import Reader
from hub.web.limits import Limits
from hub.web.page import CURSOR
from hub.web.search_request import Asked, Total

_SCANNED_AT_ONCE: Final = 200
_REFERRED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One page; ``next_place`` is the seq that the next one's cursor holds."""

    versions: list[ResourceVersion]
    next_place: int | None
    total: int | None
    included: list[ResourceVersion] = field(default_factory=list)


class Scan:
    """A search on one view of the store."""

    def __init__(
        self,
        reader: Reader,
        parameters: SearchParameters,
        asked: Asked,
        limits: Limits,
        now: datetime,
    ) -> None:
        self._reader = reader
        self._release = parameters.release
        self._asked = asked
        self._parameters = parameters
        self._kind = asked.query.resource_type
        self._limits = limits
        self._expression: Expression
        self._expression, self._is_exact = plan(asked.query, parameters)
        self._bodies = Bodies()
        self._resolver = ReaderResolver(
            reader, parameters.release, parameters, self._bodies, now=now
        )

    def page(self) -> Found:
        """Return one page, and the number of all matches where it is asked for and affordable.

        Raises:
            InvalidSearch: there is more than can be sorted or included.
            InvalidValue: the cursor is none of this search.
        """
        if self._asked.page.count == 0:
            return Found([], None, self._total())
        found = self._sorted_page() if self._asked.rules else self._newest_page()
        if not self._asked.includes:
            return found
        return replace(found, included=self._included(found.versions))

    def _newest_page(self) -> Found:
        page, total = self._asked.page, self._total()
        found: list[ResourceVersion] = []
        for scanned, version in enumerate(self._candidates(page.before, page.count + 1), 1):
            matches = self._is_exact or self._matching(version) is not None
            if matches and len(found) == page.count:
                return Found(found, found[-1].seq, total)
            if matches:
                found.append(version)
            if scanned >= self._limits.scanned and not self._is_exact:
                return Found(found, version.seq, total)
        return Found(found, None, total)

    def _sorted_page(self) -> Found:
        rules, page = self._asked.rules, self._asked.page
        most = self._limits.sorted
        count = self._count()
        if count > most:
            raise InvalidSearch(
                f"_sort: {count} resources are candidates, at most {most} are sorted; add "
                "conditions, or use _sort=-_lastUpdated, which has no bound"
            )
        hits = [
            hit(rules, version.seq, resource)
            for version in self._candidates(None, count + 1)
            if (resource := self._matching(version)) is not None
        ]
        after = None if page.before is None else self._place(page.before)
        shown, has_more = page_after(rules, hits, after, page.count)
        versions = self._reader.at(one.seq for one in shown)
        return Found(
            [versions[one.seq] for one in shown],
            shown[-1].seq if has_more else None,
            None if self._asked.total is Total.NONE else len(hits),
        )

    def _place(self, seq: int) -> Hit:
        """Return where the last hit of the page before stood, whatever became of it since."""
        version = self._reader.at([seq]).get(seq)
        resource = None if version is None else self._bodies.of(version)
        of_this = (self._release, self._kind)
        if (
            version is None
            or resource is None
            or (version.key.release, version.key.resource_type) != of_this
        ):
            raise InvalidValue(f"{CURSOR} is none of this search; start from the first page")
        return hit(self._asked.rules, seq, resource)

    def _included(self, matches: Iterable[ResourceVersion]) -> list[ResourceVersion]:
        resources = [self._bodies.of(version) for version in matches]
        found = closure(
            self._asked.includes,
            [resource for resource in resources if resource is not None],
            lambda reference: self._resolver.read(*reference),
            self._referrers,
            most=self._limits.included,
        )
        versions = [self._resolver.version(*reference) for reference in found]
        return [version for version in versions if version is not None]

    def _referrers(self, include: Include, targets: Sequence[Reference]) -> Iterator[Resource]:
        """Yield what refers to ``targets``; past what may be included it matters no more."""
        most = self._limits.included + self._limits.longest_page + 1
        for parameter in include.parameters:
            possible = [target for target in targets if target[0] in parameter.targets]
            for start in range(0, len(possible), _REFERRED_AT_ONCE):
                some = possible[start : start + _REFERRED_AT_ONCE]
                asked = ",".join("/".join(target) for target in some)
                query = parse_query(self._parameters, include.source, [(parameter.code, asked)])
                for _, resource in self._resolver.matching(query, most):
                    yield resource

    def _candidates(self, before: int | None, wanted: int) -> Iterator[ResourceVersion]:
        """Yield what the index selects, newest first."""
        count = wanted if self._is_exact else _SCANNED_AT_ONCE
        count = min(count, self._limits.longest_page + 1)
        while True:
            some = self._reader.search(
                self._release, self._kind, self._expression, count=count, before=before
            )
            yield from some
            if len(some) < count:
                return
            before = some[-1].seq

    def _matching(self, version: ResourceVersion) -> Resource | None:
        """Return the resource of a candidate if it matches."""
        resource = self._bodies.of(version)
        if resource is None or self._is_exact:
            return resource
        return resource if self._asked.query.matches(resource, self._resolver) else None

    def _total(self) -> int | None:
        """Count all matches; None where too many candidates would have to be looked at."""
        if self._asked.total is Total.NONE:
            return None
        count = self._count()
        if self._is_exact or self._asked.total is Total.ESTIMATE:
            return count
        if count > self._limits.scanned:
            return None
        return sum(self._matching(version) is not None for version in self._candidates(None, 1))

    def _count(self) -> int:
        return self._reader.count(self._release, self._kind, self._expression)
