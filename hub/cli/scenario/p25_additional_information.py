"""P25: the performer asks back, by handing over the Task or by a letter."""

from __future__ import annotations

from hub.cli.scenario.actor import reference, to
from hub.cli.scenario.order import COW, coded, patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import PayloadContent


@pattern("P25", "Additional information", "COW, requests for additional information")
async def play(stage: Stage) -> None:
    """The laboratory makes the placer the owner of the Task, and gets it back with the answer.

    The laboratory follows the Tasks that it owns.  Of the one that it hands over it is told once
    more, by reference alone: what the placer writes next is not for it.  Its second question goes
    as a letter, a Communication that is part of the Task.
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


def _payload(release: FhirRelease, text: str) -> Resource:
    if release is FhirRelease.R5:
        return {"contentCodeableConcept": {"text": text}}
    return {"contentString": text}
