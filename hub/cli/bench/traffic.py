"""What a load sends, request after request, and what has to come of each."""

from __future__ import annotations

import random  # noqa: TID251  # a load is drawn from a seed
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

from hub.cli.bench.sample import STATUSES, resource, transaction
from hub.cli.bench.wire import request
from hub.cli.bench.workload import Shares, Workload, Zipf, read_workload

_KEPT = 512
_CHANGES = frozenset(("create", "status", "content", "delete"))


class Shot(NamedTuple):
    """One request, and what counts if it succeeds.

    ``what`` is what it does, ``about`` what that is counted by: whom it is for or its type.
    ``settle`` is called when it was answered well.
    """

    text: bytes
    what: str
    about: str
    size: int
    settle: Callable[[], None] = lambda: None


class Traffic(Protocol):
    """A stream of requests; each worker of a load has its own."""

    def next(self, at: int) -> Shot:
        """Return the next request, meant to be sent at ``at`` (nanoseconds)."""


class _Kept(NamedTuple):
    """A resource that was written."""

    resource_type: str
    id: str
    owner: str
    size: int
    status: int = 0
    language: int = 0
    sent: int = 0


class Writing:
    """Creates, updates and deletes as in the workload, of all types or of Tasks alone.

    Args:
        prefix: no other one has it: ids begin so.
        owners: how many parties Tasks are for, drawn by Zipf.
    """

    def __init__(
        self,
        host: bytes,
        prefix: str,
        luck: random.Random,
        workload: Workload,
        *,
        owners: Zipf,
        only: str | None,
    ) -> None:
        self._host = host
        self._prefix = prefix
        self._luck = luck
        self._workload = workload
        self._owners = owners
        self._types = Shares({only: 1} if only else workload.types)
        self._interactions = Shares(workload.interactions)
        self._updates = Shares(workload.updates)
        self._by_owner = only == "Task"
        self._kept: deque[_Kept] = deque(maxlen=_KEPT)
        self._count = 0

    def next(self, at: int) -> Shot:
        """Return the next write."""
        what = self._interactions.draw(self._luck)
        if what == "create" or not self._kept:
            return self._create(at)
        index = self._luck.randrange(len(self._kept))
        before = self._kept[index]
        if what == "delete":
            del self._kept[index]
            return self._shot(before, what, b"DELETE", b"")
        what = self._updates.draw(self._luck)
        if what == "noop":
            return self._put(before, what)
        if what == "status":
            after = before._replace(sent=at, status=(before.status + 1) % len(STATUSES))
        else:
            after = before._replace(sent=at, language=before.language + 1)
        # At once, not when it is answered: a worker sends one after the other.
        self._kept[index] = after
        return self._put(after, what)

    def _create(self, at: int) -> Shot:
        self._count += 1
        resource_type = self._types.draw(self._luck)
        new = _Kept(
            resource_type,
            f"{self._prefix}-{self._count}",
            f"Organization/o{self._owners.draw(self._luck)}",
            self._workload.size(resource_type, self._luck),
            sent=at,
        )
        return self._put(new, "create")._replace(settle=partial(self._kept.append, new))

    def _put(self, kept: _Kept, what: str) -> Shot:
        body = resource(
            kept.resource_type,
            kept.id,
            kept.size,
            owner=kept.owner,
            status=STATUSES[kept.status],
            sent=kept.sent,
            language=f"en-{kept.language}",
        )
        return self._shot(kept, what, b"PUT", body)

    def _shot(self, kept: _Kept, what: str, method: bytes, body: bytes) -> Shot:
        path = f"/fhir/r4/{kept.resource_type}/{kept.id}".encode()
        return Shot(
            text=request(method, self._host, path, body),
            what=what,
            about=kept.owner if self._by_owner else kept.resource_type,
            size=len(body),
        )


class Transactions:
    """Transactions that create ``entries`` Tasks each."""

    def __init__(self, host: bytes, prefix: str, size: int, entries: int) -> None:
        self._host = host
        self._prefix = prefix
        self._size = size
        self._entries = entries
        self._count = 0

    def next(self, at: int) -> Shot:
        """Return the next transaction."""
        self._count += 1
        ids = [f"{self._prefix}-{self._count}-{number}" for number in range(self._entries)]
        tasks = {f"Task/{id}": resource("Task", id, self._size, sent=at) for id in ids}
        body = transaction(tasks)
        return Shot(
            text=request(b"POST", self._host, b"/fhir/r4", body),
            what="transaction",
            about="Task",
            size=len(body),
        )


class Posting:
    """The same body again and again, to ``paths`` in turn."""

    def __init__(self, host: bytes, size: int, paths: int) -> None:
        body = resource("Task", "t", size)
        self._shots = [
            Shot(
                text=request(b"POST", host, b"/bare/%d" % path, body),
                what="post",
                about="bare",
                size=len(body),
            )
            for path in range(paths)
        ]
        self._count = 0

    def next(self, at: int) -> Shot:
        """Return the next post."""
        self._count += 1
        return self._shots[self._count % len(self._shots)]


def moves(what: str) -> bool:
    """Tell whether a request of this kind changes a resource, so that it is an event."""
    return what in _CHANGES


def make_traffic(kind: Mapping[str, Any], host: bytes, worker: int) -> Traffic:
    """Return the traffic of one worker.

    Args:
        kind: ``kind`` is ``writes``, ``changes`` (writes that all change something),
            ``transactions`` or ``posts``; the rest is for that.
    """
    luck = random.Random(f"{kind['seed']}-{worker}")  # noqa: S311  # a load is no secret
    prefix = f"{kind['prefix']}-{worker}"
    match kind["kind"]:
        case "writes" | "changes":
            workload = read_workload()
            return Writing(
                host,
                prefix,
                luck,
                workload if kind["kind"] == "writes" else workload.of_changes,
                owners=Zipf(kind["owners"]),
                only=kind["only"],
            )
        case "transactions":
            return Transactions(host, prefix, kind["size"], kind["entries"])
        case _:
            return Posting(host, kind["size"], kind["paths"])
