"""P21: the request stands alone; the fulfiller answers with a Task."""

from __future__ import annotations

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import output, patient, report, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P21", "A request, answered by a Task", "transmission, option F")
async def play(stage: Stage) -> None:
    """The placer writes an order without Task; whoever takes it writes a Task that says so.

    The placer follows by the order, so that it hears of every Task for it, from its creation on.
    """
    placer = await stage.actor("placer", "Ward 3")
    labs = [await stage.actor(f"lab {name}", f"Laboratory {name}") for name in ("A", "B")]
    ada = await placer.creates(patient())
    order = await placer.creates(service_request(ada, placer))
    of_it = f"Task?focus={reference(order)}"
    steps = await placer.subscribes("task-progress", of_it)
    ends = await placer.subscribes("task-closed", of_it)
    outputs = await placer.subscribes("task-output-available", of_it)

    works = [
        await lab.creates(task(order, placer, lab, status="accepted"), "takes the order")
        for lab in labs
    ]
    told = [(await steps.next()).focus for _ in works]
    stage.equal("the placer hears of each Task when it is made", told, list(map(reference, works)))
    result = await labs[0].creates(report(order, ada))
    done = [output(result)]
    await labs[0].changes(works[0], "completes it", status="completed", output=done)
    stage.equal("of its end", (await ends.next()).focus, reference(works[0]))
    stage.equal("and of its output", (await outputs.next()).focus, reference(works[0]))
    counts = (await ends.counted(), await outputs.counted(), await steps.counted())
    stage.equal("one of each, and three steps", counts, (1, 1, 3))
