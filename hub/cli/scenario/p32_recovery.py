"""P32: a notification is missed, an endpoint is ill, and nothing is lost."""

from __future__ import annotations

from hub.cli.endpoint import Reply
from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P32", "A missed notification, and recovery", "backport IG, Handling Errors")
async def play(stage: Stage) -> None:
    """A gateway answers well and loses a notification; the next number shows the gap.

    The subscriber asks ``$events`` for it.  Then its endpoint is down until the hub gives up: the
    status is error, the numbers go on.  After reactivation and a handshake the backlog comes first,
    in order.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    inbox = await lab.subscribes("task-requested", f"Task?owner={lab.reference}")
    order = await placer.creates(service_request(await placer.creates(patient()), placer))

    await placer.creates(task(order, placer, lab))
    await inbox.next()
    inbox.replies.append(Reply.LOSE)
    lost = await placer.creates(task(order, placer, lab))
    seen = await placer.creates(task(order, placer, lab))
    mail = await inbox.mail("the notification after the lost one")
    (event,) = mail.arrival.events
    gap = inbox.sequence.gap(event.number)
    stage.equal("the next number shows what is missing", (gap.start, gap.stop), (2, 3))
    stage.equal("what came is the later Task", event.focus, reference(seen))
    (found,) = await inbox.events(2, 2)
    stage.equal("$events gives the one that was lost", found.focus, reference(lost))
    inbox.sequence.take(event.number)

    await inbox.goes_down()
    missed = [await placer.creates(task(order, placer, lab)) for _ in range(3)]
    ill = await inbox.until("error")
    stage.equal("the counter goes on while nothing arrives", ill.total, 6)
    stage.check("the status says what is wrong", ill.errors)
    missed.append(await placer.creates(task(order, placer, lab)))
    stage.equal("and goes on in the status error", await inbox.counted(), 7)

    inbox.greeted.clear()
    await inbox.comes_back()
    await inbox.put(status="requested")
    await inbox.opens(inbox.id)
    back = [await inbox.next() for _ in missed]
    stage.equal("the backlog comes in order", [e.number for e in back], [4, 5, 6, 7])
    stage.equal("with what was written", [e.focus for e in back], list(map(reference, missed)))
    await placer.creates(task(order, placer, lab))
    stage.equal("the next number is the next one", (await inbox.next()).number, 8)
