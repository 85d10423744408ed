"""P31: a national prescription service, by notification where it polls today."""

from __future__ import annotations

from hub.cli.scenario.actor import Actor, changed, match, reference, to
from hub.cli.scenario.order import patient, service_request, task
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage
from hub.core.release import Resource


@pattern("P31", "Prescriptions and referrals of a national service", "NHS EPS and e-RS")
async def play(stage: Stage) -> None:
    """A prescription names a pharmacy, which is told instead of asking every few minutes.

    It takes the prescription for itself, once; what it dispenses reaches the prescriber.  A
    referral is booked, and the practice hears of the appointment.
    """
    practice = await stage.actor("practice")
    nominated = await stage.actor("pharmacy", "Pharmacy North")
    other = await stage.actor("other pharmacy", "Pharmacy South")
    filter_ = "MedicationRequest?intended-dispenser="
    inbox = await nominated.subscribes("prescription-activity", filter_ + nominated.reference)
    theirs = await other.subscribes("prescription-activity", filter_ + other.reference)
    dispensed = await practice.subscribes(
        "dispense-activity", f"MedicationDispense?prescription.requester={practice.reference}"
    )
    ada = await practice.creates(patient())
    order = await practice.creates(_prescription(ada, practice, nominated))
    stage.equal("the nominated pharmacy is told", (await inbox.next()).focus, reference(order))
    stage.equal("no other", await theirs.counted(), 0)

    taken = await nominated.creates(task(order, practice), "makes it a Task")
    own = changed(taken, {"status": "in-progress", "owner": to(nominated.reference)})
    first = await nominated.tries("PUT", reference(taken), own, "takes it", headers=match(taken))
    again = await other.tries("PUT", reference(taken), own, "takes it too", headers=match(taken))
    stage.equal("it is taken once", (first.status, again.status), (200, 412))
    given = await nominated.creates(_dispense(order, ada))
    stage.equal(
        "the prescriber hears what was given", (await dispensed.next()).focus, reference(given)
    )
    await practice.changes(order, status="stopped")
    stage.equal("the pharmacy hears when it is stopped", (await inbox.next()).number, 2)

    referral = await practice.creates(service_request(ada, practice), "refers the patient")
    booked = await practice.subscribes(
        "appointment-activity", f"Appointment?based-on={reference(referral)}"
    )
    made = await nominated.creates(_appointment(referral, ada), "books an appointment")
    stage.equal("the practice hears of the booking", (await booked.next()).focus, reference(made))
    await nominated.changes(made, status="cancelled")
    stage.equal("and that it is cancelled", (await booked.next()).number, 2)


def _prescription(subject: Resource, requester: Actor, pharmacy: Actor) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "Medicine A"},
        "subject": to(subject),
        "requester": to(requester.reference),
        "dispenseRequest": {"performer": to(pharmacy.reference)},
    }


def _dispense(order: Resource, subject: Resource) -> Resource:
    return {
        "resourceType": "MedicationDispense",
        "status": "completed",
        "medicationCodeableConcept": order["medicationCodeableConcept"],
        "subject": to(subject),
        "authorizingPrescription": [to(order)],
    }


def _appointment(referral: Resource, subject: Resource) -> Resource:
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "start": "2030-01-05T09:00:00Z",
        "end": "2030-01-05T09:30:00Z",
        "basedOn": [to(referral)],
        "participant": [{"actor": to(subject), "status": "accepted"}],
    }
