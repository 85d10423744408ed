"""A hub that has something to show on every page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from hub.cli.mail_catcher import MailCatcher
from hub.clock import SystemClock
from hub.core.json_text import dumps
from hub.core.release import FhirRelease, Resource
from hub.web.demo import Demo
from hub.web.mailbox import CaughtMail, Mailbox
from hub.web.receptions import Reception, Receptions
from tests.browser.chromium import Chromium
from tests.browser.pages import Page
from tests.journeys.hosting import PATIENCE, Fhir, RunningHub, running_hub
from tests.journeys.mailing import mail_settings
from tests.support.builders import a_subscription
from tests.support.processes import until
from tests.web.topics import ADMIN, a_topic, administered

R5: Final = FhirRelease.R5
_LINK: Final = re.compile(r"/email/confirm/[\w.-]+")


@dataclass(slots=True)
class House:
    """A hub and what it has to show: each of ``texts``, in everything that somebody writes.

    ``places`` are what paths of pages name, one for each text.
    """

    hub: RunningHub
    texts: tuple[str, ...]
    places: dict[str, list[str]] = field(default_factory=dict)

    def paths(self, page: Page) -> list[str]:
        """Return where a page is: once for each text, or once for all."""
        if "{" not in page.path:
            return [page.path]
        return [
            page.path.format(**{name: found[each] for name, found in self.places.items()})
            for each in range(len(self.texts))
        ]


class _Post:
    """Mails as they are caught."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self._came = asyncio.Event()

    def put(self, mail: CaughtMail) -> None:
        self.mailbox.put(mail)
        self._came.set()

    async def mails(self, count: int) -> list[CaughtMail]:
        """Return all mails, oldest first, once there are so many."""
        async with asyncio.timeout(PATIENCE):
            while len(found := list(self.mailbox)) < count:
                self._came.clear()
                await self._came.wait()
        return found[::-1]


@contextmanager
def a_house(chromium: Chromium, folder: Path, texts: Sequence[str]) -> Iterator[House]:
    """Run a hub that shows ``texts``; its mails are caught on the loop of the browser."""
    post, received = _Post(), Receptions()
    for text in texts:
        received.put(_reception(text))
    catcher = MailCatcher(SystemClock(), post.put)
    chromium.run(catcher.__aenter__())
    try:
        with running_hub(
            admin_token_file=administered(folder).admin_token_file,
            demo=Demo(mails=post.mailbox, received=received, endpoint="http://127.0.0.1:9/notify"),
            **{**mail_settings(catcher.port), "email_opt_in": True},
        ) as hub:
            house = House(hub, tuple(texts))
            chromium.run(_furnish(house, post))
            yield house
    finally:
        chromium.run(catcher.__aexit__())


async def _furnish(house: House, post: _Post) -> None:
    mailed: list[str] = []
    hooked: list[str] = []
    async with house.hub.client(R5) as fhir:
        for number, text in enumerate(house.texts):
            await _publish(fhir, number, text)
            mailed.append((await fhir.create(_told_by_mail(number, text)))["id"])
            hooked.append((await fhir.create(_told_by_hook(number, text)))["id"])
        house.places["subscription"] = hooked
        count = len(house.texts)
        links = {
            mail.recipient: found[0]
            for mail in await post.mails(count)
            if (found := _LINK.findall(mail.text))
        }
        await _agree(house.hub.url + links[_address(0)])
        house.places["topic"] = [f"house-{number}" for number in range(count)]
        house.places["opt_in"] = [links[_address(number)] for number in range(count)]
        for text in house.texts:
            task = await fhir.create(_task(text))
            house.places.setdefault("task", []).append(f"Task/{task['id']}")
        await until(lambda: _is_told_of(fhir, mailed[0], count))
        for each in hooked:
            await fhir.until_error(each)


async def _is_told_of(fhir: Fhir, id: str, event: int) -> bool:
    newest = (await fhir.attempts(id))[0]
    return (newest["last"], newest["outcome"]) == (str(event), "delivered")


async def _publish(fhir: Fhir, number: int, text: str) -> None:
    """Publish a topic as an administrator does."""
    topic = a_topic(
        url=_topic(number),
        title=text,
        description=text,
        purpose=text,
        publisher=text,
        copyright=text,
        resourceTrigger=[{"resource": "Task", "description": text}],
        canFilterBy=[{"resource": "Task", "filterParameter": "owner", "description": text}],
    )
    answer = await fhir.ask("POST", "SubscriptionTopic", topic, **ADMIN)
    assert answer.status_code == 201, answer.text


def _topic(number: int) -> str:
    return f"http://example.org/topics/house-{number}"


def _reception(text: str) -> Reception:
    return Reception(
        at=SystemClock().now(),
        receiver=text,
        type="event-notification",
        subscription=f"Subscription/{text}",
        numbers="#7",
        focus=[text],
        answered="200",
        body=dumps({"resourceType": "Bundle", "id": text}),
    )


def _address(number: int) -> str:
    return f"ward{number}@example.org"


def _told_by_mail(number: int, text: str) -> Resource:
    return a_subscription(
        R5,
        topic_name=_topic(number),
        channel="email",
        endpoint=f"mailto:{_address(number)}",
        payload="text/html;attach=application/fhir+json" if number % 2 else "text/plain",
        content="full-resource",
        name=text,
        reason=text,
    )


def _told_by_hook(number: int, text: str) -> Resource:
    endpoint = f"http://127.0.0.1:9/{quote(text)}?text={quote(text, safe=chr(39))}"
    return a_subscription(
        R5,
        topic_name=_topic(number),
        endpoint=endpoint,
        headers=[("X-Text", quote(text))],
        name=text,
        reason=text,
    )


def _task(text: str) -> Resource:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "description": text,
        "code": {"text": text},
        "owner": {"reference": "Organization/lab", "display": text},
        "note": [{"text": text}],
    }


async def _agree(link: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(link)
        assert answer.status_code == 200, answer.text
