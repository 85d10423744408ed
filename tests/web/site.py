"""The whole web floor on the real engine, asked in process and on virtual time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import httpx
from starlette.types import ASGIApp, Message

from hub.codecs.validation import Validator
from hub.core.release import FhirRelease, Resource
from hub.settings import Settings
from hub.web.app import create_app
from hub.web.demo import Demo
from hub.web.limits import Limits
from hub.web.socket_protocol import EXTENSION
from tests.support.rig import PUBLIC_URL, Rig, a_rig
from tests.support.virtual_time import run_virtually

BASE = f"{PUBLIC_URL}/fhir/r4"
FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
VALIDATORS = {release: Validator(release) for release in FhirRelease}


@dataclass
class Site:
    """A hub and its application."""

    rig: Rig
    app: ASGIApp
    http: httpx.AsyncClient

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        base: str = "/fhir/r4",
        raw: bytes | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send one request; ``path`` is below the base, or absolute with a leading slash."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = raw
        if body is not None:
            content = json.dumps(body).encode()
            sent.setdefault("content-type", FHIR_JSON)
        url = path if path.startswith(("/", "http:")) else f"{base}/{path}"
        return await self.http.request(method, url, content=content, headers=sent)

    def socket(self, **headers: str) -> Socket:
        """Return a websocket to the hub, not open yet."""
        return Socket(self.app, headers)


@dataclass
class Socket:
    """The client's side of one websocket."""

    app: ASGIApp
    headers: Mapping[str, str]
    to_hub: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    from_hub: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    is_gone: bool = False
    task: asyncio.Task[None] | None = None
    offers_put: ClassVar[bool] = True
    """Whether the server has the short way of texts (``hub.web.socket_protocol``)."""

    async def __aenter__(self) -> Self:
        self.takes.set()
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": "/ws",
            "query_string": b"",
            "headers": [(b"host", b"hub.example.org"), *headers],
            "subprotocols": [],
        }
        if self.offers_put:
            scope["extensions"] = {EXTENSION: {"put": self._put}}
        self.to_hub.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(self._serve(scope))
        return self

    async def _serve(self, scope: dict[str, Any]) -> None:
        async def send(message: Message) -> None:
            await self.takes.wait()
            if self.is_gone:
                raise OSError("the client is gone")
            self.from_hub.put_nowait(message)

        await self.app(scope, self.to_hub.get, send)

    def _put(self, texts: Sequence[bytes]) -> bool:
        if self.is_gone or not self.takes.is_set():
            return False
        for text in texts:
            self.from_hub.put_nowait({"type": "websocket.send", "text": text.decode()})
        return True

    async def __aexit__(self, *_: object) -> None:
        assert self.task is not None
        self.takes.set()
        self.to_hub.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self.task

    async def next(self) -> Message:
        """Return the next message of the server."""
        return await self.from_hub.get()

    async def opened(self) -> None:
        """Wait until the hub has accepted."""
        assert (await self.next())["type"] == "websocket.accept"

    def say(self, text: str) -> None:
        """Send a text."""
        self.to_hub.put_nowait({"type": "websocket.receive", "text": text})

    async def notification(self) -> Resource:
        """Return the next text as a resource."""
        message = await self.next()
        value: Resource = json.loads(message["text"])
        return value

    async def closed(self) -> tuple[int, str]:
        """Return the code and the reason with which the hub closes next."""
        message = await self.next()
        assert message["type"] == "websocket.close", message
        return message["code"], message["reason"]


@asynccontextmanager
async def a_site(
    *,
    settings: Settings | None = None,
    limits: Limits | None = None,
    has_xml: bool = True,
    demo: Demo | None = None,
    **more: Any,
) -> AsyncIterator[Site]:
    """Run a hub with its application until the end of the block.

    ``has_xml`` is whether XML is installed, as far as the application knows.
    """
    async with a_rig(**more) as rig:
        app = create_app(
            rig.hub,
            validators=VALIDATORS,
            settings=settings or Settings(),
            limits=replace(
                limits or Limits(body_bytes=(settings or Settings()).max_body),
                xml_apart=sys.maxsize,  # virtual time knows no threads
            ),
            has_xml=has_xml,
            demo=demo,
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
            yield Site(rig, app, http)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario on a loop with virtual time."""
    run_virtually(scenario)


def a_patient(**more: Any) -> Resource:
    """Return a Patient."""
    return {"resourceType": "Patient", "name": [{"family": "Chalmers"}], **more}


def issue(response: httpx.Response) -> Resource:
    """Return the first issue of an OperationOutcome, checking that it is one."""
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome", outcome
    assert response.headers["content-type"].startswith(FHIR_JSON)
    found: Resource = outcome["issue"][0]
    assert found["severity"] in {"error", "fatal"}
    assert found["diagnostics"]
    return found
