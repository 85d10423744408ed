"""P20: the patient carries the prescription to a pharmacy of their choice."""

from __future__ import annotations

from typing import Any

from hub.cli.scenario.actor import Actor, reference, to
from hub.cli.scenario.order import patient, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage
from hub.core.release import Resource

PRESCRIPTION = {"system": "urn:example:prescriptions", "value": "rx-1"}


@pattern("P20", "The patient carries the order", "COW, patient-mediated; prescriptions")
async def play(stage: Stage) -> None:
    """A prescription of two lines names no pharmacy; the patient shows its number at one.

    The pharmacy finds it by the number and takes it with a Task of its own, unless another one
    has.  The prescriber follows by the order: neither owner nor requester of the Task is known
    beforehand.
    """
    doctor = await stage.actor("prescriber", "Practice")
    here = await stage.actor("pharmacy", "Pharmacy North")
    there = await stage.actor("other pharmacy", "Pharmacy South")
    ada = await doctor.creates(patient())
    lines = [await doctor.creates(_line(ada, doctor, drug)) for drug in ("A", "B")]
    dispensed = await doctor.subscribes(
        "dispense-activity", f"MedicationDispense?prescription.requester={doctor.reference}"
    )
    steps = await doctor.subscribes("task-closed", f"Task?focus={reference(lines[0])}")

    number = f"{PRESCRIPTION['system']}|{PRESCRIPTION['value']}"
    found = await here.finds(f"MedicationRequest?identifier={number}", "finds it by its number")
    stage.equal("the number finds both lines", len(found), 2)
    free = f"focus={reference(lines[0])}&status:not=rejected,cancelled"
    mine = await here.creates(_taken(lines[0], here), "takes it", if_none_exist=free)
    theirs = await there.creates(_taken(lines[0], there), "wants it too", if_none_exist=free)
    stage.equal("the other pharmacy finds it taken", theirs["id"], mine["id"])

    given = [await here.creates(_dispense(line, ada, here)) for line in lines]
    told = [(await dispensed.next()).focus for _ in given]
    stage.equal("the prescriber hears of both lines", told, list(map(reference, given)))
    await here.changes(mine, status="completed")
    stage.equal("and of the end", (await steps.next()).focus, reference(mine))
    stage.equal("once", await steps.counted(), 1)


def _line(subject: Resource, requester: Actor, drug: str) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "identifier": [PRESCRIPTION],
        "medicationCodeableConcept": {"text": f"Medicine {drug}"},
        "subject": to(subject),
        "requester": to(requester.reference),
    }


def _taken(line: Resource, pharmacy: Actor) -> Resource:
    own: dict[str, Any] = {"status": "in-progress"}
    return task(line, pharmacy, pharmacy, **own)


def _dispense(line: Resource, subject: Resource, pharmacy: Actor) -> Resource:
    return {
        "resourceType": "MedicationDispense",
        "status": "completed",
        "medicationCodeableConcept": line["medicationCodeableConcept"],
        "subject": to(subject),
        "authorizingPrescription": [to(line)],
        "performer": [{"actor": to(pharmacy.reference)}],
    }
