"""P23: orders arrive as messages, answers go by REST."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.message import NUMBERS, named
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P23", "Messages and REST together", "COW, messaging with Task at placer")
async def play(stage: Stage) -> None:
    """Two hubs: the placer's tells the fulfiller's by the channel message.

    The fulfiller's hub keeps a copy of the Task, and its own desk hears of that.  The fulfiller
    answers at the placer's hub by REST, and the placer's desk hears.  A change by the placer
    arrives at the copy, known by the Task's number.
    """
    away = "lab's hub"
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    at_home = await stage.actor("lab's system", "Central laboratory", at=away)
    number = {"system": f"{NUMBERS}task", "value": "23"}
    by_number = f"Task?identifier={named('task', '23')}"
    mine = f"Task?owner={lab.reference}"
    forwarded = await lab.forwards("task-activity", mine, to=at_home.base)
    inside = await at_home.subscribes("task-activity", by_number)
    desk = await placer.subscribes("task-progress", f"Task?requester={placer.reference}")

    order = await placer.creates(service_request(await placer.creates(patient()), placer))
    asked = await placer.creates(task(order, placer, lab, identifier=[number]))
    copy = await inside.next()
    seen = await at_home.reads(str(copy.focus))
    stage.equal("the fulfiller's hub has the Task, by message", seen["status"], "requested")
    stage.equal("under the same number", seen["identifier"], [number])
    await desk.next()

    accepted = await lab.changes(asked, "accepts at the placer's hub", status="accepted")
    stage.equal("the placer's desk hears it", (await desk.next()).number, 2)
    await inside.next()
    await placer.changes(accepted, "makes it urgent", priority="urgent")
    again = await inside.next()
    stage.equal("a change by the placer arrives at the copy", again.focus, copy.focus)
    now = await at_home.reads(str(again.focus))
    stage.equal("with its new content", now["priority"], "urgent")
    stage.equal("three messages were sent", await forwarded.counted(), 3)
    stage.equal("the copy is one Task", len(await at_home.finds(by_number)), 1)
    original = await placer.reads(reference(asked))
    stage.equal("the original is as it was", original["owner"], to(lab.reference))
