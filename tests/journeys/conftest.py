"""A hub for all tests of a module, and a second one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.hosting import RunningHub, running_hub
from tests.journeys.messaging import EVENT, LIMIT


@pytest.fixture(scope="module")
def hub(request: pytest.FixtureRequest) -> Iterator[RunningHub]:
    """Return a running hub; tests keep apart by the names that they use.

    ``SETTINGS`` of the module differ from the usual ones.
    """
    with running_hub(**getattr(request.module, "SETTINGS", {})) as running:
        yield running


@pytest.fixture(scope="module")
def other() -> Iterator[RunningHub]:
    """Return a second hub, with an event of its own and short patience."""
    with running_hub(message_event=EVENT, give_up_after=LIMIT) as running:
        yield running
