"""``/topics`` and ``/topics/{name}``: what can be subscribed to, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from hub.core.release import Json
from hub.core.topic import SubscriptionTopic, bare_type
from hub.core.topic_description import described
from hub.web import topic_page
from hub.web.home import Page, either
from hub.web.service import Service
from hub.web.topic_catalogue import TopicCatalogue, TruthTables


def pages(service: Service, folders: Sequence[Path]) -> dict[str, ASGIApp]:
    """Return what answers at each path; in ``folders`` are truth tables."""
    shown = _Topics(service, TruthTables(folders))
    return {
        "/topics": Page(service, shown.topics),
        "/topics/{name:path}": Page(service, shown.topic),
    }


def listed_topics(service: Service) -> list[Json]:
    """Return the topics, each in its newest version, in short."""
    catalogue = TopicCatalogue(service.hub.registry)
    return [_listed(service, catalogue, each) for each in catalogue.newest()]


@dataclass(frozen=True, slots=True)
class _Topics:
    service: Service
    tables: TruthTables

    async def topics(self, request: Request) -> Response:
        """Answer which topics there are."""
        return either(request, {"topics": listed_topics(self.service)}, topic_page.topics)

    async def topic(self, request: Request) -> Response:
        """Answer what one topic tells."""
        hub = self.service.hub
        catalogue = TopicCatalogue(hub.registry)
        topic = catalogue.find(request.path_params["name"])
        compiled = catalogue.compiled(topic, hub.parameters)
        value = {
            **described(catalogue.name(topic.url), topic, compiled),
            "page": f"{hub.public_url}{catalogue.page(topic)}",
            "versions": [
                {
                    "version": each.version,
                    "status": each.status,
                    "page": f"{hub.public_url}{catalogue.page(each)}",
                }
                for each in catalogue.versions(topic.url)
            ],
            "cases": self.tables.rows(topic),
        }
        return either(request, value, topic_page.topic)


def _listed(
    service: Service, catalogue: TopicCatalogue, topic: SubscriptionTopic
) -> dict[str, Json]:
    urls = [
        *(each.resource for each in topic.resource_triggers),
        *(each.resource for each in topic.event_triggers),
    ]
    resources = {bare_type(url) or url for url in urls}
    return {
        "name": catalogue.name(topic.url),
        "canonical": topic.canonical,
        "status": topic.status,
        "title": topic.title,
        "description": topic.description,
        "resources": sorted(resources),
        "releases": list(catalogue.releases(topic)),
        "page": f"{service.hub.public_url}{catalogue.page(topic)}",
    }
