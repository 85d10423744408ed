"""P22: a Task at the fulfiller, and one at the placer that follows it."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import coded, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

STEPS = ("scheduled", "no-show", "rescheduled")
DOMAIN = "http://example.org/business-status"


@pattern("P22", "Tasks on both sides", "workflow management, option I")
async def play(stage: Stage) -> None:
    """The placer asks at the fulfiller's hub; the fulfiller keeps a Task at the placer's in step.

    The placer's own desk only looks at its own hub, at the part that belongs to the Task it
    wrote.  That the other one lags behind breaks nothing.
    """
    away = "fulfiller's hub"
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("clinic", "Clinic 9")
    abroad = await stage.actor("placer abroad", "Ward 3", at=away)
    order = await placer.creates(service_request(await placer.creates(patient()), placer))
    absolute = f"{placer.base}/{reference(order)}"
    asked = await abroad.creates(task(absolute, abroad), "asks at the fulfiller's hub")
    theirs = f"{abroad.base}/{reference(asked)}"
    desk = await placer.subscribes("task-progress", f"Task?part-of={theirs}")

    follow = task(order, placer, lab, status="accepted", partOf=[to(theirs)])
    now = await lab.creates(follow, "keeps a Task at the placer's hub")
    for step in STEPS:
        now = await lab.changes(now, f"tells: {step}", businessStatus=coded(step, DOMAIN))
    done = await lab.changes(now, status="completed")
    told = [await desk.next() for _ in range(len(STEPS) + 2)]
    stage.equal(
        "the desk hears each step, in order", [event.number for event in told], [1, 2, 3, 4, 5]
    )
    stage.equal("of the one Task", {event.focus for event in told}, {reference(done)})
    there = await abroad.reads(reference(asked))
    stage.equal("the other Task lags behind, and nothing breaks", there["status"], "requested")
