"""One story told to every release, over every channel, at every content level, and kept.

A patient and a Task for them are created, the Task is changed and deleted; a heartbeat follows.
Then ``$status`` and ``$events`` are asked for.  What was received is kept as bytes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import product

from websockets.asyncio.client import ClientConnection

from hub.core.message import MessageEvent
from hub.core.release import FhirRelease, Resource
from tests.conformance.topics import RECORDED
from tests.journeys.hosting import Fhir, RunningHub, a_socket, fresh, heard, status_of
from tests.journeys.mailing import an_address
from tests.support.builders import CONTENTS, RELEASES, a_patient, a_subscription, a_task
from tests.support.endpoints import Endpoint, Received
from tests.support.mail_server import MailServer

CHANNELS = ("rest-hook", "websocket", "message")
HINT = {"system": "http://example.org/auth", "code": "authorization_base"}
"""The type of authorization that the hub that is recorded names."""

POSTED = ("rest-hook", "message")
PAYLOADS = dict.fromkeys(CHANNELS, "application/fhir+json") | {
    "rest-hook": "application/fhir+json; x=1",
    "email": "text/plain;attach=application/fhir+json",
}
EVENT = MessageEvent("https://hub.example.org/events", "told")
"""The event of the messages of the hub that is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What one Subscription was told.

    ``requests`` are what its endpoint received, none for a websocket.  ``notifications`` are all
    Bundles in order, those of ``$status`` and ``$events`` last.
    """

    release: FhirRelease
    channel: str
    content: str
    base: str
    created: Resource
    task: str
    patient: str
    requests: tuple[Received, ...]
    notifications: tuple[Resource, ...]

    @property
    def url(self) -> str:
        """The absolute URL of the Subscription."""
        return f"{self.base}/Subscription/{self.created['id']}"

    def of(self, kind: str) -> list[Resource]:
        """Return the notifications of a type, in order."""
        return [each for each in self.notifications if status_of(each)["type"] == kind]

    @property
    def events(self) -> list[Resource]:
        """The three event-notifications: of the create, the update and the delete."""
        return self.of("event-notification")


def carried(body: bytes) -> Resource:
    """Return the notification in what an endpoint received, as such or in a message."""
    bundle: Resource = json.loads(body)
    if bundle["type"] == "message":
        bundle = bundle["entry"][1]["resource"]
    return bundle


async def _write(fhir: Fhir, owner: str) -> tuple[str, str]:
    """Write the story; return the references of the Task and of its patient."""
    patient = await fhir.create(a_patient(gender="female"))
    task = await fhir.create(a_task(owner, patient=f"Patient/{patient['id']}"))
    await fhir.put(task | {"status": "accepted"})
    await fhir.delete(f"Task/{task['id']}")
    return f"Task/{task['id']}", f"Patient/{patient['id']}"


Told = tuple[Resource, Received | None]


async def _over_socket(websocket: ClientConnection, release: FhirRelease) -> AsyncIterator[Told]:
    while True:
        yield await heard(websocket, release), None


async def _at_endpoint(endpoint: Endpoint) -> AsyncIterator[Told]:
    for count in itertools.count(1):
        received = (await endpoint.wait_for(count))[count - 1]
        yield carried(received.body), received


async def _by_mail(mails: MailServer, address: str) -> AsyncIterator[Told]:
    for count in itertools.count(1):
        mail = (await mails.mails(count, address))[count - 1]
        yield json.loads(mail.attachment or b""), None


async def _kept(stream: AsyncIterator[Told], last: str) -> list[Told]:
    """Return what was told: handshake, events, and the heartbeat that says ``last``.

    Mails begin with the only heartbeat of a day.
    """
    kept: list[Told] = []
    async for bundle, request in stream:
        said = status_of(bundle)
        is_other = said["type"] == "heartbeat" and said["counter"] != last
        kept += [] if is_other else [(bundle, request)]
        kinds = [status_of(each)["type"] for each, _ in kept]
        if "heartbeat" in kinds and kinds.count("event-notification") == 3:
            break
    return kept


def _endpoint(channel: str, endpoint: Endpoint, address: str) -> str | None:
    if channel in POSTED:
        return endpoint.url
    return f"mailto:{address}" if channel == "email" else None


async def _record(
    hub: RunningHub, mails: MailServer, release: FhirRelease, channel: str, content: str
) -> Recording:
    async with hub.client(release) as fhir, Endpoint() as endpoint, a_socket(hub) as websocket:
        owner = fresh()
        address = an_address()
        is_posted = channel in POSTED
        wanted = a_subscription(
            release,
            channel=channel,
            endpoint=_endpoint(channel, endpoint, address),
            topic_name=RECORDED["url"],
            content=content,
            payload=PAYLOADS[channel],
            filters=[f"Task?owner={owner}"],
            headers=[("X-Route", "a: b")] if is_posted else (),
            heartbeat=1,
            max_count=1,
        )
        created = await fhir.create(wanted)
        if is_posted:
            await fhir.until(created["id"], "active")
            stream = _at_endpoint(endpoint)
        elif channel == "email":
            stream = _by_mail(mails, address)
        else:
            await websocket.send(f"bind-with-token {await fhir.token(created['id'])}")
            stream = _over_socket(websocket, release)
        task, patient = await _write(fhir, owner)
        told = await _kept(stream, "0" if channel == "email" else "3")
        asked = [
            await fhir.get(f"Subscription/{created['id']}/{operation}")
            for operation in ("$status", "$events")
        ]
        await fhir.delete(f"Subscription/{created['id']}")
    return Recording(
        release=release,
        channel=channel,
        content=content,
        base=fhir.base,
        created=created,
        task=task,
        patient=patient,
        requests=tuple(request for _, request in told if request is not None),
        notifications=(*(bundle for bundle, _ in told), *asked),
    )


class Recordings:
    """All of them, by release, channel and content level."""

    def __init__(self, recordings: list[Recording]) -> None:
        self._all = recordings

    def of(self, release: FhirRelease) -> Iterator[Recording]:
        """Go through the recordings of a release."""
        return (each for each in self._all if each.release is release)

    def one(self, release: FhirRelease, content: str, channel: str = "rest-hook") -> Recording:
        """Return one recording."""
        (found,) = [
            each for each in self.of(release) if (each.content, each.channel) == (content, channel)
        ]
        return found


async def record(hub: RunningHub, mail_port: int) -> Recordings:
    """Tell the story in every combination, all at once."""
    combinations = product(RELEASES, CHANNELS, CONTENTS)
    async with MailServer(port=mail_port) as mails:
        told = await asyncio.gather(*(_record(hub, mails, *each) for each in combinations))
    return Recordings(list(told))
