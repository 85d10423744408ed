"""The door of the hub: shut while the search index is made anew, then open for good.

While it is shut, health answers as ever, readiness and ``/`` tell how far the work is, and all
else is told to come again.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.codecs.outcome import outcome
from hub.core.json_text import dumps
from hub.core.release import Json
from hub.errors import Unavailable
from hub.web.call import Answer
from hub.web.metadata import software_version
from hub.web.response import respond

_RETRY_AFTER: Final = 5


class Progress(Protocol):
    """How far something is."""

    @property
    def done(self) -> int:
        """How many are done."""

    @property
    def total(self) -> int:
        """How many there are."""


class Door:
    """An ASGI application that stands before another one until that is ready."""

    def __init__(self, indexing: Progress) -> None:
        """Shut the door; ``indexing`` is what is waited for."""
        self._indexing = indexing
        self._app: ASGIApp = self._shut

    def open(self, app: ASGIApp) -> None:
        """Let every request through to ``app`` from now on."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request or websocket."""
        return self._app(scope, receive, send)

    async def _shut(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Closed before it was accepted: the server answers 403.
            await send({"type": "websocket.close", "code": 1013, "reason": ""})
            return
        await self._answer(scope["path"])(scope, receive, send)

    def _answer(self, path: str) -> Response:
        how_far: Json = {"done": self._indexing.done, "total": self._indexing.total}
        reason = "the search index is being made anew"
        match path:
            case "/healthz":
                return _json({"status": "ok", "indexing": how_far}, 200)
            case "/readyz":
                return _json({"status": "not ready", "reason": reason, "indexing": how_far}, 503)
            case "/":
                about = {"name": "fhir-hub", "version": software_version(), "status": "indexing"}
                return _json({**about, "indexing": how_far}, 503)
            case _:
                error = Unavailable(f"{reason}; GET /readyz tells how far it is")
                return respond(
                    Answer(
                        status=error.status,
                        body=dumps(outcome(error)),
                        is_outcome=True,
                        retry_after=_RETRY_AFTER,
                    )
                )


def _json(value: Json, status: int) -> Response:
    response = Response(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-cache"},
    )
    if status == 503:
        response.headers["retry-after"] = str(_RETRY_AFTER)
    return response
