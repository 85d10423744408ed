"""P19: a broker finds a performer for orders that name none."""

from __future__ import annotations

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import coded, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

CATEGORY = "http://example.org/categories"


@pattern("P19", "A workflow broker", "transmission, option G; workflow management, option H")
async def play(stage: Stage) -> None:
    """An order without performer reaches the broker, which offers it to one after the other.

    A rejection brings the next offer.  Two brokers take the same order: a conditional create lets
    one of them make the Task.  The placer follows by its order, whoever asked for the Tasks.
    """
    placer = await stage.actor("placer", "Ward 3")
    broker = await stage.actor("broker")
    labs = [await stage.actor(f"lab {name}", f"Laboratory {name}") for name in ("A", "B")]
    unassigned = "ServiceRequest?performer:missing=true"
    category = f"ServiceRequest?category={CATEGORY}|laboratory"
    orders = await broker.subscribes("order-placed", unassigned, category)
    rejected = await broker.subscribes(
        "task-closed", f"Task?requester={broker.reference}", "Task?status=rejected"
    )
    inboxes = [
        await lab.subscribes("task-requested", f"Task?owner={lab.reference}") for lab in labs
    ]

    ada = await placer.creates(patient())
    wanted = service_request(ada, placer, category=[coded("laboratory", CATEGORY)])
    order = await placer.creates(wanted)
    told = await orders.next()
    stage.equal("the broker hears of the order", told.focus, reference(order))
    follow = await placer.subscribes("task-progress", f"Task?focus={reference(order)}")
    free = f"focus={reference(order)}&status:not=rejected,cancelled"
    first = await broker.creates(task(order, broker, labs[0]), "offers it", if_none_exist=free)
    same = await broker.creates(
        task(order, broker, labs[1]), "offers it, as another broker", if_none_exist=free
    )
    stage.equal("two brokers make one Task", same["id"], first["id"])
    stage.equal("the first candidate is asked", (await inboxes[0].next()).focus, reference(first))
    stage.equal("the second is not", await inboxes[1].counted(), 0)

    await labs[0].changes(first, status="rejected")
    stage.equal("the broker hears the rejection", (await rejected.next()).focus, reference(first))
    second = await broker.creates(
        task(order, broker, labs[1]), "offers it to the next", if_none_exist=free
    )
    stage.equal("the next candidate is asked", (await inboxes[1].next()).focus, reference(second))
    await labs[1].changes(second, status="accepted")
    seen = [(await follow.next()).focus for _ in range(4)]
    both = [reference(first)] * 2 + [reference(second)] * 2
    stage.equal("the placer follows by the order", seen, both)
    stage.equal("the broker's own Tasks are no orders to it", await orders.counted(), 1)
