"""``/subscriptions`` and ``/subscriptions/{release}/{id}``: how Subscriptions fare, live.

Both answer the page to a browser and the data to everybody else.  What a caller may not know of is
not told here either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.types import ASGIApp

from hub.core.client import Client
from hub.core.instant import format_instant
from hub.core.json_text import parse
from hub.core.release import FhirRelease, Json, Resource
from hub.core.subscriber import Subscriber
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.condition import WORST_FIRST, Fare
from hub.engine.numbered_events import kept_instant
from hub.errors import InvalidValue, NotFound
from hub.ports import Reader
from hub.web.home import Page
from hub.web.pages.data_page import DataPage
from hub.web.pages.subscription_facts import (
    advice,
    attempt,
    name_of,
    numbers,
    request,
    summary,
)
from hub.web.pages.subscription_filter import Row, fits, read_terms
from hub.web.service import Service

MOST_SHOWN: Final = 200
"""How many Subscriptions the list tells at most, the worst first."""
MOST_ATTEMPTS: Final = 50
Titles: TypeAlias = Mapping[FhirRelease, Mapping[str, str | None]]
_RELEASES: Final = {release.path: release for release in FhirRelease}

LIST: Final = """<h1>Subscriptions</h1>
<p class='lead'>Who is told of what, and does it arrive? The worst comes first; the list follows
what happens.</p>
<div id='tools' class='tools'></div>
<p id='summary' role='status'></p>
<div id='list'></div>"""
ONE: Final = """<p class='up'><a href='/subscriptions'>All Subscriptions</a></p>
<h1>Subscription</h1>
<div id='subscription'></div>"""


def pages(service: Service) -> dict[str, ASGIApp]:
    """Return what answers at each path."""
    desk = _Desk(service)
    return {
        "/subscriptions": Page(
            service,
            DataPage(
                service=service,
                title="Subscriptions",
                content=LIST,
                here="/subscriptions",
                script="subscriptions",
                style="subscriptions",
                data=desk.overview,
            ),
        ),
        "/subscriptions/{release}/{id}": Page(
            service,
            DataPage(
                service=service,
                title="Subscription",
                content=ONE,
                here="/subscriptions",
                script="subscription",
                style="subscriptions",
                data=desk.one,
            ),
        ),
    }


class _Desk:
    """Answers the data; keeps the names of Subscriptions as long as they are not changed."""

    def __init__(self, service: Service) -> None:
        self._hub = service.hub
        self._names: dict[int, tuple[int, str]] = {}

    async def overview(self, asked: Request, caller: Client | None) -> Json:
        """Tell how all Subscriptions fare that the caller may know of, worst first.

        Raises:
            InvalidValue: ``release`` or ``q`` is of the wrong form.
        """
        hub, now = self._hub, self._hub.clock.now()
        release = asked.query_params.get("release")
        if release and release not in _RELEASES:
            raise InvalidValue(f"release must be one of {', '.join(_RELEASES)}")
        terms = read_terms(asked.query_params.get("q", ""))
        titles = self._titles()
        fares = [
            hub.fares.of(each, now)
            for each in hub.subscribers
            if not each.deleted
            and each.belonging.is_shown_to(caller)
            and release in ("", None, each.subscription.release.path)
        ]
        if terms:
            await self._learn(fares)
            fares = [each for each in fares if fits(terms, self._row(each, titles))]
        counts = Counter(each.condition for each in fares)
        fares.sort(key=lambda fare: (fare.subscriber.subscription.release, fare.subscriber.sid))
        fares.sort(key=lambda fare: (WORST_FIRST.index(fare.condition), -fare.undelivered))
        shown = fares[:MOST_SHOWN]
        await self._learn(shown)
        oldest = await hub.store.read(lambda reader: _oldest(reader, shown))
        return {
            "at": format_instant(now),
            "total": len(fares),
            "conditions": {word.value: counts[word] for word in WORST_FIRST if word in counts},
            "subscriptions": [
                {
                    **summary(self._row(each, titles)),
                    "oldestUndelivered": _written(oldest.get(each.subscriber.sid)),
                }
                for each in shown
            ],
        }

    async def one(self, asked: Request, caller: Client | None) -> Json:
        """Tell all about one Subscription.

        Raises:
            NotFound, Deleted: there is no such Subscription for this caller.
        """
        hub, now = self._hub, self._hub.clock.now()
        release = _RELEASES.get(asked.path_params["release"])
        if release is None:
            raise NotFound(f"there is no such base; there are {', '.join(_RELEASES)}")
        subscriber = hub.subscribers.named(release, asked.path_params["id"], caller=caller)
        fare = hub.fares.of(subscriber, now)
        title = self._titles()[release].get(subscriber.topic_version)
        subscription = subscriber.subscription

        def read(
            reader: Reader,
        ) -> tuple[ResourceVersion | None, Sequence[Json], Mapping[int, datetime]]:
            attempts = [
                attempt(each, subscription.channel_type, numbered=not subscription.is_classic)
                for each in reader.attempts(subscriber.sid, MOST_ATTEMPTS)
            ]
            return _head(reader, subscriber), attempts, _oldest(reader, [fare])

        head, attempts, oldest = await hub.store.read(read)
        resource = _body(head)
        return {
            "at": format_instant(now),
            **summary(Row(fare, name_of(resource), title)),
            "oldestUndelivered": _written(oldest.get(subscriber.sid)),
            **request(subscriber, resource),
            "version": None if head is None else head.version,
            "advice": advice(fare),
            "numbers": None if subscription.is_classic else numbers(fare),
            "attempts": attempts,
        }

    def _row(self, fare: Fare, titles: Titles) -> Row:
        subscriber = fare.subscriber
        _, name = self._names.get(subscriber.sid, (0, ""))
        title = titles[subscriber.subscription.release].get(subscriber.topic_version)
        return Row(fare, name, title)

    def _titles(self) -> Titles:
        topics = self._hub.registry.topics
        return {
            release: {each.topic.canonical: each.topic.title for each in topics(release)}
            for release in FhirRelease
        }

    async def _learn(self, fares: Sequence[Fare]) -> None:
        """Read the names that are not known, or were changed since."""
        unknown = [
            each.subscriber
            for each in fares
            if self._names.get(each.subscriber.sid, (0, ""))[0] != each.subscriber.generation
        ]
        if unknown:
            self._names |= await self._hub.store.read(
                lambda reader: {
                    each.sid: (each.generation, name_of(_body(_head(reader, each))))
                    for each in unknown
                }
            )


def _head(reader: Reader, subscriber: Subscriber) -> ResourceVersion | None:
    subscription = subscriber.subscription
    return reader.head(ResourceKey(subscription.release, "Subscription", subscription.id))


def _body(version: ResourceVersion | None) -> Resource:
    return {} if version is None or version.body is None else parse(version.body).value


def _oldest(reader: Reader, fares: Sequence[Fare]) -> dict[int, datetime]:
    """Return when the oldest event happened that was not delivered yet, by Subscription."""
    return {
        each.subscriber.sid: at
        for each in fares
        if each.oldest is not None
        and (at := kept_instant(reader, each.subscriber, each.oldest)) is not None
    }


def _written(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
