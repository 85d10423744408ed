"""P01: a plain write is answered, whatever becomes of those who are told of it."""

from __future__ import annotations

from hub.cli.endpoint import Reply
from hub.cli.scenario.order import patient
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage

ONE_SECOND = 1000.0


@pattern("P01", "A simple POST or PUT", "ad hoc workflow, option A")
async def play(stage: Stage) -> None:
    """A client writes a Patient and has the answer at once.

    Somebody is subscribed whose endpoint never answers.  The write does not wait for it, and the
    endpoint's failure changes nothing of what was written; the Subscription says what is wrong.
    """
    client = await stage.actor("client")
    silent = await stage.actor("silent desk")
    inbox = await silent.subscribes("any-change", "_type=Patient")
    inbox.replies.extend([Reply.HANG] * 50)
    await inbox.put(channel=with_timeout(await inbox.resource(), 1))

    answer = await client.tries("PUT", "Patient/p1", patient(id="p1"), "writes a Patient")
    stage.check("it is answered 2xx", answer.ok, answer.status)
    took = answer.milliseconds
    stage.check("within a second", took < ONE_SECOND, f"{took:.0f} ms")
    stage.equal("the event is counted", await inbox.counted(), 1)
    ill = await inbox.until("error")
    stage.check("in the end the Subscription says what is wrong", ill.errors)
    stored = await client.reads("Patient/p1")
    stage.equal("the Patient is as it was written", stored["meta"]["versionId"], "1")


def with_timeout(subscription: dict[str, object], seconds: int) -> dict[str, object]:
    """Return the channel of a Subscription with a time limit for each attempt."""
    url = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-timeout"
    channel = subscription["channel"]
    assert isinstance(channel, dict)
    return {**channel, "extension": [{"url": url, "valueUnsignedInt": seconds}]}
