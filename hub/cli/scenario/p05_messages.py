"""P05: order and answer go as messages."""

from __future__ import annotations

from hub.cli.scenario.actor import Actor, reference
from hub.cli.scenario.message import answered, message, named, new_order
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage


@pattern("P05", "An order by message, acknowledged", "ad hoc, option D; transmission, option H")
async def play(stage: Stage) -> None:
    """The placer posts an order as one message, with everything in it; it is acknowledged at once.

    The same message again has the same answer and no second effect.  The fulfiller answers by a
    message that names the Task by its number; a number that nobody knows is refused for good.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Central laboratory")
    seen = await lab.subscribes("message-received")
    steps = await placer.subscribes("task-progress", f"Task?identifier={named('task', '1')}")
    ends = await lab.subscribes("task-closed", f"Task?identifier={named('task', '1')}")

    order = new_order(placer.base, "m-1", "1")
    stage.equal("the order is acknowledged", await sends(placer, order), (200, "ok"))
    stage.check("the lab hears of the message", (await seen.next()).focus)
    stage.equal("the same once more is answered alike", await sends(placer, order), (200, "ok"))
    stage.equal("and has no second effect", await seen.counted(), 1)
    await steps.next()

    for number, status in enumerate(("accepted", "completed"), 2):
        update = message(lab.base, f"m-{number}", "order-update", status=status, number="1")
        stage.equal(f"the answer: {status}", await sends(lab, update), (200, "ok"))
        event = await steps.next()
        now = await placer.reads(str(event.focus))
        stage.equal("reaches the Task of the order", now["status"], status)
    stage.equal("its end is one event", (await ends.next()).focus, reference(now))

    unknown = message(lab.base, "m-9", "order-update", status="accepted", number="nobody's")
    refused = await sends(lab, unknown)
    stage.equal("a number that nobody knows is refused", refused, (422, "fatal-error"))
    stage.equal("three steps in all", await steps.counted(), 3)


async def sends(actor: Actor, bundle: dict[str, object]) -> tuple[int, str]:
    """Post a message; return the HTTP status and the code of the answer."""
    answer = await actor.tries("POST", "$process-message", bundle, "sends a message")
    return answer.status, answered(answer.resource)
