"""What the tests of the one writer share: requests that begin, and what was committed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hub.core.release import FhirRelease
from hub.ports import WriteBatch
from tests.support.fallible_store import FallibleStore

R4 = FhirRelease.R4


def ids_of(batch: WriteBatch) -> list[str]:
    """Return the ids of the Tasks that a batch wrote."""
    return [v.key.id for v in batch.versions if v.key.resource_type == "Task"]


def tasks_committed(store: FallibleStore) -> list[list[str]]:
    """Return the ids of the Tasks of each commit that wrote any."""
    return [ids for ids in map(ids_of, store.commits) if ids]


def in_background(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Begin a request."""
    return asyncio.create_task(work)
