"""A hub that starts on undelivered events: it answers first, then delivers."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from hub import bootstrap
from hub.cli.bench.backlog import fill_backlog
from hub.cli.bench.deadline import Deadline
from hub.cli.bench.hub_process import PUBLIC_URL
from hub.cli.bench.loading import load
from tests.journeys.hosting import PATIENCE, numbers_of, running_hub
from tests.support.endpoints import Endpoint

SUBSCRIPTIONS, EVENTS = 12, 3


def test_who_waits_is_answered_before_lanes_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "hub.db"

    async def scenario() -> None:
        async with Endpoint() as endpoint:
            await load(
                tmp_path,
                Deadline(PATIENCE),
                lambda loading: fill_backlog(
                    loading, SUBSCRIPTIONS, EVENTS, lambda number: f"{endpoint.url}/s{number}"
                ),
            )
            with monkeypatch.context() as patched:
                patched.setattr(bootstrap, "ANSWERS_FIRST", timedelta(hours=1))
                with running_hub(db, public_url=PUBLIC_URL) as hub:
                    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                        url = f"http://127.0.0.1:{hub.settings.port}/readyz"
                        assert (await client.get(url)).status_code == 200
            assert endpoint.received == []
            with running_hub(db, public_url=PUBLIC_URL):
                await endpoint.wait_until(lambda: len(numbers(endpoint)) >= SUBSCRIPTIONS * EVENTS)
        assert sorted(numbers(endpoint)) == sorted([*range(1, EVENTS + 1)] * SUBSCRIPTIONS)

    asyncio.run(scenario())


def numbers(endpoint: Endpoint) -> list[int]:
    """Return the numbers of all events that came."""
    return [number for body in endpoint.bodies for number in numbers_of(json.loads(body))]
