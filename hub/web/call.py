"""One interaction as it is asked for, and what is answered: the same over HTTP and in a Bundle.

Source: http://hl7.org/fhir/http.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from hub.core.client import Client
from hub.core.json_text import Document
from hub.core.release import FhirRelease, Json
from hub.core.version import ResourceVersion
from hub.errors import InvalidValue


class Return(StrEnum):
    """What a client wants to have back after a write (``Prefer: return=``)."""

    MINIMAL = "minimal"
    REPRESENTATION = "representation"
    OUTCOME = "OperationOutcome"


@dataclass(frozen=True, slots=True)
class Prefer:
    """The preferences of a request.

    ``lenient``: unknown search parameters are ignored and named, instead of refused.
    """

    returning: Return = Return.REPRESENTATION
    lenient: bool = False


# Calls and answers are not frozen: they are made for each request, and a frozen one costs thrice.
@dataclass(slots=True, kw_only=True)
class Call:
    """One interaction; nobody changes it once it is made.

    ``segments`` is the path below the base URL, ``query`` the decoded pairs of its query (and of
    a search form).  ``document`` is the resource that was sent, ``patch`` a JSON Patch.
    ``client`` is who calls, None where nobody is asked and no administrator said so.
    """

    release: FhirRelease
    method: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    document: Document | None = field(default=None, repr=False)
    patch: Sequence[Mapping[str, Json]] | None = field(default=None, repr=False)
    if_match: int | None = None
    if_none_match: int | None = None
    if_modified_since: datetime | None = None
    if_none_exist: str | None = field(default=None, repr=False)
    prefer: Prefer = Prefer()
    client: Client | None = None

    @property
    def is_administrator(self) -> bool:
        """Whether the caller sees and may do everything."""
        return self.client is not None and self.client.is_administrator


@dataclass(slots=True, kw_only=True)
class Answer:
    """What came of a call; nobody changes it once it is made.

    ``body`` is JSON text; ``is_outcome`` tells that it is about the call, not what was asked for.
    ``help`` is the address where a refusal is explained, ``challenge`` how to say who calls.
    """

    status: int
    body: bytes | None = field(default=None, repr=False)
    is_outcome: bool = False
    etag: str | None = None
    last_modified: datetime | None = None
    location: str | None = None
    retry_after: int | None = None
    help: str | None = None
    challenge: str = ""


def answer_version(
    status: int,
    version: ResourceVersion,
    body: bytes | None,
    *,
    location: str | None = None,
    is_outcome: bool = False,
) -> Answer:
    """Return an answer about one version, with its entity tag and date."""
    return Answer(
        status=status,
        body=body,
        is_outcome=is_outcome,
        etag=version.etag,
        last_modified=version.timestamp,
        location=location,
    )


_ENTITY_TAG: Final = re.compile(r'(?:W/)?"([1-9][0-9]{0,17})"')


def read_entity_tag(text: str | None, name: str) -> int | None:
    """Return the version that an entity tag such as ``W/"3"`` names.

    Args:
        text: the tag, None where it was not sent.
        name: of the header or element, for the refusal.

    Raises:
        InvalidValue: it is not one entity tag of the hub's form.
    """
    if text is None:
        return None
    match = _ENTITY_TAG.fullmatch(text.strip())
    if match is None:
        raise InvalidValue(f'{name} must be one entity tag such as W/"3"')
    return int(match[1])


@lru_cache(256)
def read_prefer(text: str, default: Return) -> Prefer:
    """Read a Prefer header; what is unknown in it is ignored.

    Source: RFC 7240; http://hl7.org/fhir/http.html#ops.
    """
    returning, lenient = default, False
    for part in re.split(r"[,;]", text):
        name, _, value = part.strip().partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "return" and value in set(Return):
            returning = Return(value)
        elif name.strip().lower() == "handling":
            lenient = value.lower() == "lenient"
    return Prefer(returning, lenient)
