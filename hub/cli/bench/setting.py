"""What each bench is given: sizes, a folder, a deadline, and where its numbers go."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.cli.bench.deadline import Deadline
from hub.cli.bench.figure import Record
from hub.cli.bench.hub_process import HubProcess, running_hub
from hub.cli.bench.measure import PROCESS
from hub.cli.bench.scale import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The surroundings of the bench of this name; ``options`` are more of each hub."""

    name: str
    scale: Scale
    folder: Path
    deadline: Deadline
    record: Record
    options: tuple[str, ...] = ()

    def room(self, name: str) -> Path:
        """Return a new, empty folder; one of this name goes."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    async def copy(self, source: Path, name: str) -> Path:
        """Return a copy of a folder with a database that nobody has open."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        await asyncio.to_thread(shutil.copytree, source, folder)
        return folder

    @asynccontextmanager
    async def hub(self, folder: Path) -> AsyncIterator[HubProcess]:
        """Run a hub on the database in ``folder``; note what each of its processes used."""
        async with running_hub(folder, *self.options) as hub:
            yield hub
            for number, (_, seconds) in enumerate(sorted(hub.usage().seconds.items()), 1):
                self.record.add(f"{self.name}.{PROCESS}", seconds, size=number)
