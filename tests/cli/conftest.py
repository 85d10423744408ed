"""A real hub for the commands that need one: one for all tests of this folder."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.bootstrap import Hosting
from hub.cli.demo import demo_settings, free_port
from hub.event_loop import loop_factory
from tests.support.deadline import DEADLINE

PATIENCE = DEADLINE


@pytest.fixture(scope="session")
def hub_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a hub that may send to this machine, with short retries."""
    listening = free_port(None)
    folder: Path = tmp_path_factory.mktemp("hub")
    settings = demo_settings(folder / "hub.db", listening.getsockname()[1])
    hosting = Hosting(settings, listening=listening)
    ready = threading.Event()
    stopping: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def host() -> None:
        told = asyncio.Event()
        stopping.append((asyncio.get_running_loop(), told))
        await hosting.start()
        ready.set()
        await told.wait()
        await hosting.stop()

    def serve() -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(host())

    thread = threading.Thread(target=serve, daemon=True)
    with contextlib.closing(listening):
        thread.start()
        assert ready.wait(PATIENCE), "the hub did not start"
        yield settings.public_url
        loop, told = stopping[0]
        loop.call_soon_threadsafe(told.set)
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the hub did not stop"
