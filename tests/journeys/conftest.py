"""A hub for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.hosting import RunningHub, running_hub


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    """Return a running hub; tests keep apart by the names that they use."""
    with running_hub() as running:
        yield running
