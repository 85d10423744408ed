"""The HTTP half of the command line: a small FHIR client for Subscriptions.

It knows nothing of the hub but its public interface, and works against any server that follows
the backport guide or R5.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from hub.channels.tls import client_tls
from hub.cli.arrival import Arrival, NotANotification, read_arrival, read_status
from hub.cli.exits import CommandError, Exit
from hub.cli.payload import read_payload
from hub.client_settings import check_token
from hub.core.release import FhirRelease, Json, Resource
from hub.ports import Clock
from hub.settings import is_loopback, read_token

FHIR_JSON = "application/fhir+json"
_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_MAX_FRAME = 64 * 1024**2


_WHERE_IT_IS = "your token is read from --token-file FILE, HUB_TOKEN_FILE or HUB_TOKEN"


def read_bearer(arguments: argparse.Namespace) -> str | None:
    """Return the bearer token that a command shows, None where none was given.

    It is in the file that ``arguments.token_file`` names, else in the variable ``HUB_TOKEN``:
    never on the command line itself, which others on the machine can read.

    Raises:
        CommandError: it is none, or others may read its file.
    """
    try:
        if arguments.token_file:
            return read_token(Path(arguments.token_file))
        token = os.environ.get("HUB_TOKEN")
        return check_token(token, "HUB_TOKEN") if token else None
    except ValueError as error:
        raise CommandError(Exit.USAGE, str(error)) from None


class SocketLost(Exception):
    """The websocket is gone; its text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: ``milliseconds`` from the request's start to the answer's end."""

    status: int
    resource: Resource | None = field(repr=False)
    etag: str | None
    location: str | None
    milliseconds: float

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def id(self) -> str:
        """The id of the resource in the answer, empty if there is none."""
        return str((self.resource or {}).get("id", ""))

    @property
    def created_id(self) -> str:
        """The id that the server gave, from the resource or else from Location."""
        return self.id or (self.location or "").partition("/_history")[0].rpartition("/")[2]

    @property
    def diagnostics(self) -> str:
        """What the OperationOutcome says, or the bare status."""
        if self.resource and self.resource.get("resourceType") == "OperationOutcome":
            texts = [
                issue_text(issue)
                for issue in self.resource.get("issue", [])
                if issue.get("severity") in {"fatal", "error"}
            ]
            if texts:
                told = [_WHERE_IT_IS] if self.status == 401 else []
                return "; ".join([*texts, *told])
        return f"status {self.status}"


def issue_text(issue: Resource) -> str:
    """Return an issue of an OperationOutcome as one line: words, [element], (code)."""
    details = issue.get("details", {})
    text = issue.get("diagnostics") or details.get("text") or issue.get("code", "")
    place = (issue.get("expression") or issue.get("location") or [""])[0]
    slug = (details.get("coding") or [{}])[0].get("code", "")
    return "".join((text, f" [{place}]" if place else "", f" ({slug})" if slug else ""))


def _loads(content: bytes) -> Resource | None:
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


class HubClient:
    """Talks to one base URL of one hub.

    Args:
        url: the hub, ``http://127.0.0.1:8080``, without the base path.
        release: which of its bases.
        clock: measures how long answers take.
        token: the bearer token to show, None for a hub that asks nobody.
    """

    def __init__(
        self, url: str, release: FhirRelease, clock: Clock, *, token: str | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.base = f"{self.url}/fhir/{release.path}"
        self.release = release
        self._clock = clock
        try:
            host = urlsplit(self.url).hostname or ""
        except ValueError:
            host = ""
        if not self.url.startswith(("http://", "https://")) or not host:
            raise CommandError(Exit.USAGE, f"{url!r} is no URL such as http://127.0.0.1:8080")
        self._direct = is_loopback(host)
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT,
            trust_env=not self._direct,
            headers={
                "Accept": FHIR_JSON,
                "User-Agent": "fhir-hub-cli",
                **({} if token is None else {"Authorization": f"Bearer {token}"}),
            },
            verify=False if self.url.startswith("http://") else client_tls(None),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return the answer, whatever its status.

        Args:
            method: the HTTP method.
            path: below the base, without a leading slash, empty for the base itself; or an
                absolute URL on the same hub.
            body: JSON to send, if any.
            content: what to send as it is, instead.
            headers: beside the usual ones.
            params: the query.

        Raises:
            CommandError: nothing answers.
        """
        url = path if path.startswith(f"{self.url}/") else f"{self.base}/{path}".rstrip("/")
        sent = {"Content-Type": FHIR_JSON, **(headers or {})} if body is not None else headers
        start = self._clock.monotonic()
        try:
            response = await self._http.request(
                method,
                url,
                content=content if body is None else json.dumps(body).encode(),
                headers=sent,
                params=params,
            )
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise CommandError(Exit.UNREACHABLE, f"{self.url} does not answer: {reason}") from None
        return Answer(
            status=response.status_code,
            resource=_loads(response.content),
            etag=response.headers.get("ETag"),
            location=response.headers.get("Location"),
            milliseconds=(self._clock.monotonic() - start) * 1000,
        )

    async def expect(self, method: str, path: str, body: Json = None, **more: Any) -> Answer:
        """Send one request and return the answer if its status is 2xx.

        Raises:
            CommandError: nothing answers, or the hub refuses or fails.
        """
        answer = await self.ask(method, path, body, **more)
        if answer.ok:
            return answer
        code = Exit.SERVER_ERROR if answer.status >= 500 else Exit.REFUSED
        raise CommandError(code, f"{answer.status} from {method} {path}: {answer.diagnostics}")

    async def resource(self, path: str, **more: Any) -> Resource:
        """Read ``path`` and return the resource; see ``expect``."""
        answer = await self.expect("GET", path, **more)
        if answer.resource is None:
            raise CommandError(Exit.SERVER_ERROR, f"{path}: the answer is no FHIR JSON")
        return answer.resource

    async def pages(self, path: str, **more: Any) -> AsyncIterator[Resource]:
        """Yield the Bundle at ``path`` and those that its ``next`` links lead to."""
        url: str | None = path
        while url is not None:
            bundle = await self.resource(url, **more)
            yield bundle
            links = bundle.get("link", [])
            url = next((link["url"] for link in links if link.get("relation") == "next"), None)
            more = {}

    async def events(self, subscription: str, first: int | None, last: int | None) -> list[Arrival]:
        """Return what ``$events`` has of the numbers ``first`` to ``last``, page by page.

        Args:
            subscription: its reference, relative or on this hub.
            first: None for the lowest that is kept.
            last: None for the newest.

        Raises:
            CommandError: nothing answers, or the hub refuses, as for numbers no longer kept.
        """
        asked = {"eventsSinceNumber": first, "eventsUntilNumber": last}
        params = {name: str(number) for name, number in asked.items() if number is not None}
        path = f"{subscription}/$events"
        try:
            return [read_arrival(page) async for page in self.pages(path, params=params)]
        except NotANotification as error:
            raise CommandError(Exit.SERVER_ERROR, f"{path}: {error}") from None

    async def statuses(self, path: str) -> dict[str, Arrival]:
        """Return the status of each Subscription at ``path``, by id."""
        try:
            return {
                status.subscription_id: status
                async for page in self.pages(path)
                for entry in page.get("entry", [])
                for status in [read_status(entry.get("resource"), [])]
            }
        except NotANotification as error:
            raise CommandError(Exit.SERVER_ERROR, f"{path}: {error}") from None

    @asynccontextmanager
    async def listen(
        self, id: str, *, resume_after: int | None = None
    ) -> AsyncIterator[AsyncIterator[Arrival]]:
        """Bind a websocket to a Subscription and give its notifications.

        Args:
            id: of a websocket Subscription.
            resume_after: the last number that was seen; later ones are sent first.

        Raises:
            CommandError: the hub gives no token, or nothing answers.
            SocketLost: the socket can't be opened, or, while iterating, is closed.
        """
        params = {} if resume_after is None else {"resume-after": str(resume_after)}
        answer = await self.resource(f"Subscription/{id}/$get-ws-binding-token", params=params)
        values = parameter_values(answer)
        if "token" not in values or "websocket-url" not in values:
            raise CommandError(Exit.SERVER_ERROR, "the hub gave no token to bind with")
        try:
            socket = await connect(
                values["websocket-url"],
                proxy=None if self._direct else True,
                max_size=_MAX_FRAME,
                open_timeout=10,
                close_timeout=2,
            )
        except (OSError, InvalidHandshake, TimeoutError) as error:
            raise SocketLost(str(error) or type(error).__name__) from None
        try:
            yield _arrivals(socket, values["token"])
        finally:
            await socket.close()


async def _arrivals(socket: ClientConnection, token: str) -> AsyncIterator[Arrival]:
    try:
        await socket.send(f"bind-with-token {token}")
        async for frame in socket:
            yield read_arrival(read_payload(frame))
    except ConnectionClosed as error:
        raise SocketLost(str(error)) from None
    except ValueError as error:
        raise SocketLost(f"a frame is no notification: {error}") from None
    raise SocketLost("the hub closed the websocket")


def parameter_values(parameters: Resource) -> dict[str, str]:
    """Return the primitive values of a Parameters resource by name, the last of each."""
    return {
        parameter["name"]: str(value)
        for parameter in parameters.get("parameter", [])
        for element, value in parameter.items()
        if element.startswith("value")
    }
