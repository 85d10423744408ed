"""A hub for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.hosting import RunningHub, running_hub


@pytest.fixture(scope="module")
def hub(request: pytest.FixtureRequest) -> Iterator[RunningHub]:
    """Return a running hub; tests keep apart by the names that they use.

    ``SETTINGS`` of the module differ from the usual ones.
    """
    with running_hub(**getattr(request.module, "SETTINGS", {})) as running:
        yield running
