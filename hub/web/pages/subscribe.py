"""``/subscribe``: a form that makes a Subscription; what it would be is tried as one types.

``GET`` answers what can be asked for, ``POST`` what a form (``hub.codecs.subscription_form``) is in
each release and what a create would say of it there.  Nothing is stored and nothing is sent.

Source: http://hl7.org/fhir/resource-operation-validate.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.codecs.outcome import outcome
from hub.codecs.subscription import MASK
from hub.codecs.subscription_form import LISTS, TEXTS, read_form
from hub.core.client import Client
from hub.core.json_text import dumps, parse
from hub.core.refusals import Refusals, joined
from hub.core.release import FhirRelease, Json, Resource
from hub.core.subscription import ChannelType, PayloadContent, Subscription
from hub.errors import InvalidResource, Issue, MethodNotAllowed
from hub.settings import Settings
from hub.web.head import Head
from hub.web.home import Page, json_answer
from hub.web.pages.data_page import DataPage
from hub.web.pages.subscribe_form import subscribe_form
from hub.web.request import read_body
from hub.web.response import respond
from hub.web.service import Service
from hub.web.topics import listed_topics
from hub.web.validate import tried

_LEAD: Final = (
    "<h1>Subscribe</h1><p class='lead'>Choose what to be told of, and how. Nothing is stored "
    "before you create it; what the hub would say is told as you type.</p>"
)
_POSTED: Final = (ChannelType.REST_HOOK, ChannelType.MESSAGE)
_JSON_TYPES: Final = ("application/fhir+json", "application/json")
_XML_TYPES: Final = ("application/fhir+xml", "application/xml")
_MAIL_TYPES: Final = (
    "text/plain",
    "text/html",
    "text/plain;attach=application/fhir+json",
    "text/html;attach=application/fhir+json",
)
_FIELDS: Final = {
    "Subscription.criteria": "topic",
    "Subscription.channel.type": "channelType",
    "Subscription.channel.endpoint": "endpoint",
    "Subscription.channel.header": "parameter",
}
"""The fields that elements of R4 and R4B are made of; others are told apart by the refusal."""
_filter_place = re.compile(r"Subscription\.criteria\.extension\[(\d+)\].*")
_known = re.compile(rf"Subscription\.((?:{'|'.join((*TEXTS, *LISTS))})(?:\[\d+\])?)(?:\..*)?")


def pages(service: Service, settings: Settings) -> dict[str, ASGIApp]:
    """Return what answers at each path; of ``settings`` it tells what a form may ask for."""

    async def data(_: Request, __: Client | None) -> Json:
        return _offered(service, settings)

    shown = DataPage(
        service=service,
        title="Subscribe",
        content=f"{_LEAD}{subscribe_form()}",
        here="/subscribe",
        script="create",
        data=data,
        style="create",
    )
    return {"/subscribe": _Subscribe(service, Page(service, shown))}


@dataclass(frozen=True, slots=True)
class _Subscribe:
    """Answers forms, and leaves all else to the page."""

    service: Service
    page: Page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if request.method == "POST":
            response = await self._try(request)
            await response(scope, receive, send)
        elif request.method in {"GET", "HEAD"}:
            await self.page(scope, receive, send)
        else:
            methods = ("GET", "HEAD", "POST")
            error = MethodNotAllowed(f"{request.method[:16]} is not offered here")
            response = (
                Response(status_code=204, headers={"allow": ", ".join(("OPTIONS", *methods))})
                if request.method == "OPTIONS"
                else respond(self.service.refusal(error), allow=methods)
            )
            await response(scope, receive, send)

    async def _try(self, request: Request) -> Response:
        service = self.service
        caller = service.callers.caller(request.headers.getlist("authorization"))
        service.callers.require(caller)
        body = await read_body(Head(request.scope), request.receive, service.limits.body_bytes)
        if not body.strip():
            raise InvalidResource("a form in the body is missing", expression="Subscription")
        refusals = Refusals()
        subscription = read_form(parse(body).value, refusals)
        wrong = _refused(refusals)
        return json_answer(
            {
                release.value: self._in(release, subscription, wrong, caller)
                for release in FhirRelease
            }
        )

    def _in(
        self,
        release: FhirRelease,
        subscription: Subscription,
        wrong: list[Json],
        caller: Client | None,
    ) -> dict[str, Json]:
        """Return what a Subscription is in a release, and what a create would say of it."""
        url = f"{self.service.hub.base_url(release)}/Subscription"
        if not subscription.topic:
            return {"url": url, "accepted": False, "resource": None, "issues": wrong}
        codec = self.service.hub.codecs[release]
        there = replace(subscription, release=release)
        masked = tuple((name, MASK) for name, _ in there.parameter)
        resource = codec.encode_subscription(there)
        written, issues = tried(self.service, release, parse(dumps(resource)), caller=caller)
        told = _issues(written, issues)
        accepted = not wrong and not any(each["severity"] in _ERRORS for each in told)
        return {
            "url": url,
            "accepted": accepted,
            "resource": resource,
            "shown": codec.encode_subscription(replace(there, parameter=masked)),
            "issues": told if accepted else [*wrong, *_only_errors(told)],
        }


_ERRORS: Final = ("error", "fatal")


def _only_errors(told: Iterable[Json]) -> list[Json]:
    return [each for each in told if each["severity"] in _ERRORS]


def _refused(refusals: Refusals) -> list[Json]:
    """Return what no release would take."""
    if not refusals.found:
        return []
    error = joined(refusals.found)
    return _issues(outcome(error), error.issues)


def _issues(written: Resource, issues: Iterable[Issue]) -> list[Json]:
    """Return the issues of an OperationOutcome, each with the field that it is about."""
    found = []
    for told, issue in zip(written["issue"], issues, strict=True):
        coding = told.get("details", {}).get("coding", [{}])[0]
        slug = coding.get("code")
        found.append(
            {
                "severity": told["severity"],
                "slug": slug,
                "words": told["diagnostics"],
                "expression": told.get("expression", [None])[0],
                "field": _field(issue.r5_element or issue.expression or "", slug),
                "help": slug and f"/errors/{slug}",
            }
        )
    return found


def _field(element: str, slug: str | None) -> str | None:
    """Return the field of the form that an element is made of, ``filterBy[0]``; None for others."""
    if match := _known.fullmatch(element):
        return match[1]
    if match := _filter_place.fullmatch(element):
        return f"filterBy[{match[1]}]"
    if element == "Subscription.channel.payload":
        return "contentType" if slug == "payload-not-supported" else "content"
    return _FIELDS.get(element.partition("[")[0])


def _offered(service: Service, settings: Settings) -> dict[str, Json]:
    """Return what a form may ask for."""
    types = (*_JSON_TYPES, *(_XML_TYPES if service.has_xml else ()))
    scheme = "http:// or https://" if settings.allow_http else "https://"
    return {
        "releases": {release.value: service.hub.base_url(release) for release in FhirRelease},
        "topics": [each for each in listed_topics(service) if each["status"] == "active"],
        "channels": [
            {
                "code": channel.value,
                "offered": channel is not ChannelType.EMAIL or settings.smtp is not None,
                "own": service.demo.get("endpoint") if channel in _POSTED else None,
                "endpoint": f"{scheme}..." if channel in _POSTED else _MAILTO.get(channel),
                "headers": channel is not ChannelType.WEBSOCKET,
                "contentTypes": list(_MAIL_TYPES if channel is ChannelType.EMAIL else types),
            }
            for channel in ChannelType
        ],
        "contents": _levels(settings),
        "fields": {
            "texts": list(TEXTS),
            "lists": {name: list(each) for name, each in LISTS.items()},
        },
    }


_MAILTO: Final = {ChannelType.EMAIL: "mailto:ward@example.org"}


def _levels(settings: Settings) -> list[Json]:
    """Return the content levels, each with the channels that may not carry it."""
    levels = list(PayloadContent)
    most = levels.index(settings.email_content)
    return [
        {"code": level.value, "notBy": [ChannelType.EMAIL.value] if index > most else []}
        for index, level in enumerate(levels)
    ]
