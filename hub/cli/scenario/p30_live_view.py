"""P30: a developer watches what happens, over a websocket."""

from __future__ import annotations

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage
from hub.core.subscription import PayloadContent

SOON = 500.0


@pattern("P30", "The developer's live view", "websocket channel")
async def play(stage: Stage) -> None:
    """A developer subscribes to everything and sees each change as it is committed.

    A wrong token opens nothing.  When the socket is lost, the next one goes on where it ended:
    what happened in between comes first, and ``$events`` says the same.
    """
    developer = await stage.actor("developer")
    placer = await stage.actor("placer", "Ward 3")
    full = PayloadContent.FULL_RESOURCE
    live = await developer.watches("any-change", "_type=Task,ServiceRequest", content=full)
    order = await placer.creates(service_request(await placer.creates(patient()), placer))
    mail = await live.mail("the first change")
    (seen,) = mail.arrival.events
    live.sequence.take(seen.number)
    stage.equal("the change is seen", seen.focus, reference(order))
    stage.equal("with what was written", (seen.resource or {}).get("id"), order["id"])
    took = (mail.at - seen.timestamp).total_seconds() * 1000 if seen.timestamp else SOON
    stage.check("within half a second", took < SOON, f"{took:.0f} ms")
    stage.equal("other types are not", await live.counted(), 1)
    stage.equal("a wrong token opens nothing", await live.refused("bind-with-token none"), 1008)

    await live.close()
    missed = [await placer.creates(task(order, placer)) for _ in range(3)]
    await live.opens(live.id)
    back = [await live.next() for _ in missed]
    stage.equal("what was missed comes first", [event.number for event in back], [2, 3, 4])
    kept = [event.focus for event in await live.events(2, 4)]
    stage.equal("$events says the same", kept, [event.focus for event in back])
    latest = await placer.creates(task(order, placer))
    stage.equal("then it is live again", (await live.next()).focus, reference(latest))
