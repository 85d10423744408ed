"""One hub for the whole checklist, and tests that are coroutines with a client of their release."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.core.related_query import Coding
from hub.core.release import FhirRelease
from hub.settings import packaged_topics
from tests.conformance.failure import Failures, fail_everywhere
from tests.conformance.recording import EVENT, HINT, Recordings, record
from tests.conformance.topics import write_topics
from tests.journeys.hosting import Fhir, RunningHub, running_hub
from tests.journeys.mailing import mail_settings
from tests.support.ports import fresh_port
from tests.web.topics import administered


@pytest.fixture(scope="session")
def mail_port() -> int:
    """Return the port of the mail server; tests that need one start it there."""
    return fresh_port()


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory, mail_port: int) -> Iterator[RunningHub]:
    """Return a running hub that has the topics of the checklist besides its own."""
    topics = tmp_path_factory.mktemp("topics")
    write_topics(topics)
    settings: dict[str, Any] = {
        "topics": (packaged_topics(), topics),
        "admin_token_file": administered(tmp_path_factory.mktemp("token")).admin_token_file,
        "authorization_hint": Coding(HINT["system"], HINT["code"]),
        "message_event": EVENT,
        **mail_settings(mail_port),
    }
    with running_hub(**settings) as running:
        yield running


@pytest.fixture(scope="session")
def strict() -> Iterator[RunningHub]:
    """Return a hub that sends as its defaults allow: over https, to public addresses."""
    with running_hub(allow_http=False, egress_allow=()) as running:
        yield running


@pytest.fixture(scope="session")
def failures() -> Failures:
    """Return what became of Subscriptions whose endpoint failed for good, and came back."""
    schedule = (timedelta(milliseconds=20),)
    with running_hub(retry_schedule=schedule, give_up_after=2 * schedule[0]) as running:
        return asyncio.run(fail_everywhere(running))


@pytest.fixture(scope="session")
def recordings(hub: RunningHub, mail_port: int) -> Recordings:
    """Return what Subscriptions of every kind were told of the same story."""
    return asyncio.run(record(hub, mail_port))


@pytest.fixture
def fhir(hub: RunningHub, release: FhirRelease) -> Fhir:
    """Return a client of the release that the test runs for; it is closed after the test."""
    return hub.fhir(release)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    given: dict[str, Any] = {
        name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters
    }

    async def run() -> None:
        if isinstance(client := given.get("fhir"), Fhir):
            async with client.http:
                await test(**given)
        else:
            await test(**given)

    asyncio.run(run())
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell the report of a test which item of the checklist it proves, and for which release."""
    for test in items:
        marker = test.get_closest_marker("item")
        if marker is not None and isinstance(test, pytest.Function):
            number, strength = marker.args
            release = test.callspec.params["release"]
            assert isinstance(release, FhirRelease)
            test.user_properties.append(("item", [number, strength, release.name]))
