"""What the writer sees: the store, with the newest versions that it asked for kept at hand.

Only the writer changes what is newest, so what it has seen stays true until it commits something
newer itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from hub.core.release import FhirRelease
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.reader_view import ReaderView
from hub.ports import Reader

MOST_HEADS = 8_192
MOST_BYTES = 16 * 2**20
MOST_TYPES = 1_024


class Heads(ReaderView):
    """A ``hub.ports.Reader`` for the writer's thread that remembers newest versions.

    Args:
        reader: the view that sees each commit at once.
        most: how many newest versions, or their absence, are remembered.
        most_bytes: how much their texts may take.
    """

    def __init__(
        self, reader: Reader, *, most: int = MOST_HEADS, most_bytes: int = MOST_BYTES
    ) -> None:
        super().__init__(reader)
        self._most = most
        self._most_bytes = most_bytes
        self._heads: OrderedDict[ResourceKey, ResourceVersion | None] = OrderedDict()
        self._are_there: dict[tuple[FhirRelease, str], bool] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """Return of how many resources something is remembered."""
        return len(self._heads)

    def committed(self, versions: Iterable[ResourceVersion]) -> None:
        """Follow a commit of these versions, in their order."""
        for version in versions:
            key = version.key
            self._are_there[key.release, key.resource_type] = True
            self._keep(key, version)

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version, which may be a deletion; None if there never was one."""
        if not self._has_any(key.release, key.resource_type):
            return None
        if key in self._heads:
            return self._heads[key]
        found = self._reader.head(key)
        self._keep(key, found)
        return found

    def look_up(self, keys: Iterable[ResourceKey]) -> None:
        """Ask for the newest versions of all of these at once, as far as they are not known."""
        unknown = [
            key
            for key in dict.fromkeys(keys)
            if key not in self._heads and self._has_any(key.release, key.resource_type)
        ]
        if unknown:
            found = self._reader.heads(unknown)
            for key in unknown:
                self._keep(key, found.get(key))

    def _has_any(self, release: FhirRelease, resource_type: str) -> bool:
        """Tell whether there is any version of a type: most that is referred to is elsewhere."""
        kind = release, resource_type
        found = self._are_there.get(kind)
        if found is None:
            if len(self._are_there) >= MOST_TYPES:
                self._are_there.clear()
            found = bool(self._reader.history(release, resource_type, None, count=1))
            self._are_there[kind] = found
        return found

    def _keep(self, key: ResourceKey, version: ResourceVersion | None) -> None:
        self._bytes += _size(version) - _size(self._heads.pop(key, None))
        self._heads[key] = version
        while len(self._heads) > self._most or (
            self._bytes > self._most_bytes and len(self._heads) > 1
        ):
            _, dropped = self._heads.popitem(last=False)
            self._bytes -= _size(dropped)


def _size(version: ResourceVersion | None) -> int:
    return 0 if version is None or version.body is None else len(version.body)
