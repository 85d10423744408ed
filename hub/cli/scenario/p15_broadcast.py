"""P15: an order is offered to several performers, each by a Task of its own."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, urn
from hub.cli.scenario.order import COW, coded, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P15", "Broadcast: the first to accept gets it", "COW, broadcast and claim")
async def play(stage: Stage) -> None:
    """A placer offers an order to two performers at once, with a Task for each in one group.

    Each hears of its own Task only.  Both accept in the same moment; the placer takes the one whose
    event has the lower number, tells it so, and cancels the other with the reason.
    """
    placer = await stage.actor("placer", "Ward 3")
    labs = [await stage.actor(f"lab {name}", f"Laboratory {name}") for name in ("A", "B")]
    inboxes = [
        await lab.subscribes("task-requested", f"Task?owner={lab.reference}") for lab in labs
    ]
    ends = [await lab.subscribes("task-closed", f"Task?owner={lab.reference}") for lab in labs]
    group = {"system": "urn:example:offers", "value": "offer-1"}
    named = f"{group['system']}|{group['value']}"
    desk = await placer.subscribes("task-progress", f"Task?group-identifier={named}")

    ada = await placer.creates(patient())
    order, *tasks = await placer.transacts(
        service_request(ada, placer),
        *(task(urn(0), placer, lab, groupIdentifier=group) for lab in labs),
        what="orders, and offers it to both",
    )
    offered = [(await inbox.next()).focus for inbox in inboxes]
    stage.equal("each hears of its own Task", offered, [reference(each) for each in tasks])
    stage.equal("and of no other", [await inbox.counted() for inbox in inboxes], [1, 1])
    first_two = [(await desk.next()).number for _ in tasks]
    stage.equal("the placer sees both offers", first_two, [1, 2])

    for lab, each in zip(labs, tasks, strict=True):
        await lab.changes(each, status="accepted")
    answers = sorted([await desk.next() for _ in tasks], key=lambda event: event.number)
    chosen, lost = [await placer.reads(str(event.focus)) for event in answers]
    stage.equal("the lower number came first", answers[0].focus, reference(tasks[0]))
    await placer.changes(chosen, "selects lab A", businessStatus=coded("selected", COW))
    reason = {"text": "not selected"}
    await placer.changes(lost, "cancels the Task of lab B", status="cancelled", statusReason=reason)

    told = await ends[1].next()
    seen = await labs[1].reads(str(told.focus))
    stage.equal("the loser hears the reason", seen["statusReason"], reason)
    stage.equal("the winner's Task is open", await ends[0].counted(), 0)
    query = f"Task?group-identifier={named}&owner="
    mine = await labs[1].finds(query + labs[1].reference)
    stage.equal(
        "who asks for its own finds its own", [each["id"] for each in mine], [tasks[1]["id"]]
    )
    everything = await placer.finds(f"Task?focus={reference(order)}")
    statuses = sorted(each["status"] for each in everything)
    stage.equal("both Tasks are of the order", statuses, ["accepted", "cancelled"])
