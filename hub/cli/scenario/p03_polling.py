"""P03: nobody is told; both sides ask from time to time."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import COMMON_TAGS, patient, report, service_request
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

ACTIONABLE = {"tag": [{"system": COMMON_TAGS, "code": "actionable"}]}


@pattern("P03", "Polling", "ad hoc, option C; transmission, option B")
async def play(stage: Stage) -> None:
    """The fulfiller searches for actionable orders that changed since it last looked.

    It asks from the last change that it has seen.  The placer asks for the results of several
    orders at once.  This is what is left when a Subscription is in error.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    other = await stage.actor("other lab", "Laboratory South")
    ada = await placer.creates(patient())
    orders = [
        await placer.creates(
            service_request(ada, placer, performer=[to(each.reference)], meta=ACTIONABLE)
        )
        for each in (lab, other, lab)
    ]
    tag = f"{COMMON_TAGS}|actionable"
    query = f"ServiceRequest?_tag={tag}&status=active&performer={lab.reference}"
    found = await lab.finds(query)
    stage.equal("the fulfiller finds its two orders", len(found), 2)
    last = max(each["meta"]["lastUpdated"] for each in found)
    since = f"{query}&_lastUpdated=gt{last}"
    stage.equal("nothing since the last of them", await lab.finds(since), [])
    await placer.changes(orders[0], "makes one urgent", priority="urgent")
    changed = [each["id"] for each in await lab.finds(since)]
    stage.equal("one after it was changed", changed, [orders[0]["id"]])

    result = await lab.creates(report(orders[0], ada))
    asked = ",".join(reference(each) for each in orders)
    (told,) = await placer.finds(f"DiagnosticReport?based-on={asked}")
    stage.equal("the placer finds the result of any of them", told["id"], result["id"])
    open_pool = await lab.finds("Task?owner:missing=true&status=requested")
    stage.equal("nobody wrote a Task", open_pool, [])
