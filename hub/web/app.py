"""The application: every address of the hub, and what stands around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.codecs.validation import Validator
from hub.core.release import CLASSIC, FhirRelease
from hub.engine.hub import Hub, base_url
from hub.engine.remote_intake import RemoteIntake
from hub.errors import NotFound
from hub.ports import Clock, Codec
from hub.settings import Settings, read_token
from hub.web import guide, health, home, opt_in, topics
from hub.web.callers import Callers
from hub.web.demo import Demo
from hub.web.demo import pages as demo_pages
from hub.web.endpoint import FhirEndpoint
from hub.web.guard import Guard, Hosts, Origins
from hub.web.home import Page
from hub.web.limits import Limits
from hub.web.pages import explain, order, orders, subscribe, subscriptions
from hub.web.service import Service
from hub.web.socket import SocketEndpoint


def create_app(
    hub: Hub,
    *,
    validators: Mapping[FhirRelease, Validator],
    settings: Settings,
    limits: Limits | None = None,
    has_xml: bool = True,
    demo: Demo | None = None,
) -> ASGIApp:
    """Return the ASGI application of a running hub.

    Args:
        hub: the engine.
        validators: the check of each release.
        settings: ``cors_origins``, ``host``, ``max_body``, ``clients`` and ``admin_token_file``
            are used.
        limits: what a request may ask for, the defaults with ``max_body`` where None.
        has_xml: whether to offer XML, which takes the extra ``xml``.
        demo: what a demo has to show; None elsewhere.

    Raises:
        SettingsError: there is no sound token in ``admin_token_file``, or a client has it, too.
    """
    service = Service(
        hub=hub,
        validators=validators,
        limits=limits or Limits(body_bytes=settings.max_body),
        started=hub.clock.now(),
        callers=callers_of(settings),
        has_xml=has_xml,
        demo={} if demo is None else demo.addresses(hub.public_url),
    )
    routes: list[BaseRoute] = []
    shown = home.pages(service) | guide.pages(service) | subscriptions.pages(service)
    shown |= topics.pages(service, settings.topics) | subscribe.pages(service, settings)
    shown |= health.pages(service, settings)
    shown |= {} if demo is None else demo_pages(service, demo)
    for each in (orders.orders_page(service), explain.explain_page(service)):
        shown[each.here] = Page(service, each)
    shown[order.ROUTE] = Page(service, order.order_page(service))
    for path, page in shown.items():
        routes.append(Route(path, page))
    routes.append(Route(opt_in.ROUTE, opt_in.OptInPage(service)))
    routes.append(WebSocketRoute("/ws", SocketEndpoint(service, CLASSIC)))
    for release in CLASSIC:
        path = f"/ws/{release.path}"
        routes.append(WebSocketRoute(path, SocketEndpoint(service, (release,))))
    router = Router(routes, redirect_slashes=False, default=_not_found)
    origins = Origins(settings.cors_origins, hub.public_url)
    hosts = Hosts(settings.host, hub.public_url)
    return Guard(FhirEndpoint(service), router, service, origins, hosts)


@dataclass(frozen=True, slots=True)
class WritingHub:
    """What plain writes need of a ``hub.engine.hub.Hub`` that is another process."""

    intake: RemoteIntake
    clock: Clock
    codecs: Mapping[FhirRelease, Codec]
    public_url: str

    def base_url(self, release: FhirRelease) -> str:
        """Return the base URL of a release, without a slash at its end."""
        return base_url(self.public_url, release)


def create_writing_app(
    hub: WritingHub,
    *,
    validators: Mapping[FhirRelease, Validator],
    settings: Settings,
    limits: Limits,
    callers: Callers,
    has_xml: bool,
) -> ASGIApp:
    """Return what answers plain writes (``hub.web.plain_write``) as the hub does.

    Args:
        callers: who may call.
        hub, validators, settings, limits, has_xml: as of ``create_app``.
    """
    service = Service(
        # Nothing else of it is asked for by plain writes.
        hub=cast("Hub", hub),
        validators=validators,
        limits=limits,
        started=hub.clock.now(),
        callers=callers,
        has_xml=has_xml,
    )
    origins = Origins(settings.cors_origins, hub.public_url)
    hosts = Hosts(settings.host, hub.public_url)
    return Guard(FhirEndpoint(service), _not_found, service, origins, hosts, process="w")


def callers_of(settings: Settings) -> Callers:
    """Return who may call.

    Raises:
        SettingsError: there is no sound token in ``admin_token_file``, or a client has it, too.
    """
    token_file = settings.admin_token_file
    return Callers(settings.clients, None if token_file is None else read_token(token_file))


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    raise NotFound("there is nothing at this address")
