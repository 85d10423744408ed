"""What the address of a page asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from starlette.requests import Request

from hub.core.client import Client
from hub.core.json_text import parse
from hub.core.release import FhirRelease, Json
from hub.errors import InvalidValue, NotFound
from hub.web.call import Answer, Call
from hub.web.endpoint import RELEASES
from hub.web.page import PRESENTATION
from hub.web.request import read_query
from hub.web.service import Service

RELEASE = "release"


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The parameters of a page, each given once; what is absent is not in ``values``."""

    release: FhirRelease
    values: dict[str, str]

    def call(self, *segments: str, caller: Client | None, **more: str) -> Call:
        """Return the FHIR interaction that answers what the page shows."""
        return Call(
            release=self.release,
            method="GET",
            segments=segments,
            query=tuple(more.items()),
            client=caller,
        )


def read_page_query(request: Request, service: Service, names: Collection[str]) -> PageQuery:
    """Read the query of a page: ``names``, and ``release``, which is R4 where it is absent.

    Raises:
        InvalidValue: another parameter is there, or one twice, or it is no release.
    """
    allowed = (RELEASE, *names)
    values: dict[str, str] = {}
    for name, value in read_query(request.scope["query_string"], service.limits):
        if name in PRESENTATION:
            continue
        if name not in allowed:
            raise InvalidValue(
                f"{name[:64]!r} is no parameter of this page; allowed: {', '.join(allowed)}"
            )
        if name in values:
            raise InvalidValue(f"{name} may be given once")
        values[name] = value
    wanted = values.pop(RELEASE, FhirRelease.R4.path)
    if wanted not in RELEASES:
        raise InvalidValue(f"{RELEASE} must be one of {', '.join(RELEASES)}")
    return PageQuery(RELEASES[wanted], values)


def release_in(path: str) -> FhirRelease:
    """Return the release that a segment of an address names.

    Raises:
        NotFound: it names none.
    """
    if path not in RELEASES:
        raise NotFound(f"{path[:64]!r} is no release; there are {', '.join(RELEASES)}")
    return RELEASES[path]


def parameters_in(answer: Answer) -> list[Json]:
    """Return the parameters of an operation's answer."""
    return list(parse(answer.body or b"{}").value.get("parameter", []))
