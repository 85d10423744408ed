"""P26: an order is changed, an alternative proposed, the work refused."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import coded, output, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P26", "Modify, propose, revoke", "COW, modification and alternative proposals")
async def play(stage: Stage) -> None:
    """The placer changes its order, and whoever holds a Task for it hears of it.

    The fulfiller rejects with a proposal as output.  The placer accepts it: a new order replaces
    the old one, which is revoked, with a new Task.  A fulfiller that thinks an order should not
    exist asks the placer to stop it.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    other = await stage.actor("other lab", "Laboratory South")
    holds = "ServiceRequest?_has:Task:focus:owner="
    changed = await lab.subscribes("order-changed", holds + lab.reference)
    ended = await lab.subscribes("order-ended", holds + lab.reference)
    not_mine = await other.subscribes("order-changed", holds + other.reference)
    inbox = await lab.subscribes("task-requested", f"Task?owner={lab.reference}")
    by_me = f"Task?requester={placer.reference}"
    closed = await placer.subscribes("task-closed", by_me)
    outputs = await placer.subscribes("task-output-available", by_me)
    asked_to_stop = await placer.subscribes(
        "task-cancellation-requested", f"Task?owner={placer.reference}"
    )

    ada = await placer.creates(patient())
    order = await placer.creates(service_request(ada, placer))
    work = await placer.creates(task(order, placer, lab))
    await inbox.next()
    edited = await placer.changes(order, "edits the order", priority="urgent")
    stage.equal("who holds a Task hears of it", (await changed.next()).focus, reference(order))
    stage.equal("others do not", await not_mine.counted(), 0)

    proposal = await lab.creates(
        service_request(ada, lab, intent="proposal"), "proposes something else"
    )
    reason = coded("alternative-proposal", "http://example.org/reasons")
    await lab.changes(work, status="rejected", statusReason=reason, output=[output(proposal)])
    stage.equal("the placer hears the rejection", (await closed.next()).focus, reference(work))
    told = await outputs.next()
    seen = await placer.reads(str(told.focus))
    read = await placer.reads(seen["output"][0]["valueReference"]["reference"])
    stage.equal("and reads the proposal", read["intent"], "proposal")

    newer = service_request(ada, placer, replaces=[to(order)], basedOn=[to(proposal)])
    second = await placer.creates(newer, "orders what was proposed")
    await placer.changes(edited, "revokes the old order", status="revoked")
    stage.equal("the lab hears of the old one's end", (await ended.next()).focus, reference(order))
    again = await placer.creates(task(second, placer, lab))
    stage.equal("and of the new Task", (await inbox.next()).focus, reference(again))
    abort = task(second, lab, placer, code=coded("abort"), intent="proposal")
    doubted = await lab.creates(abort, "asks the placer to stop it")
    stage.equal("the placer is asked", (await asked_to_stop.next()).focus, reference(doubted))
