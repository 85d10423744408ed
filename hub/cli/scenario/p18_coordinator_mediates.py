"""P18: a coordinator stands between placer and performers."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P18", "A coordinator mediates; chain care", "COW, mediation; reference laboratory")
async def play(stage: Stage) -> None:
    """The coordinator passes the work on by Tasks of its own and mirrors their state upwards.

    Each side hears one event for one step.  Mirroring what is there already is no change: no
    event goes round for ever.  What the performers read names nothing of the placer's.
    """
    placer = await stage.actor("placer", "Ward 3")
    coordinator = await stage.actor("coordinator", "Referral centre")
    labs = [await stage.actor(f"lab {name}", f"Laboratory {name}") for name in ("X", "Y")]
    asked_by_me = f"Task?requester={coordinator.reference}"
    down = await coordinator.subscribes("task-progress", asked_by_me)
    up = await placer.subscribes("task-progress", f"Task?requester={placer.reference}")
    work = [await lab.subscribes("task-requested", f"Task?owner={lab.reference}") for lab in labs]

    ada = await placer.creates(patient())
    order = await placer.creates(service_request(ada, placer))
    whole = await placer.creates(task(order, placer, coordinator), "asks the coordinator")
    copied = await coordinator.creates(patient(), "keeps a copy of the patient")
    own = await coordinator.creates(service_request(copied, coordinator), "orders on its own")
    parts = [
        await coordinator.creates(task(own, coordinator, lab, partOf=[to(whole)])) for lab in labs
    ]
    stage.equal(
        "each performer hears of its part", [(await each.next()).number for each in work], [1, 1]
    )
    await up.next()
    for _ in parts:
        await down.next()

    await labs[0].changes(parts[0], status="accepted")
    stage.equal("the coordinator hears of the answer", (await down.next()).number, 3)
    mirrored = await coordinator.changes(whole, "mirrors it", status="accepted")
    stage.equal("the placer hears once", (await up.next()).number, 2)
    again = await coordinator.tries_change(mirrored, "mirrors it once more", status="accepted")
    stage.equal(
        "the same once more is no change", again.etag, f'W/"{mirrored["meta"]["versionId"]}"'
    )
    stage.equal("and no event", await up.counted(), 2)
    stage.equal("nothing came back down", await down.counted(), 3)

    read = await labs[0].reads(reference(parts[0]))
    text = str({name: read[name] for name in ("focus", "requester", "owner")})
    names = (order["id"], ada["id"], placer.reference)
    stage.check(
        "what a performer reads names nothing of the placer's", not any(n in text for n in names)
    )
