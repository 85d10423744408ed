"""P16: several performers bid for an order, one is selected."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, urn
from hub.cli.scenario.order import COW, coded, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

NOT_SELECTED = {"text": "not selected"}


@pattern("P16", "Bids, and a selection", "COW, bid and select")
async def play(stage: Stage) -> None:
    """Three performers are asked for a bid; two bid (accept), one declines.

    The placer hears every answer, or only the bids, as its filter says.  It selects one: that one
    is told so, the other bidder hears that its Task is closed, the one who declined hears nothing
    more.  A bid that comes after the selection is cancelled.
    """
    placer = await stage.actor("placer", "Ward 3")
    bidders = [await stage.actor(f"bidder {name}", f"Clinic {name}") for name in ("A", "B", "C")]
    every = f"Task?requester={placer.reference}"
    answers = await placer.subscribes("task-progress", every, "Task?status:not=requested")
    bids = await placer.subscribes("task-progress", every, "Task?status=accepted")
    news = [
        await each.subscribes("task-activity", f"Task?owner={each.reference}") for each in bidders
    ]

    ada = await placer.creates(patient())
    _, *tasks = await placer.transacts(
        service_request(ada, placer), *(task(urn(0), placer, each) for each in bidders)
    )
    for inbox in news:
        await inbox.next()
    first = await bidders[0].changes(tasks[0], "bids", status="accepted")
    second = await bidders[1].changes(tasks[1], "bids", status="accepted")
    await bidders[2].changes(tasks[2], "declines", status="rejected")
    stage.equal("the placer hears three answers", await answers.counted(), 3)
    stage.equal("of which two are bids", await bids.counted(), 2)

    before = [await inbox.counted() for inbox in news]
    chosen = coded("selected", COW)
    await placer.changes(first, "selects bidder A", businessStatus=chosen)
    lost = await placer.changes(second, status="cancelled", statusReason=NOT_SELECTED)
    after = [await inbox.counted() for inbox in news]
    told = [now - then for now, then in zip(after, before, strict=True)]
    stage.equal("one event for each bidder, none for who declined", told, [1, 1, 0])
    for _ in range(2):
        event = await news[0].next()
    won = await bidders[0].reads(str(event.focus))
    stage.equal("the winner reads that it was selected", won["businessStatus"], chosen)
    stage.equal("the other why not", lost["statusReason"], NOT_SELECTED)

    late = await placer.creates(task(won["focus"]["reference"], placer, bidders[2]))
    bid = await bidders[2].changes(late, "bids, too late", status="accepted")
    closed = await placer.changes(bid, status="cancelled", statusReason=NOT_SELECTED)
    stage.equal("a late bid is cancelled", closed["status"], "cancelled")
    stage.equal("the Task of the winner is as it was", reference(won), reference(first))
