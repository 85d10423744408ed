"""P06: work is done by an operation, and the hub is told of it."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import patient
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

EVENT = {"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "A40"}


@pattern("P06", "An operation does the work", "ad hoc, option E; transmission, option I")
async def play(stage: Stage) -> None:
    """A merge operation of another system ends; no change of a resource shows that it did.

    That system tells the hub: an event of the topic, with the patient that it is about.  Whoever
    subscribed is notified once.  The change that follows fires the topic's trigger and is an
    event of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        token = secrets.token_urlsafe(32)
        await stage.hub("hub", admin_token_file=_token_file(Path(folder), token))
        registry = await stage.actor("registry")
        desk = await stage.actor("desk")
        merged = await desk.subscribes("patient-merged")
        old = await registry.creates(patient())
        stays = await registry.creates(patient())
        told = {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "event", "valueCoding": EVENT},
                {"name": "focus", "valueReference": {"reference": reference(old)}},
            ],
        }
        path = "Basic/patient-merged/$inject-event"
        without = await registry.tries("POST", path, told, "tells, without the right to")
        stage.equal("who has no right to tell is refused", without.status, 403)
        shown = {"Authorization": f"Bearer {token}"}
        taken = await registry.tries("POST", path, told, "tells of the merge", headers=shown)
        stage.equal("who has, is heard", taken.status, 200)
        stage.equal("the desk is notified", (await merged.next()).focus, reference(old))
        link = {"other": {"reference": reference(stays)}, "type": "replaced-by"}
        await registry.changes(old, "links the two", link=[link])
        stage.equal("the change is the next event", (await merged.next()).number, 2)
        stage.equal("two in all", await merged.counted(), 2)


def _token_file(folder: Path, token: str) -> Path:
    path = folder / "admin.token"
    path.write_text(token, "ascii")
    path.chmod(0o600)
    return path
