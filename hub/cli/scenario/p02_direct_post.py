"""P02: the placer writes the order where the fulfiller works."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import COMMON_TAGS, patient, report, service_request
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

ACTIONABLE = {"tag": [{"system": COMMON_TAGS, "code": "actionable"}]}


@pattern(
    "P02", "The request is posted to the fulfiller", "ad hoc, option B; transmission, option A"
)
async def play(stage: Stage) -> None:
    """An order without Task is announced once it is tagged as actionable, not before.

    The result refers to it by an absolute URL and reaches the ward that waits for exactly this
    order.  When the placer revokes the order, the fulfiller's desk is told.
    """
    ward = await stage.actor("ward", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    mine = f"ServiceRequest?performer={lab.reference}"
    work = await lab.subscribes("order-actionable", mine)
    ended = await lab.subscribes("order-ended", mine)

    ada = await ward.creates(patient())
    wanted = service_request(ada, ward, performer=[to(lab.reference)])
    order = await ward.creates(wanted)
    stage.equal("an order without the tag is not announced", await work.counted(), 0)
    tagged = await ward.changes(order, "tags it as actionable", meta=ACTIONABLE)
    stage.equal("with the tag it is", (await work.next()).focus, reference(order))
    noted = await ward.changes(tagged, "adds a note", note=[{"text": "fasting"}])
    stage.equal("a note is nothing new", await work.counted(), 1)

    results = await ward.subscribes(
        "result-available", f"DiagnosticReport?based-on={reference(order)}"
    )
    absolute = f"{lab.base}/{reference(order)}"
    result = await lab.creates(report(absolute, ada), "reports, by the order's absolute URL")
    stage.equal("the ward hears of the result", (await results.next()).focus, reference(result))
    await ward.changes(noted, "revokes the order", status="revoked")
    stage.equal("the lab hears of the end", (await ended.next()).focus, reference(order))
