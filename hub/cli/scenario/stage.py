"""The stage of a scenario: its hubs and actors, what happened on it, and what was checked."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from hub.bootstrap import Hosting
from hub.cli.demo import demo_settings
from hub.cli.scenario.actor import Actor
from hub.cli.scenario.identity import Identity
from hub.cli.story_step import Narrator, Step
from hub.core.release import FhirRelease
from hub.ports import Clock
from hub.settings import DEFAULT_HOST

HUB = "hub"
GIVE_UP_AFTER = timedelta(seconds=2)
"""How long a hub of the stage tries an ill endpoint before the status is error."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the acceptance: what must be, and whether it was; ``detail`` what was instead."""

    text: str
    held: bool
    detail: str = ""


class Stage:
    """A play in progress.

    Args:
        clock: tells the time of steps.
        url: of the hub to play on; a hub of its own is started where None.
        token: that all actors show to that hub.
        release: which base the actors use.
        tell: called with each step as it happens.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        url: str | None = None,
        token: str | None = None,
        release: FhirRelease = FhirRelease.R4,
        tell: Callable[[Step], None] = lambda _: None,
    ) -> None:
        self.clock = clock
        self.release = release
        self.checks: list[Check] = []
        self._url = url
        self._token = token
        self._urls: dict[str, str] = {}
        self._narrator = Narrator(clock, tell, lambda _: None)
        self._stack = AsyncExitStack()
        self._hosted: dict[str, Hosting] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def steps(self) -> list[Step]:
        """What happened so far."""
        return self._narrator.steps

    @property
    def events(self) -> int:
        """How many notifications of events arrived."""
        return sum(bool(step.number) for step in self.steps)

    @property
    def held(self) -> bool:
        """Whether something was checked, and everything held."""
        return bool(self.checks) and all(check.held for check in self.checks)

    def check(self, text: str, held: object, detail: object = "") -> None:
        """Keep one line of the acceptance."""
        self.checks.append(Check(text, bool(held), "" if held else str(detail)))

    def equal(self, text: str, found: object, expected: object) -> None:
        """Keep one line of the acceptance: something is what it must be."""
        self.check(text, found == expected, f"{found!r}, not {expected!r}")

    def step(self, who: str, whom: str, what: str, **more: Any) -> None:
        """Tell one step (``hub.cli.story_step.Narrator.say``)."""
        self._narrator.say(who, whom, what, **more)

    async def hub(self, name: str = HUB, **settings: Any) -> str:
        """Return the URL of a hub, started when it is first named.

        Args:
            name: what it is called in the steps; the first is the one that the play is given.
            settings: that differ from those of a demo.
        """
        if name not in self._urls:
            if self._url is not None and not self._urls:
                self._urls[name] = self._url
            else:
                self._urls[name] = await self._host(name, settings)
        return self._urls[name]

    async def _host(self, name: str, changes: dict[str, Any]) -> str:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fhir-hub-"))
        listening = socket.create_server((DEFAULT_HOST, 0), backlog=1024)
        self._stack.callback(listening.close)
        port = listening.getsockname()[1]
        quick = demo_settings(Path(folder) / "hub.db", port)
        settings = replace(quick, **{"give_up_after": GIVE_UP_AFTER, **changes})
        hosting = Hosting(settings, listening=listening)
        await hosting.start()
        self._hosted[name] = hosting
        self._stack.push_async_callback(hosting.stop)
        return settings.public_url

    async def actor(
        self,
        name: str,
        organization: str = "",
        *,
        at: str = HUB,
        identity: Identity | None = None,
    ) -> Actor:
        """Return somebody who takes part, with an Organization on the hub ``at``.

        Args:
            name: as the steps call them.
            organization: its name, as people read it; ``name`` where empty.
            at: the hub that they talk to first.
            identity: who they are there, where the stage's hub asks.
        """
        url = await self.hub(at)
        token = self._token if url == self._url else None
        if identity is not None:
            token = identity.token
        actor = Actor(self, name, url, at, token)
        await self._stack.enter_async_context(actor)
        await actor.registers(
            organization or name.capitalize(), None if identity is None else identity.id
        )
        return actor
