from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from hub.cli.arrival import Arrival
from hub.cli.endpoint import Endpoint, Reply
from hub.cli.payload import read_payload
from hub.clock import SystemClock
from hub.codecs.releases import codecs_of_releases
from hub.codecs.xml_writer import write_xml
from hub.core.notification import NotificationType
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent
from tests.cli.screen import PATIENCE
from tests.support.notifications import a_notification

BASE = "http://hub.example.org/fhir"
KIND, CONTENT = NotificationType.EVENT_NOTIFICATION, PayloadContent.FULL_RESOURCE


def in_json(release: FhirRelease) -> bytes:
    notification = a_notification(release, KIND, CONTENT)
    return codecs_of_releases()[release].encode_notification(notification, BASE)


@pytest.mark.parametrize("release", FhirRelease)
def test_both_formats_say_the_same(release: FhirRelease) -> None:
    text = in_json(release)
    assert read_payload(text) == json.loads(text)
    assert read_payload(write_xml(text, release).decode()) == json.loads(text)


@pytest.mark.parametrize("text", ["", "x", "{", "<", "<a/>", '<Foo xmlns="http://hl7.org/fhir">'])
def test_what_is_neither_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_payload(text)


@pytest.mark.parametrize("release", FhirRelease)
def test_an_endpoint_takes_xml(release: FhirRelease) -> None:
    def accept(_: int, __: Arrival) -> Reply:
        return Reply.ACCEPT

    async def scenario() -> None:
        async with (
            asyncio.timeout(PATIENCE),
            Endpoint(SystemClock(), accept) as endpoint,
            httpx.AsyncClient() as http,
        ):
            await endpoint.start()
            body = write_xml(in_json(release), release)
            assert (await http.post(endpoint.url, content=body)).status_code == 200
            assert (await http.post(endpoint.url, content=b"<a/>")).status_code == 400
            assert (await endpoint.received.get()).arrival.type == KIND

    asyncio.run(scenario())
