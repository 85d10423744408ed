"""P17: a coordinator names the performer, and placer and performer go on by themselves."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P17", "A coordinator assigns, then direct contact", "COW, central coordinator, hand-off")
async def play(stage: Stage) -> None:
    """The placer asks a coordinator, who answers with the performer as output of the Task.

    The placer then writes a Task for that performer, as a part of the first one.  When the
    performer declines, who follows the parts of the first Task hears of it.
    """
    placer = await stage.actor("placer", "Ward 3")
    coordinator = await stage.actor("coordinator", "Referral centre")
    clinic = await stage.actor("clinic", "Clinic 9")
    queue = await coordinator.subscribes("task-requested", f"Task?owner={coordinator.reference}")
    outputs = await placer.subscribes("task-output-available", f"Task?requester={placer.reference}")
    inbox = await clinic.subscribes("task-requested", f"Task?owner={clinic.reference}")
    parts = await coordinator.subscribes(
        "task-activity", f"Task?_has:Task:part-of:owner={clinic.reference}"
    )

    order = await placer.creates(service_request(await placer.creates(patient()), placer))
    asked = await placer.creates(task(order, placer, coordinator), "asks the coordinator")
    stage.equal("the coordinator is told", (await queue.next()).focus, reference(asked))
    named = {"type": {"text": "performer"}, "valueReference": to(clinic.reference)}
    answered = await coordinator.changes(
        asked, "names the performer", status="completed", output=[named]
    )
    told = await outputs.next()
    seen = await placer.reads(str(told.focus))
    stage.equal("the placer reads who it is", seen["output"], [named])

    part = task(order, placer, clinic, partOf=[to(asked)])
    work = await placer.creates(part, "asks the performer")
    stage.equal("the performer is told", (await inbox.next()).focus, reference(work))
    await clinic.changes(work, status="rejected")
    await coordinator.changes(answered, "notes it", note=[{"text": "declined by Clinic 9"}])
    stage.equal("who follows the whole hears of it", (await parts.next()).focus, reference(asked))
    stage.equal("the performer heard once", await inbox.counted(), 1)
