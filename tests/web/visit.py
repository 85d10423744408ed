"""What the tests of whose a Subscription is share: clients that ask, and what they would create."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hub.core.client import Client
from hub.core.release import FhirRelease, Resource
from tests.support.builders import RELEASES, a_subscription
from tests.support.rig_resources import TASK_TOPIC
from tests.web.clients import shown_by
from tests.web.site import Site

R4, R4B, R5 = RELEASES
ENDPOINT = "https://lab.example.org/hook"
PATCHED = "application/json-patch+json"
OFF = [{"op": "replace", "path": "/status", "value": "off"}]
EVERY = pytest.mark.parametrize("release", RELEASES)


def wanted(release: FhirRelease, **more: Any) -> Resource:
    """Return a Subscription that a client would create."""
    return a_subscription(release, **{"topic_name": TASK_TOPIC, "endpoint": ENDPOINT} | more)


class Visit:
    """A client's way to ask one base."""

    def __init__(self, site: Site, client: Client, release: FhirRelease) -> None:
        self._site = site
        self._shown = shown_by(client)
        self._base = f"/fhir/{release.path}"

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self._site.ask(method, path, body, base=self._base, **self._shown, **more)

    async def create(self, body: Resource) -> str:
        answer = await self.ask("POST", body["resourceType"], body)
        assert answer.status_code == 201, answer.text
        id: str = answer.json()["id"]
        return id
