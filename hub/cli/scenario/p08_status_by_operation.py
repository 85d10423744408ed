"""P08: the status of an order is asked by an operation."""

from __future__ import annotations

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

KINDS = ("placer", "filler")


@pattern("P08", "The status is asked by an operation", "transmission, option J")
async def play(stage: Stage) -> None:
    """Each side asks with the number that it has: the placer's, the filler's, the requisition's.

    All of them lead to the same Task.  A number that nobody knows is said to be unknown; where
    there are several Tasks, all are answered.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    mark = placer.reference.rpartition("/")[2]
    numbers = {kind: {"system": f"urn:example:{kind}", "value": mark} for kind in (*KINDS, "all")}
    order = await placer.creates(
        service_request(
            await placer.creates(patient()),
            placer,
            identifier=[numbers[kind] for kind in KINDS],
            requisition=numbers["all"],
        )
    )
    work = await placer.creates(task(order, placer, lab))
    desk = await placer.subscribes("task-progress", f"Task?requester={placer.reference}")
    await lab.changes(work, status="accepted")
    await desk.next()
    for kind in numbers:
        found = await placer.reads(f"$order-status?identifier=urn:example:{kind}|{mark}")
        told = (reference(found), found.get("status"))
        stage.equal(f"the number of {kind} leads to the Task", told, (reference(work), "accepted"))
    unknown = await placer.tries("GET", "$order-status?identifier=urn:example:placer|nobody")
    stage.equal("a number that nobody knows is not found", unknown.status, 404)
    await placer.creates(task(order, placer, lab))
    several = await placer.reads(f"$order-status?identifier=urn:example:all|{mark}")
    stage.equal("several Tasks are all answered", several["total"], 2)
