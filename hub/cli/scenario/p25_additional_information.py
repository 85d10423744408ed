"""P25: the performer asks back, by handing over the Task or by a letter."""

from __future__ import annotations

from hub.cli.client import Answer
from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.identity import Identity
from hub.cli.scenario.order import COW, coded, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage
from hub.core.echo import SUPPRESS_ECHO
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import PayloadContent
from hub.guard_settings import read_task_guard

GUARDED = "guarded hub"


@pattern("P25", "Additional information", "COW, requests for additional information")
async def play(stage: Stage) -> None:
    """The laboratory makes the placer the owner of the Task, and gets it back with the answer.

    The laboratory follows the Tasks that it owns.  Of the one that it hands over it is told once
    more, by reference alone: what the placer writes next is not for it.  Its second question goes
    as a letter, a Communication that is part of the Task.

    A hub that knows who calls it guards the same: once the laboratory owns the Task again, its
    status is the laboratory's to move.  The placer can neither move it nor take the Task; the
    laboratory asks not to be told of what it writes itself, and hears of the placer's changes.
    """
    placer = await stage.actor("placer", "Ward 3")
    lab = await stage.actor("lab", "Laboratory West")
    inbox = await lab.subscribes("task-requested", f"Task?owner={lab.reference}")
    own = await lab.subscribes(
        "task-activity", f"Task?owner={lab.reference}", content=PayloadContent.FULL_RESOURCE
    )
    questions = await placer.subscribes(
        "task-information-requested", f"Task?requester={placer.reference}"
    )
    letters = await placer.subscribes(
        "communication-sent", f"Communication?recipient={placer.reference}"
    )

    subject = await placer.creates(patient())
    order = await placer.creates(service_request(subject, placer))
    work = await placer.creates(task(order, placer, lab), "asks the laboratory")
    stage.equal("the laboratory is told", (await inbox.next()).focus, reference(work))
    seen = (await own.next()).resource
    stage.equal("and sees the Task", seen and reference(seen), reference(work))

    form = {"type": {"text": "form"}, "valueReference": {"display": "Questionnaire: medication"}}
    asked = await lab.changes(
        work,
        "hands the Task back with a question",
        owner=to(placer.reference),
        businessStatus=coded("awaiting-information", COW),
        output=[form],
    )
    stage.equal("the placer is asked", (await questions.next()).focus, reference(work))
    lost = await own.next()
    stage.equal("the laboratory is told that it gave it away", lost.focus, reference(work))
    stage.equal("by reference alone", lost.resource, None)

    noted = await placer.changes(asked, "notes who asks the patient", note=[{"text": "Dr. Lind"}])
    answer = {"type": {"text": "answer"}, "valueString": "no anticoagulants"}
    answered = await placer.changes(
        noted,
        "answers and hands it over again",
        owner=to(lab.reference),
        businessStatus=None,
        input=[answer],
    )
    stage.equal("the laboratory has it again", (await inbox.next()).focus, reference(work))
    seen = (await own.next()).resource or {}
    stage.equal("and reads the answer", seen.get("input"), [answer])
    stage.equal("of the placer's note it heard nothing", await own.counted(), 3)

    letter = {
        "resourceType": "Communication",
        "status": "completed",
        "partOf": [to(answered)],
        "basedOn": [to(order)],
        "sender": to(lab.reference),
        "recipient": [to(placer.reference)],
        "payload": [_payload(stage.release, "When was the sample taken?")],
    }
    sent = await lab.creates(letter, "asks once more, by letter")
    told = await letters.next()
    stage.equal("the placer has the letter", told.focus, reference(sent))
    stage.equal("and which Task it is about", reference(work) in told.context, True)
    await _guarded(stage)


async def _guarded(stage: Stage) -> None:
    """Play the hand-over once more, on a hub that knows who calls it."""
    ward, laboratory = Identity("ward3"), Identity("lab-west")
    await stage.hub(
        GUARDED,
        clients=(ward.registered, laboratory.registered),
        task_guard=read_task_guard("order"),
    )
    placer = await stage.actor("placer", "Ward 3", at=GUARDED, identity=ward)
    lab = await stage.actor("lab", "Laboratory West", at=GUARDED, identity=laboratory)
    filters = f"Task?owner={lab.reference}"
    silent = {"url": SUPPRESS_ECHO, "valueBoolean": True}
    own = await lab.subscribes("task-activity", filters, extension=[silent])

    subject = await placer.creates(patient())
    work = await placer.creates(
        task(await placer.creates(service_request(subject, placer)), placer, lab)
    )
    stage.equal("the guarded laboratory is told", (await own.next()).focus, reference(work))
    taken = await lab.changes(work, "accepts the Task", status="accepted")
    asked = await lab.changes(
        taken,
        "hands the Task back with a question",
        owner=to(placer.reference),
        businessStatus=coded("awaiting-information", COW),
    )
    back = await placer.changes(
        asked, "answers and hands it over again", owner=to(lab.reference), businessStatus=None
    )
    stage.equal(
        "of its own changes it was not told, but of the answer", (await own.next()).number, 2
    )
    moved = await placer.tries_patch(back, "tries to start the work itself", status="in-progress")
    stage.equal("the placer can't move the status of the laboratory's Task", moved.status, 422)
    stage.equal("and is told that it is up to its owner", _code(moved), "business-rule")
    stolen = await placer.tries_patch(back, "tries to take the Task", owner=to(placer.reference))
    stage.equal("nor can it take the Task", stolen.status, 422)
    started = await lab.tries_patch(back, "starts the work", status="in-progress")
    stage.equal("the laboratory can", started.status, 200)
    await placer.changes(
        started.resource or {}, "notes the ward's phone", note=[{"text": "extension 12"}]
    )
    stage.equal("what was refused was no event", (await own.next()).number, 3)
    stage.equal("three in all", await own.counted(), 3)


def _code(answer: Answer) -> str:
    return str((answer.resource or {}).get("issue", [{}])[0].get("code"))


def _payload(release: FhirRelease, text: str) -> Resource:
    if release is FhirRelease.R5:
        return {"contentCodeableConcept": {"text": text}}
    return {"contentString": text}
