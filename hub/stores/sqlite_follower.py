"""Reading a database that another process has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import TypeVar

from hub.ports import Reader
from hub.stores.database_facts import layout_of, read_facts
from hub.stores.sqlite_views import SqliteViews, connect
from hub.stores.trouble import explained

T = TypeVar("T")


class SqliteFollower:
    """A ``hub.ports.ReadableStore`` of the file ``path``, of which another process is the owner.

    It takes no lock, writes nothing and never checkpoints.

    Args:
        path: a database that its owner has opened at least once.
        readers: how many reads can run at the same time.
        busy_timeout: seconds to wait for another program that has the database locked.

    Raises:
        Unavailable: the database is empty, or of another schema.
        StoreBroken: there is none, or it can't be read.
    """

    def __init__(self, path: Path, *, readers: int = 2, busy_timeout: float = 5.0) -> None:
        with explained():
            with closing(connect(path, "ro", busy_timeout)) as db:
                layout = layout_of(db, read_facts(db))
            self._views = SqliteViews(
                path, layout, Event(), count=readers, busy_timeout=busy_timeout
            )

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run ``query`` in a reading thread, inside one transaction."""
        return await self._views.read(query)

    def close(self) -> None:
        """Close every connection; the database stays as its owner left it."""
        self._views.close()
