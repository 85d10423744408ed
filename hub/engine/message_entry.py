"""The entries of a message: where each comes from, and what its references stand for.

A message comes from somebody whose ids mean nothing here.  A fullUrl that is an address means the
same resource in every message; any other, such as a ``urn:uuid:``, only inside its own.
Source: http://hl7.org/fhir/R5/bundle.html#references; http://hl7.org/fhir/R5/messaging.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.core.notification import stable_uuid
from hub.core.release import FhirRelease, Json, Resource
from hub.core.version import ResourceKey
from hub.engine.transaction_reference import NOWHERE_ELSE, renamed
from hub.errors import UnresolvedReference

_TYPE_AND_ID: Final = r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.\-]{1,64})"
_REST: Final = r"(?:/_history/[A-Za-z0-9.\-]{1,64})?"
_ADDRESS: Final = re.compile(rf"(https?://[^?#]+)/{_TYPE_AND_ID}{_REST}")
_RELATIVE: Final = re.compile(rf"{_TYPE_AND_ID}{_REST}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a resource is on a FHIR server."""

    base: str
    resource_type: str
    id: str

    def __str__(self) -> str:
        """Return the URL, without a version."""
        return f"{self.base}/{self.resource_type}/{self.id}"


def read_address(url: Json) -> Address | None:
    """Read the URL of a resource, also of a version of it; None if it is none."""
    found = _ADDRESS.fullmatch(url) if isinstance(url, str) else None
    return Address(found[1], found[2], found[3]) if found else None


@dataclass(frozen=True, slots=True)
class MessageEntry:
    """One resource of a message; ``resource`` is None where the message says it was deleted.

    ``full_url`` is what the message calls it, or what stands for that where it has no name.
    """

    full_url: str
    resource_type: str
    resource: Resource | None = field(repr=False)

    @property
    def origin(self) -> str | None:
        """Where the resource is kept by whom it comes from, None where that is not told.

        A hub that passes on what it was sent says in ``meta.source`` where that was kept first.
        """
        meta = (self.resource or {}).get("meta") or {}
        for url in (meta.get("source"), self.full_url):
            address = read_address(url)
            if address is not None and address.resource_type == self.resource_type:
                return str(address)
        return None

    def own_key(self, release: FhirRelease, base_url: str) -> ResourceKey | None:
        """Return the resource of this base that the entry comes from, None if from elsewhere."""
        address = read_address(self.origin)
        if address is None or address.base != base_url:
            return None
        return ResourceKey(release, address.resource_type, address.id)


def copy_key(release: FhirRelease, resource_type: str, *name: str) -> ResourceKey:
    """Return under which id the copy of a resource from elsewhere is kept.

    Args:
        name: its address, else the message that it came with and what it is called there.
    """
    return ResourceKey(release, resource_type, stable_uuid("copy", *name))


class References:
    """What the references of one message stand for.

    Args:
        base_url: of this base.
        entries: of the message, with the resource here that each one is.
        copied: tells whether this base keeps a copy of what is at an address, and under which key.
    """

    def __init__(
        self,
        base_url: str,
        entries: Sequence[tuple[MessageEntry, ResourceKey]],
        copied: Callable[[Address], ResourceKey | None],
    ) -> None:
        self._base_url = base_url
        self._copied = copied
        self._names: dict[str, str] = {}
        self._local: dict[str, set[str]] = {}
        for entry, key in entries:
            for name in (entry.full_url, entry.origin):
                if name is not None:
                    self._names[name] = key.reference
            id = (entry.resource or {}).get("id")
            if id is not None:
                self._local.setdefault(f"{entry.resource_type}/{id}", set()).add(key.reference)

    def in_terms_of_this_base(self, entry: MessageEntry) -> Resource:
        """Return the resource of an entry with references as they are to be kept.

        Raises:
            UnresolvedReference: one names nothing in the message, and nothing outside it either.
        """
        home = read_address(entry.full_url)

        def rename(reference: str) -> str:
            return self._renamed(reference, home)

        _, value = renamed(entry.resource, rename)
        resource: Resource = value
        return resource

    def _renamed(self, reference: str, home: Address | None) -> str:
        bare = reference.partition("#")[0].partition("/_history/")[0]
        if not bare:
            return reference
        if bare in self._names:
            return self._names[bare]
        relative = _RELATIVE.fullmatch(bare)
        if relative is None:
            return self._elsewhere(reference, bare)
        if home is not None:
            absolute = f"{home.base}/{bare}"
            if absolute in self._names:
                return self._names[absolute]
            if home.base == self._base_url:
                return reference
            return self._elsewhere(f"{home.base}/{reference}", absolute)
        named = self._local.get(bare, set())
        if len(named) == 1:
            return next(iter(named))
        raise UnresolvedReference(
            f"{bare[:80]!r} names nothing in the message, and a message has no base: send the "
            "resource along, or write the reference as an absolute URL"
        )

    def _elsewhere(self, reference: str, bare: str) -> str:
        """Return what a reference stands for that leads out of the message."""
        if bare.startswith(NOWHERE_ELSE):
            raise UnresolvedReference(f"no entry of the message has the fullUrl {bare[:64]}")
        address = read_address(bare)
        if address is None:
            return reference
        if address.base == self._base_url:
            return reference.removeprefix(f"{address.base}/")
        key = self._copied(address)
        return reference if key is None else key.reference
