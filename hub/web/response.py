"""An answer as an HTTP response."""

from __future__ import annotations

from email.utils import format_datetime
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


def respond(
    answer: Answer,
    content_type: str = OUTCOME_TYPE,
    *,
    is_pretty: bool = False,
    allow: tuple[str, ...] | None = None,
) -> Response:
    """Return the response that says ``answer``; ``allow`` are the methods to name with a 405."""
    headers: dict[str, str] = {"cache-control": "no-cache"}
    if answer.etag is not None:
        headers["etag"] = answer.etag
    if answer.last_modified is not None:
        headers["last-modified"] = format_datetime(answer.last_modified, usegmt=True)
    if answer.location is not None:
        headers["location"] = answer.location
    if answer.help is not None:
        headers["link"] = f'<{answer.help}>; rel="help"'
    if answer.retry_after is not None:
        headers["retry-after"] = str(answer.retry_after)
    if answer.challenge:
        headers["www-authenticate"] = answer.challenge
    if allow is not None:
        headers["allow"] = ", ".join(allow)
    body = answer.body
    if body is None:
        return Response(status_code=answer.status, headers=headers)
    if is_pretty:
        body = _indented(body)
    headers["content-type"] = content_type
    return Response(body, status_code=answer.status, headers=headers)


def _indented(body: bytes) -> bytes:
    value = parse(body, max_depth=_DEEPEST).value
    return orjson.dumps(value, default=_as_spelled, option=orjson.OPT_INDENT_2)


def _as_spelled(number: Json) -> orjson.Fragment:
    return orjson.Fragment(dumps(number))
