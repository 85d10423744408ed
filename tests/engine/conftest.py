"""The two ways in which a websocket takes texts."""

from __future__ import annotations

import pytest

from tests.support.rig_endpoints import Wire


@pytest.fixture(params=[False, True], ids=["at once", "waiting"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every story be the same whether texts are taken at once or have to wait."""
    monkeypatch.setattr(Wire, "waits", request.param)
