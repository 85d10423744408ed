"""``/health``: how the hub fares."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import ClassVar

import pytest

from hub.core.delivery import DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import Resource
from hub.core.task_table import parse_task_guard
from hub.mail_settings import SmtpServer
from hub.settings import Settings
from tests.support.rig import SECOND
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_subscription, a_task
from tests.web.clients import CLIENTS
from tests.web.site import a_site, run
from tests.web.test_home import BROWSER, Page
from tests.web.topics import ADMIN, administered

KNOWN_ONLY = {"delivery", "store", "subscriptions", "processes", "settings"}


class Hanging(Endpoints):
    """Endpoints that answer handshakes, and nothing else before they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = asyncio.Event()

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Answer at once, or fail once it is told to go on."""
        if b"event-notification" not in envelope.body:
            return await super().send(envelope)
        await self.goes_on.wait()
        return Failed(failure=FailureClass.BUSY, reason="the endpoint answered 503", status=503)


def test_what_is_not_delivered_yet_is_told_with_its_age() -> None:
    async def scenario() -> None:
        endpoints = Hanging()
        async with a_site(endpoints=endpoints) as site:

            async def delivery() -> Resource:
                told: Resource = (await site.ask("GET", "/health")).json()["delivery"]
                return told

            idle = {
                "undelivered": 0,
                "waiting": 0,
                "failing": 0,
                "oldest": None,
                "oldestAge": None,
                "lanesBusy": 0,
            }
            assert await delivery() == idle
            for _ in range(2):
                await site.ask("POST", "Subscription", a_subscription())
            await site.ask("POST", "Subscription", a_subscription(type="websocket"))
            await site.rig.after(2 * SECOND)
            assert await delivery() == idle
            await site.ask("POST", "Task", a_task())
            await site.rig.after(10 * SECOND)
            await site.ask("POST", "Task", a_task())
            told = await delivery()
            assert (told["undelivered"], told["waiting"], told["failing"]) == (4, 2, 0)
            assert told["oldestAge"] == pytest.approx(10, abs=0.1)
            assert told["lanesBusy"] == 2
            page = (await site.ask("GET", "/health", accept=BROWSER)).text
            assert "of 2 Subscriptions; the oldest 10 s old" in page
            endpoints.goes_on.set()
            await site.rig.after(SECOND)
            told = await delivery()
            assert (told["undelivered"], told["failing"], told["lanesBusy"]) == (4, 2, 0)
            answer = (await site.ask("GET", "/health")).json()
            assert answer["subscriptions"] == {
                "total": 3,
                "status": {"active": 3},
                "channel": {"rest-hook": 2, "websocket": 1},
            }
            assert answer["store"]["kind"] == "memory"
            assert answer["store"]["changes"] >= 5
            assert answer["uptime"] == pytest.approx(13, abs=0.5)

    run(scenario())


def test_settings_that_matter_are_told_and_nothing_secret(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t0k3n" * 10)
    token.chmod(0o600)
    settings = Settings(
        egress_allow=(ip_network("10.0.0.0/8"),),
        allow_http=True,
        cors_origins=("https://app.example.org",),
        require_if_match=frozenset({"Task"}),
        task_guard=parse_task_guard({"rules": [{"transitions": {}}]}),
        retry_schedule=(timedelta(seconds=0.5), timedelta(minutes=10)),
        retain_events=timedelta(hours=1),
        admin_token_file=token,
        smtp=SmtpServer("mail.internal.example.org", 25),
        smtp_user="hub-user",
        smtp_from="hub@example.org",
        email_domains=("example.org",),
        email_opt_in=True,
    )

    async def scenario() -> None:
        async with a_site(settings=settings) as site:
            answer = await site.ask("GET", "/health")
            assert answer.json()["settings"] == {
                "egress": {"http": True, "allow": ["10.0.0.0/8"]},
                "cors": ["https://app.example.org"],
                "guards": {"ifMatch": ["Task"], "task": True},
                "retainEvents": 3 * 86400,
                "retrySchedule": [0.5, 600],
                "giveUpAfter": 3 * 86400,
                "largestBody": 2 * 1024**2,
                "administrator": True,
                "email": {
                    "offered": True,
                    "content": "id-only",
                    "optIn": True,
                    "domains": ["example.org"],
                },
            }
            page = await site.ask("GET", "/health", accept=BROWSER)
            for text in (answer.text, page.text):
                for secret in ("t0k3n", "hub-user", "mail.internal", str(tmp_path)):
                    assert secret not in text
            assert "500 ms, 10 min" in page.text
            assert "people are asked first" in page.text
        async with a_site() as site:
            shown = Page((await site.ask("GET", "/health", accept=BROWSER)).text)
            assert shown.inline == []
            assert {"https only", "not offered", "nobody is one"} <= set(shown.texts)

    run(scenario())


@dataclass
class AProcess:
    """A process beside the hub's, as it is told of."""

    name: ClassVar[str] = "web"
    starts: int
    pid: int | None


def test_processes_beside_the_hub_are_told_of_also_while_one_is_missing() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            assert (await site.ask("GET", "/health")).json()["processes"] == []
            assert "Processes" not in (await site.ask("GET", "/health", accept=BROWSER)).text
            process = AProcess(starts=1, pid=4711)
            site.rig.hub.processes.append(process)
            page = Page((await site.ask("GET", "/health", accept=BROWSER)).text)
            assert {"web", "● runs", "4711", "once"} <= set(page.texts)
            process.starts, process.pid = 2, None
            told = (await site.ask("GET", "/health")).json()
            assert told["processes"] == [{"name": "web", "pid": None, "starts": 2}]
            page = Page((await site.ask("GET", "/health", accept=BROWSER)).text)
            assert {"◐ starts again", "2 times: the log tells why"} <= set(page.texts)

    run(scenario())


def test_a_hub_that_stops_says_so() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            site.rig.hub.draining = True
            assert (await site.ask("GET", "/health")).json()["status"] == "stopping"
            assert "stopping" in (await site.ask("GET", "/health", accept=BROWSER)).text

    run(scenario())


def test_figures_and_settings_are_for_who_is_known(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = replace(administered(tmp_path), clients=CLIENTS)
        async with a_site(settings=settings) as site:
            told = (await site.ask("GET", "/health")).json()
            assert told["asks"] is True
            assert not KNOWN_ONLY & told.keys()
            page = (await site.ask("GET", "/health", accept=BROWSER)).text
            assert "for who is known" in page
            assert "--egress-allow" not in page
            told = (await site.ask("GET", "/health", **ADMIN)).json()
            assert told.keys() >= KNOWN_ONLY
            for method, body in (("GET", None), ("POST", {"topic": ""})):
                assert (await site.ask(method, "/subscribe", body)).status_code == 401
                assert (await site.ask(method, "/subscribe", body, **ADMIN)).status_code == 200

    run(scenario())
