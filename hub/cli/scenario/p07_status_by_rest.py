"""P07: the status of an order is asked by REST."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, version
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P07", "The status is asked by REST", "workflow management, querying status")
async def play(stage: Stage) -> None:
    """Whoever missed something searches the Task by its order and reads its history.

    What the search says is what the last notification was about: a read after a notification
    never shows an older version than the one that fired.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    desk = await placer.subscribes("task-progress", f"Task?requester={placer.reference}")
    order = await placer.creates(service_request(await placer.creates(patient()), placer))

    now = await placer.creates(task(order, placer, lab, basedOn=[{"reference": reference(order)}]))
    seen = []
    for number, status in enumerate(("accepted", "in-progress", "completed"), 1):
        event = await desk.next()
        seen.append(version(await placer.reads(str(event.focus))) >= number)
        now = await lab.changes(now, status=status)
    await desk.next()
    stage.check("a read never shows less than what was told", all(seen))
    for name in ("focus", "based-on"):
        (found,) = await placer.finds(f"Task?{name}={reference(order)}")
        stage.equal(f"found by {name}, with its last status", found["status"], "completed")
    history = await placer.reads(f"{reference(now)}/_history")
    versions = [version(entry["resource"]) for entry in history["entry"]]
    stage.equal("its history has every version, newest first", versions, [4, 3, 2, 1])
