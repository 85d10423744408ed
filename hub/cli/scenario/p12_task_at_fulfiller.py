"""P12: the Task is written at the fulfiller, the order stays at the placer."""

from __future__ import annotations

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

REGISTRY = "https://registry.example.org/fhir/Organization/ward-3"
NUMBER = {"system": "urn:example:organizations", "value": "77240214"}


@pattern("P12", "The Task is at the fulfiller", "workflow management, option G; COW")
async def play(stage: Stage) -> None:
    """Two hubs: the order stays at the placer's, its Task is written at the fulfiller's.

    The Task names the order and the placer by absolute URLs; the placer subscribes at the
    fulfiller's hub by its URL, or by its number where it is named by that alone.  It adds an id to
    a filter without losing a number.
    """
    home = "placer's hub"
    await stage.hub("hub")
    ward = await stage.actor("ward", "Ward 3", at=home)
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    steps = await placer.subscribes("task-progress", f"Task?requester={REGISTRY}")
    number = f"Task?requester:identifier={NUMBER['system']}|{NUMBER['value']}"
    by_number = await placer.subscribes("task-progress", number)

    order = await ward.creates(service_request(await ward.creates(patient()), ward))
    absolute = f"{ward.base}/{reference(order)}"
    asked = task(absolute, placer, lab) | {"requester": {"reference": REGISTRY}}
    work = await placer.creates(asked, "asks at the fulfiller's hub")
    await steps.next()
    seen = await lab.reads(reference(work))
    path = seen["focus"]["reference"].removeprefix(f"{ward.base}/")
    stage.equal(
        "the order is read at the placer's hub", (await ward.reads(path))["id"], order["id"]
    )
    await lab.changes(work, status="accepted")
    stage.equal("the placer hears of the answer", (await steps.next()).number, 2)
    stage.equal("who is named by number is another filter", await by_number.counted(), 0)

    known = asked | {"requester": {"identifier": NUMBER}}
    other = await placer.creates(known, "asks, named by its number alone")
    stage.equal("the number finds it", (await by_number.next()).focus, reference(other))

    one = await placer.subscribes("task-activity", f"Task?_id={work['id']}")
    done = await lab.changes(await lab.reads(reference(work)), status="in-progress")
    await one.next()
    wanted = f"Task?_id={work['id']},{other['id']}"
    await one.filters(wanted)
    stage.equal("with one id more it stays active", (await one.status()).status, "active")
    await lab.changes(other, status="accepted")
    stage.equal("and its numbers go on", (await one.next()).number, 2)
    stage.equal("nothing was told twice", await one.counted(), 2)
    stage.equal("the work goes on", done["status"], "in-progress")
