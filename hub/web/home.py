"""Pages for people, and their JSON: ``/``, ``/errors``, health and readiness."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.codecs.outcome import ERROR_SYSTEM
from hub.core.release import CLASSIC, FhirRelease, Json
from hub.error_catalogue import catalogue, explained
from hub.errors import MethodNotAllowed, NotFound
from hub.web import home_page, live_page
from hub.web.frame import CONTENT_SECURITY
from hub.web.media_type import prefers_html
from hub.web.metadata import software_version
from hub.web.response import respond
from hub.web.service import Service

Handler = Callable[[Request], Awaitable[Response]]


class Page:
    """One address that answers GET and HEAD."""

    def __init__(self, service: Service, handler: Handler) -> None:
        self._service = service
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if request.method in {"GET", "HEAD"}:
            response = await self._handler(request)
        elif request.method == "OPTIONS":
            response = Response(status_code=204, headers={"allow": "GET, HEAD, OPTIONS"})
        else:
            error = MethodNotAllowed(f"{request.method[:16]} is not offered here; allowed: GET")
            response = respond(self._service.refusal(error), allow=("GET", "HEAD"))
        await response(scope, receive, send)


def pages(service: Service) -> dict[str, ASGIApp]:
    """Return what answers at each path."""
    home = _Home(service)
    found: dict[str, Handler] = {
        "/": home.home,
        "/fhir": home.to_home,
        "/healthz": home.health,
        "/readyz": home.readiness,
        "/errors": home.errors,
        "/errors/{slug}": home.error,
        "/ws": home.upgrade_required,
        **{f"/ws/{release.path}": home.upgrade_required for release in CLASSIC},
    }
    for file in resources.files("hub.web").joinpath("static").iterdir():
        found[f"/static/{file.name}"] = _static(file.name, file.read_bytes())
    return {path: Page(service, handler) for path, handler in found.items()}


def _static(name: str, content: bytes) -> Handler:
    """Answer a file; browsers ask whether it is still the same, or they would mix two versions."""
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"cache-control": "no-cache", "etag": etag}

    async def answer(request: Request) -> Response:
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return answer


@dataclass(frozen=True, slots=True)
class _Home:
    service: Service

    async def home(self, request: Request) -> Response:
        """Answer what this hub is, how it fares, and what to try."""
        return either(request, self._about(), live_page.live)

    async def to_home(self, _: Request) -> Response:
        """Lead to the bases."""
        return RedirectResponse(f"{self.service.hub.public_url}/", status_code=307)

    async def health(self, _: Request) -> Response:
        """Answer that the process turns its loop."""
        return json_answer({"status": "ok"})

    async def readiness(self, _: Request) -> Response:
        """Answer whether requests should be sent here: not while stopping, nor without a store."""
        hub = self.service.hub
        if hub.draining:
            return _not_ready("the hub is stopping")
        try:
            await hub.store.read(lambda reader: reader.attempts(0, 1))
        except Exception:
            return _not_ready("the store can't be read")
        return json_answer({"status": "ready"})

    async def errors(self, request: Request) -> Response:
        """Answer every refusal of the hub, explained."""
        value: dict[str, Json] = {
            "system": ERROR_SYSTEM,
            "errors": [explained(kind) for kind in catalogue().values()],
        }
        return either(request, value, home_page.errors)

    async def error(self, request: Request) -> Response:
        """Answer one refusal, explained."""
        kind = catalogue().get(request.path_params["slug"])
        if kind is None:
            raise NotFound("there is no such refusal; GET /errors lists them")
        return either(request, {"system": ERROR_SYSTEM, **explained(kind)}, home_page.error)

    async def upgrade_required(self, _: Request) -> Response:
        """Answer a plain request to the address of websockets."""
        return Response(
            orjson.dumps({"status": "upgrade required", "allowed": "websocket"}),
            status_code=426,
            media_type="application/json",
            headers={"upgrade": "websocket"},
        )

    def _about(self) -> dict[str, Json]:
        hub = self.service.hub
        topics: dict[str, dict[str, Json]] = {}
        for release in FhirRelease:
            for compiled in hub.registry.topics(release):
                topic = compiled.topic
                entry = topics.setdefault(
                    topic.canonical,
                    {"topic": topic.canonical, "title": topic.title, "releases": []},
                )
                entry["releases"].append(release.value)
        alive = [
            each.subscription
            for each in hub.subscribers
            if not (each.deleted or each.subscription.administrative)
        ]
        return {
            "name": "fhir-hub",
            "version": software_version(),
            "status": "stopping" if hub.draining else "ok",
            "bases": {release.value: hub.base_url(release) for release in FhirRelease},
            "metadata": {
                release.value: f"{hub.base_url(release)}/metadata" for release in FhirRelease
            },
            "websocket": hub.websocket_url,
            "health": f"{hub.public_url}/healthz",
            "ready": f"{hub.public_url}/readyz",
            "guides": f"{hub.public_url}/guides",
            "errors": f"{hub.public_url}/errors",
            "subscriptions": {
                "total": len(alive),
                **{
                    status: sum(each.status == status for each in alive)
                    for status in sorted({each.status.value for each in alive})
                },
            },
            "topics": sorted(topics.values(), key=lambda each: str(each["topic"])),
            **({"demo": dict(self.service.demo)} if self.service.demo else {}),
            "try": home_page.commands(hub.public_url, hub.base_url(FhirRelease.R4)),
        }


def either(
    request: Request, value: dict[str, Json], write: Callable[[dict[str, Json]], str]
) -> Response:
    """Answer a page to a browser, JSON to everybody else."""
    if prefers_html(request.headers.get("accept"), request.query_params.get("_format")):
        return html_answer(write(value))
    return json_answer(value)


def html_answer(text: str, status: int = 200) -> Response:
    """Return a page."""
    return Response(
        text,
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers={
            "content-security-policy": CONTENT_SECURITY,
            "referrer-policy": "no-referrer",
            "cache-control": "no-cache",
            "vary": "Accept",
        },
    )


def json_answer(value: Json, status: int = 200) -> Response:
    """Return an answer in JSON for people and programs."""
    return Response(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-cache", "vary": "Accept"},
    )


def _not_ready(reason: str) -> Response:
    response = json_answer({"status": "not ready", "reason": reason}, 503)
    response.headers["retry-after"] = "5"
    return response
