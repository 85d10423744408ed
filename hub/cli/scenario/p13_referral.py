"""P13: a simple referral that the performer may decline."""

from __future__ import annotations

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import output, patient, report, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P13", "A referral that the performer may decline", "COW, simple referral")
async def play(stage: Stage) -> None:
    """A placer writes an order and a Task for one performer, who declines it with a reason.

    The placer hears of it and asks another performer, who accepts, works and reports.  The
    performers hear only of Tasks that are theirs; the placer hears of every step.
    """
    placer = await stage.actor("placer", "Ward 3")
    first = await stage.actor("first lab", "Laboratory North")
    second = await stage.actor("second lab", "Laboratory South")
    desk = await placer.subscribes("task-progress", f"Task?requester={placer.reference}")
    inbox = await first.subscribes("task-requested", f"Task?owner={first.reference}")
    other = await second.subscribes("task-requested", f"Task?owner={second.reference}")

    ada = await placer.creates(patient())
    order = await placer.creates(service_request(ada, placer))
    asked = await placer.creates(task(order, placer, first))
    offered = await inbox.next()
    stage.equal("the performer is told of the Task", offered.focus, reference(asked))
    stage.equal("the other performer is not", await other.counted(), 0)
    await desk.next()

    declined = await first.changes(
        asked, status="rejected", statusReason={"text": "no capacity this week"}
    )
    told = await desk.next()
    now = await placer.reads(str(told.focus))
    stage.equal("the placer hears that it was declined", now["status"], "rejected")
    stage.equal("and why", now["statusReason"]["text"], "no capacity this week")
    stage.check("the order is as it was", await placer.reads(reference(order)) == order)
    late = await first.tries_change(asked, status="accepted")
    stage.equal("whoever still acts on the old version is refused", late.status, 412)

    again = await placer.creates(task(order, placer, second))
    stage.equal("the next performer is told", (await other.next()).focus, reference(again))
    await desk.next()
    accepted = await second.changes(again, status="accepted")
    await desk.next()
    result = await second.creates(report(order, ada))
    done = await second.changes(accepted, status="completed", output=[output(result)])
    stage.equal("the placer hears of the end", (await desk.next()).focus, reference(done))
    stage.equal("five events for the placer: two offers, three steps", await desk.counted(), 5)
    stage.equal("one for each performer", await inbox.counted() + await other.counted(), 2)
    stage.equal("a Task that was declined stays declined", declined["status"], "rejected")
