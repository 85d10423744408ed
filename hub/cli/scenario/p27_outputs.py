"""P27: results come preliminary, final, and corrected."""

from __future__ import annotations

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import output, patient, report, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P27", "Outputs: preliminary, final, corrected", "COW, sharing outputs")
async def play(stage: Stage) -> None:
    """One report goes through three states; the Task refers to it from the first on.

    The placer hears of each state by the result's topic, and once by the Task's output: the
    reference stays.  Written again without a change it is silent.  Who gets a copy hears of final
    results only.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    doctor = await stage.actor("family doctor", "Practice")
    chain = f"DiagnosticReport?based-on:ServiceRequest.requester={placer.reference}"
    results = await placer.subscribes("result-available", chain)
    outputs = await placer.subscribes("task-output-available", f"Task?requester={placer.reference}")
    ada = await placer.creates(patient())
    copies = await doctor.subscribes(
        "result-available",
        f"DiagnosticReport?patient={reference(ada)}",
        "DiagnosticReport?status=final,amended,corrected",
    )

    order = await placer.creates(service_request(ada, placer))
    work = await placer.creates(task(order, placer, lab, status="in-progress"))
    first = await lab.creates(report(order, ada, status="preliminary"))
    work = await lab.changes(work, "adds it to the Task", output=[output(first)])
    stage.equal("the placer hears of the preliminary result", (await results.next()).number, 1)
    stage.equal("and of the output", (await outputs.next()).focus, reference(work))
    stage.equal("the doctor does not", await copies.counted(), 0)

    final = await lab.changes(first, status="final", conclusion="normal")
    await lab.changes(work, status="completed")
    stage.equal("the final one is the next event", (await results.next()).number, 2)
    stage.equal("the doctor gets a copy", (await copies.next()).focus, reference(first))
    same = await lab.tries_change(final, "writes the same once more")
    stage.equal("the same once more is silent", (same.status, await results.counted()), (200, 2))
    await lab.changes(final, status="corrected", conclusion="slightly low")
    stage.equal("a correction is told after the Task's end", (await results.next()).number, 3)
    stage.equal("also to the doctor", (await copies.next()).number, 2)
    stage.equal("the output was told once", await outputs.counted(), 1)
    another = await placer.creates(patient())
    await lab.creates(report(order, another))
    stage.equal("of other patients the doctor hears nothing", await copies.counted(), 2)
