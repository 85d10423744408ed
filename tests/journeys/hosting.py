"""A whole hub on a real port, and a FHIR client for it.

The hub runs on an event loop of its own in another thread, so that tests of one module can share
it: each test runs its scenario, with its endpoints and clients, on a loop of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from hub.bootstrap import Hosting
from hub.core.release import FhirRelease, Resource
from hub.settings import Settings, packaged_topics
from tests.support.builders import RELEASES, a_subscription
from tests.support.deadline import DEADLINE
from tests.support.endpoints import Endpoint
from tests.support.notification_rules import check_notification, read_status

PATIENCE = DEADLINE
"""Seconds after which a test that waits for the hub has failed."""

SHORT_RETRIES = (timedelta(milliseconds=100), timedelta(milliseconds=200))

_numbers = itertools.count(1)
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one for all: it is dear to make


def fresh(kind: str = "Organization") -> str:
    """Return a reference that no other test uses."""
    return f"{kind}/t{next(_numbers)}"


@dataclass(frozen=True)
class RunningHub:
    """A hub that serves; ``url`` has no slash at its end."""

    url: str
    settings: Settings

    def base(self, release: FhirRelease) -> str:
        """Return the base URL of a release."""
        return f"{self.url}/fhir/{release.name.lower()}"

    def fhir(self, release: FhirRelease) -> Fhir:
        """Return a client of one base; whoever asks for it closes its ``http``."""
        http = httpx.AsyncClient(verify=_NO_TLS, trust_env=False, timeout=PATIENCE)
        return Fhir(release, self.base(release), http)

    @asynccontextmanager
    async def client(self, release: FhirRelease) -> AsyncIterator[Fhir]:
        """Open a client of one base."""
        fhir = self.fhir(release)
        async with fhir.http:
            yield fhir

    @property
    def websocket_url(self) -> str:
        """Where websockets connect."""
        return f"{self.url.replace('http', 'ws', 1)}/ws"


class Fhir:
    """A client of one base of a hub; what it expects of answers is asserted."""

    def __init__(self, release: FhirRelease, base: str, http: httpx.AsyncClient) -> None:
        self.release = release
        self.base = base
        self.http = http

    async def ask(
        self,
        method: str,
        path: str,
        resource: Any = None,
        *,
        content: bytes | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send a request; an underscore in a header's name stands for a hyphen."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if resource is not None:
            content = json.dumps(resource).encode()
        if content is not None:
            sent.setdefault("content-type", "application/fhir+json")
        url = path if path.startswith("http") else f"{self.base}/{path}".rstrip("/")
        return await self.http.request(method, url, content=content, headers=sent)

    async def create(self, resource: Resource) -> Resource:
        """Create a resource and return what was stored."""
        answer = await self.ask("POST", resource["resourceType"], resource)
        assert answer.status_code == 201, answer.text
        return _resource(answer)

    async def put(self, resource: Resource) -> Resource:
        """Create or replace a resource under its id and return what was stored."""
        path = f"{resource['resourceType']}/{resource['id']}"
        answer = await self.ask("PUT", path, resource)
        assert answer.status_code in (200, 201), answer.text
        return _resource(answer)

    async def get(self, path: str) -> Resource:
        """Return what is at a path."""
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return _resource(answer)

    async def delete(self, path: str) -> None:
        """Delete a resource."""
        answer = await self.ask("DELETE", path)
        assert answer.status_code == 204, answer.text

    async def refused(
        self, method: str, path: str, resource: Any = None, **more: Any
    ) -> tuple[int, Resource]:
        """Return status and first issue of a request that must fail."""
        answer = await self.ask(method, path, resource, **more)
        outcome = _resource(answer)
        assert answer.status_code >= 400, answer.text
        assert outcome["resourceType"] == "OperationOutcome"
        issue: Resource = outcome["issue"][0]
        return answer.status_code, issue

    async def status(self, id: str) -> Resource:
        """Return what ``$status`` says of a Subscription, in plain names."""
        bundle = await self.get(f"Subscription/{id}/$status")
        assert bundle["type"] == "searchset"
        return read_status(bundle["entry"][0]["resource"])

    async def until(self, id: str, status: str) -> Resource:
        """Ask for the status of a Subscription until it is ``status``."""
        async with asyncio.timeout(PATIENCE):
            while (found := await self.status(id))["status"] != status:
                pass
        return found

    async def until_error(self, id: str) -> Resource:
        """Ask for the status of a Subscription until it tells an error."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self.status(id))["errors"]:
                pass
        return found

    async def attempts(self, id: str) -> list[Resource]:
        """Return the attempts to deliver to a Subscription, newest first."""
        found = await self.get(f"Subscription/{id}/$attempts")
        return [
            {
                part["name"]: next(part[name] for name in part if name.startswith("value"))
                for part in attempt["part"]
            }
            for attempt in found.get("parameter", [])
        ]

    async def subscribed(self, endpoint: Endpoint, **changes: Any) -> Resource:
        """Create a rest-hook Subscription and return it once it is active."""
        wanted = a_subscription(self.release, endpoint=endpoint.url, **changes)
        stored = await self.create(wanted)
        await self.until(stored["id"], "active")
        return stored

    async def token(self, *ids: str, resume_after: int | None = None) -> str:
        """Return a token that binds a socket to these Subscriptions, or to all."""
        query = [f"id={id}" for id in ids]
        if resume_after is not None:
            query.append(f"resume-after={resume_after}")
        found = await self.get(f"Subscription/$get-ws-binding-token?{'&'.join(query)}")
        values = {parameter["name"]: parameter for parameter in found["parameter"]}
        token: str = values["token"]["valueString"]
        return token


