"""An answer as an HTTP response."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from typing import Final

import orjson
from starlette.responses import Response

from hub.core.json_text import dumps, parse
from hub.core.release import Json
from hub.web.call import Answer
from hub.web.media_type import FHIR_JSON

OUTCOME_TYPE: Final = f"{FHIR_JSON}; charset=utf-8"

_DEEPEST: Final = 200
"""Resources of the deepest allowed nesting stand in Bundles."""
_WITHOUT_LENGTH: Final = (204, 304)


class _Written(Response):
    """A response whose body and headers are bytes already, so that none need be looked through."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status_code = status
        self.raw_headers = headers
        self.body = body
        self.background = None


def respond(
    answer: Answer,
    content_type: str = OUTCOME_TYPE,
    *,
    is_pretty: bool = False,
    allow: tuple[str, ...] | None = None,
    vary: str | None = None,
) -> Response:
    """Return the response that says ``answer``.

    Args:
        content_type: of its body.
        is_pretty: whether JSON is indented.
        allow: the methods to name with a 405.
        vary: by which headers of the request it was chosen.
    """
    headers = [(b"cache-control", b"no-cache")]
    if answer.etag is not None:
        headers.append((b"etag", answer.etag.encode("latin-1")))
    if answer.last_modified is not None:
        headers.append((b"last-modified", _http_date(int(answer.last_modified.timestamp()))))
    if answer.location is not None:
        headers.append((b"location", answer.location.encode("latin-1")))
    if answer.help is not None:
        headers.append((b"link", f'<{answer.help}>; rel="help"'.encode("latin-1")))
    if answer.retry_after is not None:
        headers.append((b"retry-after", b"%d" % answer.retry_after))
    if answer.challenge:
        headers.append((b"www-authenticate", answer.challenge.encode("latin-1")))
    if allow is not None:
        headers.append((b"allow", ", ".join(allow).encode("latin-1")))
    if vary is not None:
        headers.append((b"vary", vary.encode("latin-1")))
    body = b""
    if answer.body is not None:
        body = _indented(answer.body) if is_pretty else answer.body
        headers.append((b"content-type", content_type.encode("latin-1")))
    if answer.status not in _WITHOUT_LENGTH:
        headers.append((b"content-length", b"%d" % len(body)))
    return _Written(answer.status, headers, body)


@lru_cache(maxsize=1024)
def _http_date(second: int) -> bytes:
    """Write a second since 1970; what is written together is of the same second."""
    return formatdate(second, usegmt=True).encode("ascii")


def _indented(body: bytes) -> bytes:
    value = parse(body, max_depth=_DEEPEST).value
    return orjson.dumps(value, default=_as_spelled, option=orjson.OPT_INDENT_2)


def _as_spelled(number: Json) -> orjson.Fragment:
    return orjson.Fragment(dumps(number))
