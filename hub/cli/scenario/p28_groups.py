"""P28: several orders in one group."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to, urn
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

ORDERS = 8
TAGS = "http://terminology.hl7.org.au/CodeSystem/resource-tag"
GROUP = {"system": "urn:example:requisitions", "value": "r-1"}
NUMBER = f"{GROUP['system']}|{GROUP['value']}"


@pattern("P28", "A group of orders", "COW, order grouping; AU eRequesting, task group")
async def play(stage: Stage) -> None:
    """One transaction writes eight orders, a Task for the group and one for each order.

    Who subscribes to the group hears once; who subscribes to every Task hears of nine, together
    in one notification.  If one of them is invalid nothing is written, and nothing told.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    mine = f"Task?owner={lab.reference}"
    group = f"Task?_tag={TAGS}|fulfilment-task-group"
    once = await lab.subscribes("task-requested", mine, group)
    every = await lab.subscribes("task-requested", mine)
    ada = await placer.creates(patient())

    orders = [service_request(ada, placer, requisition=GROUP) for _ in range(ORDERS)]
    whole = task(urn(0), placer, lab, groupIdentifier=GROUP, meta=_tag("fulfilment-task-group"))
    parts = [
        task(
            urn(i),
            placer,
            lab,
            groupIdentifier=GROUP,
            partOf=[to(urn(ORDERS))],
            meta=_tag("fulfilment-task"),
        )
        for i in range(ORDERS)
    ]
    stored = await placer.transacts(*orders, whole, *parts, what="orders eight at once")
    told = await once.next()
    stage.equal("the group is one event", told.focus, reference(stored[ORDERS]))
    mail = await every.mail("the notification of all Tasks")
    stage.equal("all Tasks are nine, in one notification", len(mail.arrival.events), ORDERS + 1)
    found = await lab.finds(f"Task?group-identifier={NUMBER}&_count=50")
    stage.equal("the group's number finds them", len(found), ORDERS + 1)
    resolved = [await lab.reads(each["focus"]["reference"]) for each in found[:3]]
    stage.check(
        "what they refer to is there", all(each["requisition"] == GROUP for each in resolved)
    )

    wrong = task(urn(0), placer, lab) | {"status": "wished-for"}
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": urn(0),
                "resource": orders[0],
                "request": {"method": "POST", "url": "ServiceRequest"},
            },
            {"fullUrl": urn(1), "resource": wrong, "request": {"method": "POST", "url": "Task"}},
        ],
    }
    answer = await placer.tries("POST", "", bundle, "orders, with a Task that is wrong")
    stage.equal("one wrong Task refuses the whole", answer.status, 400)
    stage.equal("nothing is told of it", await every.counted(), ORDERS + 1)
    count = len(await placer.finds(f"ServiceRequest?requisition={NUMBER}&_count=50"))
    stage.equal("and nothing is written", count, ORDERS)


def _tag(code: str) -> dict[str, object]:
    return {"tag": [{"system": TAGS, "code": code}]}
