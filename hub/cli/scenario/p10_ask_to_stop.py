"""P10: the work goes on already; the placer asks the fulfiller to stop."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import coded, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage
from hub.core.subscription import PayloadContent


@pattern("P10", "A request to stop", "workflow management, cancellation, filler owns; COW")
async def play(stage: Stage) -> None:
    """The placer writes a Task with the code abort whose focus is the Task to stop.

    The fulfiller rejects it, and goes on; asked once more it accepts, and fails the Task.  The
    placer hears each answer.  A request that names no owner reaches who holds the Task to stop.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    other = await stage.actor("other lab", "Laboratory South")
    topic, full = "task-cancellation-requested", PayloadContent.FULL_RESOURCE
    asked = await lab.subscribes(topic, f"Task?owner={lab.reference}", content=full)
    unowned = await lab.subscribes(topic, f"Task?focus:Task.owner={lab.reference}")
    theirs = await other.subscribes(topic, f"Task?owner={other.reference}")
    by_me = f"Task?requester={placer.reference}"
    answers = await placer.subscribes("task-cancellation-answered", by_me)
    ends = await placer.subscribes("task-closed", by_me, "Task?code:not=abort")

    order = await placer.creates(service_request(await placer.creates(patient()), placer))
    work = await placer.creates(task(order, placer, lab, status="in-progress"))
    abort = {"code": coded("abort")}
    first = await placer.creates(task(work, placer, lab, **abort), "asks to stop")
    told = await asked.next()
    stage.equal("the fulfiller is asked", told.focus, reference(first))
    stage.check("and shown the Task to stop", reference(work) in told.context, told.context)
    stage.equal("another fulfiller is not", await theirs.counted(), 0)
    await lab.changes(first, "goes on", status="rejected", statusReason={"text": "nearly done"})
    answer = await placer.reads(str((await answers.next()).focus))
    stage.equal("the placer hears the answer", answer["status"], "rejected")
    stage.equal("the work goes on", (await placer.reads(reference(work)))["status"], "in-progress")

    second = await placer.creates(task(work, placer, None, **abort), "asks once more, of nobody")
    numbers = [(await unowned.next()).number for _ in range(2)]
    stage.equal("who holds the work is asked without being named", numbers, [1, 2])
    stopping = await lab.changes(second, "stops", status="accepted", owner=to(lab.reference))
    stage.equal("its answer comes next", (await answers.next()).number, 2)
    await lab.changes(work, status="failed", statusReason={"text": "cancelled as requested"})
    stage.equal("and the end of the work", (await ends.next()).focus, reference(work))
    stage.equal("the request is answered", stopping["status"], "accepted")
