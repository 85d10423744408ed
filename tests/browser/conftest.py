"""One Chromium for all, hubs to look at, and tests that are coroutines."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.chromium import MISSING, Chromium, find_chromium
from tests.browser.house import House, a_house
from tests.journeys.hosting import RunningHub, running_hub
from tests.support.hostile_text import HOSTILE_TEXTS


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Return the browser."""
    path = find_chromium()
    if path is None:
        pytest.fail(MISSING, pytrace=False)
    with Chromium(path) as browser:
        yield browser


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    """Return a running hub; tests keep apart by the names that they use."""
    with running_hub() as running:
        yield running


@pytest.fixture(scope="session")
def house(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return a hub that shows ordinary texts on every page."""
    texts = ("Blood count", "Chest X-ray, two views")
    with a_house(chromium, tmp_path_factory.mktemp("house"), texts) as found:
        yield found


@pytest.fixture(scope="session")
def hostile(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return a hub that shows hostile texts on every page."""
    with a_house(chromium, tmp_path_factory.mktemp("hostile"), HOSTILE_TEXTS) as found:
        yield found


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine on the loop of the browser."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    given: dict[str, Any] = {
        name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters
    }
    browser = pyfuncitem.funcargs["chromium"]
    assert isinstance(browser, Chromium)
    browser.run(test(**given))
    return True
