"""What the tests of websockets share: the base, an instant, and events to be sent."""

from __future__ import annotations

from hub.core.release import FhirRelease
from tests.support.rig import SECOND, Rig
from tests.support.rig_resources import a_task

R4 = FhirRelease.R4
TICK = SECOND / 10


async def written(rig: Rig, count: int) -> None:
    """Write Tasks that match, one after the other."""
    for _ in range(count):
        await rig.write(a_task())
