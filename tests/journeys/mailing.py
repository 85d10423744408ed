"""What the journeys of mails share: Subscriptions by email, and a mail server."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

from hub.core.release import FhirRelease, Resource
from hub.core.subscription import PayloadContent
from hub.mail_settings import SmtpServer
from tests.journeys.hosting import Fhir, RunningHub
from tests.support.builders import RELEASES, a_subscription
from tests.support.mail_server import MailServer

_addresses = itertools.count(1)


def mail_settings(port: int, **changes: Any) -> dict[str, Any]:
    """Return the settings of a hub that sends mails to a port of this machine."""
    return {
        "smtp": SmtpServer("127.0.0.1", port),
        "smtp_from": "hub@hub.example.org",
        "email_content": PayloadContent.FULL_RESOURCE,
        **changes,
    }


def with_mail(
    hub: RunningHub,
    port: int,
    scenario: Callable[[Fhir, MailServer], Coroutine[Any, Any, None]],
    releases: tuple[FhirRelease, ...] = RELEASES,
    **server: Any,
) -> None:
    """Run a scenario against each base, with a mail server."""

    async def run() -> None:
        async with MailServer(port=port, **server) as mails:
            for release in releases:
                async with hub.client(release) as fhir:
                    await scenario(fhir, mails)

    asyncio.run(run())


def an_address() -> str:
    """Return an address that no other test uses."""
    return f"ward{next(_addresses)}@example.org"


def email(release: FhirRelease, address: str, owner: str, **changes: Any) -> Resource:
    """Return an email Subscription to the Tasks of ``owner``."""
    return a_subscription(
        release,
        **{
            "channel": "email",
            "endpoint": f"mailto:{address}",
            "payload": "text/plain;attach=application/fhir+json",
            "filters": [f"Task?owner={owner}"],
            **changes,
        },
    )


def a_task(owner: str, **more: Any) -> Resource:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "description": "canary of the description",
        "owner": {"reference": owner},
        **more,
    }
