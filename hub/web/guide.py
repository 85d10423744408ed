"""``/guides`` and ``/guides/{name}``: the how-tos, as pages, as Markdown and as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from hub.core.release import Json
from hub.errors import NotFound
from hub.guides.guide import NAMES, Guide, guides, read
from hub.web import guide_page
from hub.web.home import Page, either
from hub.web.media_type import MARKDOWN, prefers_markdown
from hub.web.service import Service


def pages(service: Service) -> dict[str, ASGIApp]:
    """Return what answers at each path."""
    shelf = _Shelf(service.hub.public_url)
    return {
        "/guides": Page(service, shelf.guides),
        "/guides/{name}": Page(service, shelf.guide),
    }


@dataclass(frozen=True, slots=True)
class _Shelf:
    public_url: str

    async def guides(self, request: Request) -> Response:
        """Answer which guides there are."""
        listed = list(guides())
        if _wants_markdown(request):
            lines = [f"- [{each.title}]({self._url(each)}): {each.lead}\n" for each in listed]
            return _markdown("".join(["# Guides\n\n", *lines]))
        value: dict[str, Json] = {"guides": [self._told(each) for each in listed]}
        return either(request, value, lambda _: guide_page.guides(listed))

    async def guide(self, request: Request) -> Response:
        """Answer one guide."""
        name = request.path_params["name"]
        if name not in NAMES:
            raise NotFound("there is no such guide; GET /guides lists them")
        found = read(name)
        if _wants_markdown(request):
            return _markdown(found.text)
        value = {**self._told(found), "markdown": found.text}
        return either(request, value, lambda _: guide_page.guide(found, self.public_url))

    def _told(self, guide: Guide) -> dict[str, Json]:
        return {
            "name": guide.name,
            "title": guide.title,
            "lead": guide.lead,
            "url": self._url(guide),
        }

    def _url(self, guide: Guide) -> str:
        return f"{self.public_url}/guides/{guide.name}"


def _wants_markdown(request: Request) -> bool:
    return prefers_markdown(request.headers.get("accept"), request.query_params.get("_format"))


def _markdown(text: str) -> Response:
    return Response(
        text,
        media_type=f"{MARKDOWN}; charset=utf-8",
        headers={"cache-control": "no-cache", "vary": "Accept"},
    )
