"""P14: a Task without owner, which many want and one gets."""

from __future__ import annotations

import asyncio

from hub.cli.scenario.actor import Actor, changed, match, reference, to
from hub.cli.scenario.order import coded, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage
from hub.core.release import Resource

PHARMACY, RADIOLOGY = "46255001", "310125001"
SNOMED = "http://snomed.info/sct"
CLAIMS = 100


@pattern("P14", "An open Task, claimed from a pool", "transmission option E; management option F")
async def play(stage: Stage) -> None:
    """A placer writes a Task that nobody owns yet, for a kind of performer.

    Everybody of that kind is told.  Whoever claims it names the version that was read (If-Match):
    of two, and of a hundred, exactly one gets it, the others are answered 412.  The placer and the
    losers hear who works.  Released, it is offered again.
    """
    placer = await stage.actor("placer", "Ward 3")
    north = await stage.actor("north", "Pharmacy North")
    south = await stage.actor("south", "Pharmacy South")
    imaging = await stage.actor("imaging", "Radiology")
    of_pharmacies = f"Task?performer={SNOMED}|{PHARMACY}"
    offers = [await each.subscribes("task-open", of_pharmacies) for each in (north, south)]
    other = await imaging.subscribes("task-open", f"Task?performer={SNOMED}|{RADIOLOGY}")
    claimed = await south.subscribes("task-claimed", of_pharmacies)
    desk = await placer.subscribes("task-progress", f"Task?requester={placer.reference}")

    order = await placer.creates(service_request(await placer.creates(patient()), placer))
    wanted = task(order, placer, performerType=[coded(PHARMACY, SNOMED)])
    asked = await placer.creates(wanted, "offers a Task that nobody owns")
    told = [(await offer.next()).focus for offer in offers]
    stage.equal("everybody of the kind is told", told, [reference(asked)] * 2)
    stage.equal("another kind is not", await other.counted(), 0)
    await desk.next()

    answers = await asyncio.gather(claims(north, asked), claims(south, asked))
    stage.equal("of two who claim one gets it", sorted(answers), [200, 412])
    history = await placer.reads(f"{reference(asked)}/_history")
    stage.equal("the Task has two versions", len(history["entry"]), 2)
    stage.equal("the placer hears of it", (await desk.next()).focus, reference(asked))
    stage.equal("the others hear that it is taken", (await claimed.next()).focus, reference(asked))

    held = await placer.reads(reference(asked))
    released = await placer.changes(held, "releases the Task", status="requested", owner=None)
    again = [(await offer.next()).number for offer in offers]
    stage.equal("released, it is offered once more", again, [2, 2])
    await desk.next()

    crowd = await asyncio.gather(*(claims(north, released) for _ in range(CLAIMS)))
    stage.equal(f"of {CLAIMS} at once exactly one wins", crowd.count(200), 1)
    stage.equal("all others are too late", crowd.count(412), CLAIMS - 1)
    stage.equal("four events for the placer", await desk.counted(), 4)


async def claims(actor: Actor, asked: Resource) -> int:
    """Claim a Task as it was read; return the status of the answer."""
    mine = changed(asked, {"status": "accepted", "owner": to(actor.reference)})
    path = reference(asked)
    answer = await actor.tries("PUT", path, mine, f"claims {path}", headers=match(asked))
    return answer.status
