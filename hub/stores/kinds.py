"""The kinds of a database: the number of each resource type of a release, which never changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from hub.core.release import FhirRelease

Kinds = Mapping[tuple[FhirRelease, str], int]
"""The number of each (release, type)."""


_ONE = "SELECT id FROM kind WHERE release = ? AND type = ?"


class KnownKinds:
    """The kinds that one connection sees, read again only where there is one more.

    It must not be asked while kinds are being written: what is rolled back would stay known.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._numbers: Kinds = {}
        self._names: Mapping[int, tuple[FhirRelease, str]] = {}

    def number(self, release: FhirRelease, resource_type: str) -> int | None:
        """Return the number of a kind, None if nothing of it was ever stored."""
        found = self._numbers.get((release, resource_type))
        if found is None and self._db.execute(_ONE, (release, resource_type)).fetchone():
            self._read()
            found = self._numbers.get((release, resource_type))
        return found

    def name(self, number: int) -> tuple[FhirRelease, str]:
        """Return the release and the type of a kind that is stored."""
        if number not in self._names:
            self._read()
        return self._names[number]

    def _read(self) -> None:
        self._numbers = read_kinds(self._db)
        self._names = {number: name for name, number in self._numbers.items()}


def read_kinds(db: sqlite3.Connection) -> Kinds:
    """Return the number of every (release, type) so far."""
    return {
        (FhirRelease(release), resource_type): id
        for id, release, resource_type in db.execute("SELECT id, release, type FROM kind")
    }