def in_every_release(
    hub: RunningHub,
    scenario: Callable[[Fhir], Coroutine[Any, Any, None]],
    releases: Iterable[FhirRelease] = RELEASES,
) -> None:
    """Run a scenario against the base of each release, all at once."""

    async def one(release: FhirRelease) -> None:
        async with hub.client(release) as fhir:
            try:
                await scenario(fhir)
            except BaseException as error:
                error.add_note(f"in {release}")
                raise

    async def all_of_them() -> None:
        await asyncio.gather(*(one(release) for release in releases))

    asyncio.run(all_of_them())


@asynccontextmanager
async def a_socket(hub: RunningHub, **more: Any) -> AsyncIterator[ClientConnection]:
    """Connect a websocket."""
    async with connect(hub.websocket_url, proxy=None, **more) as websocket:
        yield websocket


async def heard(websocket: ClientConnection, release: FhirRelease) -> Resource:
    """Return the next notification of a socket, checked against the standard's rules."""
    async with asyncio.timeout(PATIENCE):
        text = await websocket.recv()
    assert isinstance(text, str)
    return check_notification(text.encode(), release)


def status_of(bundle: Resource) -> Resource:
    """Return the status of a notification in plain names."""
    return read_status(bundle["entry"][0]["resource"])


def numbers_of(bundle: Resource) -> list[int]:
    """Return the event numbers of a notification."""
    return [int(event["number"]) for event in status_of(bundle)["events"]]


@contextmanager
def running_hub(db: Path | None = None, **changes: Any) -> Iterator[RunningHub]:
    """Run a hub on a free port until the end of the block.

    Args:
        db: its database; a temporary one where None.
        changes: of the settings; without them loopback endpoints over http are allowed and
            retries are short.  ``inbound``, ``limits`` and ``demo`` are those of ``Hosting``.
    """
    bounds = {name: changes.pop(name, None) for name in ("inbound", "limits", "demo")}
    with tempfile.TemporaryDirectory() as directory:
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = listening.getsockname()[1]
        settings = Settings(
            **{
                "port": port,
                "db": db or Path(directory) / "hub.db",
                "topics": (packaged_topics(),),
                "public_url": f"http://127.0.0.1:{port}",
                "egress_allow": (ip_network("127.0.0.0/8"),),
                "allow_http": True,
                "retry_schedule": SHORT_RETRIES,
                **changes,
            }
        )
        hosting = Hosting(settings, listening=listening, **bounds)
        hosted = _Hosted(hosting)
        hosted.start()
        try:
            yield RunningHub(f"http://127.0.0.1:{port}", settings)
        finally:
            hosted.end()


class _Hosted:
    """The thread of a hub."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: asyncio.Event | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="hub", daemon=True)

    def start(self) -> None:
        """Return when requests are served."""
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Stop as a hub does that was told to."""
        if self._loop is not None and self._told is not None:
            self._loop.call_soon_threadsafe(self._told.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        await self._hosting.start()
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        try:
            await self._told.wait()
        finally:
            await self._hosting.stop()


def _resource(answer: httpx.Response) -> Resource:
    resource: Resource = answer.json()
    return resource
