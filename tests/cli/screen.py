"""What a command writes, to look at while it runs."""

from __future__ import annotations

import asyncio
import io

from hub.cli.terminal import Terminal
from tests.support.deadline import DEADLINE

PATIENCE = DEADLINE
"""Seconds after which a test stops waiting."""


class Lines(io.StringIO):
    """A stream on which one can wait for words."""

    def __init__(self) -> None:
        super().__init__()
        self._grown = asyncio.Event()

    def write(self, text: str) -> int:
        self._grown.set()
        return super().write(text)

    async def until(self, words: str) -> None:
        """Return when ``words`` have been written."""
        async with asyncio.timeout(PATIENCE):
            while words not in self.getvalue():
                self._grown.clear()
                await self._grown.wait()


class Screen:
    """A terminal whose two streams can be waited on."""

    def __init__(self) -> None:
        self.out = Lines()
        self.talk = Lines()
        self.terminal = Terminal(self.out, self.talk)

    @property
    def rows(self) -> list[str]:
        """The lines of data."""
        return self.out.getvalue().splitlines()
