"""P24: messages alone, known by numbers of the placer."""

from __future__ import annotations

from hub.cli.scenario.message import message, named, new_order
from hub.cli.scenario.p05_messages import sends
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P24", "Messages only, by the placer's numbers", "COW, pure messaging")
async def play(stage: Stage) -> None:
    """Everything is in the message; no URL in it can be read, and none needs to be.

    References inside it lead to what was stored.  Later messages are matched by the Task's number
    alone.  Sent again, a message has no second effect.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    nowhere = "https://placer.example.org/fhir"
    by_number = f"Task?identifier={named('task', '24')}"
    work = await lab.subscribes("task-activity", by_number)

    order = new_order(nowhere, "order-24", "24")
    stage.equal("the order is taken", await sends(placer, order), (200, "ok"))
    event = await work.next()
    stored = await lab.reads(str(event.focus))
    request = await lab.reads(stored["focus"]["reference"])
    subject = await lab.reads(request["subject"]["reference"])
    stage.equal("Task leads to request, request to patient", subject["resourceType"], "Patient")
    stage.equal("the patient is the one in the message", subject["name"], [{"family": "Example"}])

    update = message(nowhere, "update-24", "order-update", status="cancelled", number="24")
    stage.equal("an update is taken", await sends(placer, update), (200, "ok"))
    stage.equal("it is about the same Task", (await work.next()).focus, event.focus)
    now = await lab.reads(str(event.focus))
    stage.equal("matched by its number alone", now["status"], "cancelled")
    for bundle in (order, update):
        stage.equal("sent again it is answered alike", await sends(placer, bundle), (200, "ok"))
    stage.equal("and has no second effect", await work.counted(), 2)
    stage.equal("there is one Task", len(await lab.finds(by_number)), 1)
