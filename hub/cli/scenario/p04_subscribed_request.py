"""P04: the order stays where it was written; both sides subscribe."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import coded, patient, report, service_request
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

CATEGORY = "http://example.org/categories"


@pattern("P04", "Orders and results by subscription", "ad hoc, option C; transmission, option C")
async def play(stage: Stage) -> None:
    """A laboratory subscribes to orders that name it, a placer to results of its own orders.

    "Everything about my open orders" is one filter: the chain over the requester.  While the
    laboratory's endpoint is down nothing is lost; ``$events`` has it all, in order.
    """
    placer = await stage.actor("placer", "Ward 3")
    other = await stage.actor("other placer", "Ward 4")
    lab = await stage.actor("lab", "Central laboratory")
    imaging = await stage.actor("imaging", "Radiology")
    named = f"ServiceRequest?performer={lab.reference}"
    orders = await lab.subscribes(
        "order-placed", named, f"ServiceRequest?category={CATEGORY}|laboratory"
    )
    chain = f"DiagnosticReport?based-on:ServiceRequest.requester={placer.reference}"
    results = await placer.subscribes("result-available", chain)

    ada = await placer.creates(patient())
    laboratory = [coded("laboratory", CATEGORY)]
    to_lab = {"performer": [to(lab.reference)], "category": laboratory}
    order = await placer.creates(service_request(ada, placer, **to_lab))
    await placer.creates(service_request(ada, placer, performer=[to(imaging.reference)]))
    stage.equal("the lab hears of its order", (await orders.next()).focus, reference(order))
    stage.equal("and of no other", await orders.counted(), 1)
    result = await lab.creates(report(order, ada))
    stage.equal("the placer hears of the result", (await results.next()).focus, reference(result))
    theirs = await other.creates(service_request(ada, other, **to_lab))
    await orders.next()
    await lab.creates(report(theirs, ada))
    stage.equal("results of others are not for it", await results.counted(), 1)

    await orders.goes_down()
    missed = [await placer.creates(service_request(ada, placer, **to_lab)) for _ in range(3)]
    found = await orders.events(3)
    stage.equal(
        "what came meanwhile is kept", [e.focus for e in found], list(map(reference, missed))
    )
    stage.equal("under its numbers", [event.number for event in found], [3, 4, 5])
