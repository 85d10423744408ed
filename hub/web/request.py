"""An HTTP request as a call, read within the limits.

Source: http://hl7.org/fhir/http.html.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from hub.core.client import Client
from hub.core.json_text import Document, parse
from hub.core.release import FhirRelease
from hub.errors import InvalidValue, MediaTypeNotSupported, TooLarge
from hub.web.call import Call, Return, read_entity_tag, read_prefer
from hub.web.head import Head
from hub.web.json_patch import Operation, read_patch
from hub.web.limits import Limits
from hub.web.media_type import FORM, JSON_PATCH, check_content_type, is_sent_as_xml
from hub.web.xml_body import read_xml_body

# Bound here: to look a member up takes long in Python 3.11.
_REPRESENTATION: Final = Return.REPRESENTATION
_MINIMAL: Final = Return.MINIMAL
_READS: Final = frozenset(("GET", "HEAD"))
_WRITES: Final = frozenset(("POST", "PUT", "PATCH"))
_CONDITIONS: Final = frozenset(
    (b"if-match", b"if-none-match", b"if-modified-since", b"if-none-exist")
)

Pairs = tuple[tuple[str, str], ...]


class _Conditions(NamedTuple):
    """On what a request depends."""

    if_match: int | None = None
    if_none_match: int | None = None
    if_modified_since: datetime | None = None
    if_none_exist: str | None = None


_UNCONDITIONAL: Final = _Conditions()


def read_query(raw: bytes, limits: Limits) -> Pairs:
    """Return the pairs of a query, or of a form.

    Raises:
        InvalidValue: there are too many, or one is not UTF-8 when decoded.
    """
    if not raw:
        return ()
    try:
        pairs = parse_qsl(
            raw.decode("ascii", "replace"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=limits.query_parameters,
        )
    except UnicodeDecodeError:
        raise InvalidValue("the query is not UTF-8 when percent-decoded") from None
    except ValueError:
        raise InvalidValue(
            f"there are more than {limits.query_parameters} parameters in the query"
        ) from None
    return tuple(pairs)


async def read_call(
    head: Head,
    receive: Receive,
    *,
    release: FhirRelease,
    segments: tuple[str, ...],
    query: Pairs,
    limits: Limits,
    has_xml: bool,
    client: Client | None = None,
) -> Call:
    """Read a request whose address is known to offer its method.

    Args:
        receive: gives the body.
        segments: the path below the base.
        query: the pairs of the query.

    Raises:
        MediaTypeNotSupported, TooLarge, MalformedJson, MalformedXml, InvalidResource,
            InvalidValue: it can't be read.
    """
    method = "GET" if head.method == "HEAD" else head.method
    document: Document | None = None
    patch: tuple[Operation, ...] | None = None
    if method in _WRITES:
        body = await read_body(head, receive, limits.body_bytes)
        kind = head.get(b"content-type")
        if segments[1:] == ("_search",):
            if body or kind is not None:
                check_content_type(kind, release, (FORM,))
            query += read_query(body, limits)
        elif method == "PATCH":
            check_content_type(kind, release, (JSON_PATCH,))
            patch = tuple(read_patch(body, limits.patch_operations))
        elif body.strip() or not _is_operation(segments):
            if is_sent_as_xml(kind, release, has_xml):
                document = await read_xml_body(body, release, limits)
            else:
                document = parse(body)
    conditions = _read_conditions(head, method) if head.names_any(_CONDITIONS) else _UNCONDITIONAL
    return Call(
        release=release,
        method=method,
        segments=segments,
        query=query,
        document=document,
        patch=patch,
        if_match=conditions.if_match,
        if_none_match=conditions.if_none_match,
        if_modified_since=conditions.if_modified_since,
        if_none_exist=conditions.if_none_exist,
        prefer=read_prefer(
            ",".join(head.all(b"prefer")),
            _REPRESENTATION if segments else _MINIMAL,
        ),
        client=client,
    )


async def read_body(head: Head, receive: Receive, most: int) -> bytes:
    """Return the body.

    Raises:
        ClientDisconnect: the client went before it had sent all.
        TooLarge: it has more than ``most`` bytes; what follows is not read.
        MediaTypeNotSupported: it is compressed.
    """
    encoding = head.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in {"", "identity"}:
        raise MediaTypeNotSupported(
            f"Content-Encoding is {encoding.strip().lower()[:32]!r}; "
            "bodies are read uncompressed only"
        )
    stated = head.get(b"content-length") or ""
    if stated.isascii() and stated.isdigit() and int(stated[:18]) > most:
        raise TooLarge(f"the body has {int(stated[:18])} bytes; allowed: {most}")
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise TooLarge(f"the body has more than {most} bytes")
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _read_conditions(head: Head, method: str) -> _Conditions:
    if_none_match = head.get(b"if-none-match")
    if if_none_match is not None and method not in _READS:
        raise InvalidValue("If-None-Match is offered for reads only")
    return _Conditions(
        read_entity_tag(head.get(b"if-match"), "If-Match"),
        read_entity_tag(if_none_match, "If-None-Match"),
        _read_date(head.get(b"if-modified-since")),
        head.get(b"if-none-exist"),
    )


def _is_operation(segments: tuple[str, ...]) -> bool:
    return bool(segments) and segments[-1].startswith("$")


def _read_date(text: str | None) -> datetime | None:
    """Return an HTTP date; one that can't be read is ignored, as RFC 9110, 13.1.3 asks."""
    if text is None:
        return None
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
