"""P09: the placer cancels its own Task, before the work begins."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, version
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P09", "Cancelled by the placer", "workflow management, cancellation, placer owns")
async def play(stage: Stage) -> None:
    """Both sides act on one version of a Task: the fulfiller begins, the placer cancels.

    Whoever is first wins; the other is answered 412 and nothing is told.  A Task that nobody began
    is cancelled, and the fulfiller hears of it.  The order names no performer; that it is revoked
    reaches whoever holds a Task for it.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    closed = await lab.subscribes("task-closed", f"Task?owner={lab.reference}")
    holder = f"ServiceRequest?_has:Task:focus:owner={lab.reference}"
    ended = await lab.subscribes("order-ended", holder)
    order = await placer.creates(service_request(await placer.creates(patient()), placer))

    asked = await placer.creates(task(order, placer, lab))
    accepted = await lab.changes(asked, status="accepted")
    begun = await lab.changes(accepted, "begins to work", status="in-progress")
    stage.equal("the work has begun", begun["status"], "in-progress")
    late = await placer.tries_change(accepted, "cancels, too late", status="cancelled")
    stage.equal("who cancels on the old version is refused", late.status, 412)
    stage.equal("and nobody is told", await closed.counted(), 0)

    second = await placer.creates(task(order, placer, lab))
    cancelled = await placer.changes(second, "cancels in time", status="cancelled")
    told = await closed.next()
    read = await lab.reads(str(told.focus))
    stage.equal("the fulfiller hears which", told.focus, reference(second))
    stage.check("and reads at least that version", version(read) >= version(cancelled))
    await placer.changes(order, "revokes the order", status="revoked")
    stage.equal("who holds a Task for it is told", (await ended.next()).focus, reference(order))
