"""P11: order and Task are written at the placer; the fulfiller reads them there."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, urn
from hub.cli.scenario.order import output, patient, report, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P11", "The Task is at the placer", "workflow management, option F; COW, simple order")
async def play(stage: Stage) -> None:
    """One transaction writes the order and its Task; the fulfiller hears of the Task.

    It reads both at once: nothing is told before everything is there.  It accepts, works, reports
    at home and completes the Task with the report.  The placer's desk hears each step; another
    fulfiller hears nothing.
    """
    placer = await stage.actor("placer", "Ward 3")
    home = await stage.hub("fulfiller's hub")
    lab = await stage.actor("lab", "Central laboratory")
    at_home = await stage.actor("lab's system", "Central laboratory", at="fulfiller's hub")
    other = await stage.actor("other lab", "Laboratory South")
    inbox = await lab.subscribes("task-requested", f"Task?owner={lab.reference}")
    theirs = await other.subscribes("task-requested", f"Task?owner={other.reference}")
    desk = await placer.subscribes("task-progress", f"Task?requester={placer.reference}")

    ada = await placer.creates(patient())
    order, asked = await placer.transacts(
        service_request(ada, placer), task(urn(0), placer, lab), what="orders, in one transaction"
    )
    told = await inbox.next()
    stage.equal("the first event is the Task", (told.number, told.focus), (1, reference(asked)))
    seen = await lab.reads(str(told.focus))
    stage.equal("the Task can be read at once", seen["status"], "requested")
    found = await lab.reads(seen["focus"]["reference"])
    stage.equal("and the order", found["id"], order["id"])

    now = asked
    for status in ("accepted", "in-progress"):
        now = await lab.changes(now, status=status)
    result = await at_home.creates(report(f"{placer.base}/{reference(order)}", "Patient/local"))
    url = f"{home}/fhir/r4/{reference(result)}"
    done = await lab.changes(
        now, "completes, with the report", status="completed", output=[output(url)]
    )
    numbers = [(await desk.next()).number for _ in range(4)]
    stage.equal("the placer's desk hears four steps", numbers, [1, 2, 3, 4])
    link = done["output"][0]["valueReference"]["reference"]
    fetched = await at_home.reads(link.removeprefix(f"{at_home.base}/"))
    stage.equal("the report is where the Task says", fetched["id"], result["id"])
    await placer.changes(order, "closes the order", status="completed")
    stage.equal("the fulfiller heard once", await inbox.counted(), 1)
    stage.equal("the other never", await theirs.counted(), 0)
