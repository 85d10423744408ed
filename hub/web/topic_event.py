"""``$inject-event``: an administrator tells the hub of an event that no change shows.

Source: http://hl7.org/fhir/R5/subscriptiontopic.html ("Event Triggers").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.core.json_text import dumps
from hub.core.release import FhirRelease, Json, Resource
from hub.core.trigger import codings_of
from hub.core.version import ResourceKey
from hub.errors import Forbidden, InvalidValue, MethodNotAllowed
from hub.web.call import Answer, Call
from hub.web.service import Service
from hub.web.target import Target

INJECT_EVENT: Final = "$inject-event"
_MOST_CONTEXT: Final = 50
_MOST_LISTED: Final = 1000


def is_topic_place(release: FhirRelease, target: Target) -> bool:
    """Tell whether an address is that of a topic: a SubscriptionTopic, or in R4 a ``Basic``."""
    kind = "Basic" if release is FhirRelease.R4 else "SubscriptionTopic"
    return bool(target.id) and target.resource_type == kind


async def inject_event(service: Service, call: Call, target: Target) -> Answer:
    """Number an event of a topic and answer who gets it, with which number.

    The Parameters hold ``event`` (Coding or CodeableConcept), ``focus`` (Reference) and
    ``context`` (Reference, repeats).

    Raises:
        MethodNotAllowed: it was not POST.
        Forbidden: the caller is no administrator.
        InvalidValue: a parameter is missing, unknown or of the wrong form.
        Unprocessable, NotFound: the topic has no such event, or something is not there.
    """
    if call.method != "POST":
        raise MethodNotAllowed(f"{INJECT_EVENT} makes an event, so it takes POST")
    if not call.is_administrator:
        raise Forbidden(
            f"{INJECT_EVENT} is for the administrator, who sends the bearer token of "
            "--admin-token-file or of one in --clients"
        )
    written = service.validated(call.release, call.document, "Parameters").value
    events: list[Json] = []
    focuses: list[ResourceKey] = []
    context: list[ResourceKey] = []
    for index, parameter in enumerate(written.get("parameter", [])):
        path = f"Parameters.parameter[{index}]"
        match parameter.get("name"):
            case "event":
                events.append(_concept(parameter, path))
            case "focus":
                focuses.append(_key(service, call.release, parameter, path))
            case "context":
                context.append(_key(service, call.release, parameter, path))
            case other:
                raise InvalidValue(
                    f"{str(other)[:64]!r} is no parameter of {INJECT_EVENT}; "
                    "allowed: event, focus, context",
                    expression=path,
                )
    if len(events) != 1 or len(focuses) != 1:
        raise InvalidValue(f"{INJECT_EVENT} takes one event and one focus")
    if len(context) > _MOST_CONTEXT:
        raise InvalidValue(f"{len(context)} resources are too many as context; {_MOST_CONTEXT} go")
    told = await service.hub.topics.tell(
        call.release, target.id, codings_of(events[0]), focuses[0], context
    )
    parameters: list[Json] = [
        {"name": "streams", "valueInteger": told.streams},
        {"name": "subscriptions", "valueInteger": len(told.numbers)},
        *_listed(told.numbers[:_MOST_LISTED]),
    ]
    return Answer(status=200, body=dumps({"resourceType": "Parameters", "parameter": parameters}))


def _listed(numbers: tuple[tuple[str, int], ...]) -> Iterator[Resource]:
    for id, number in numbers:
        yield {
            "name": "event",
            "part": [
                {"name": "subscription", "valueReference": {"reference": f"Subscription/{id}"}},
                {"name": "event-number", "valueString": str(number)},
            ],
        }


def _concept(parameter: Resource, path: str) -> Json:
    concept = parameter.get("valueCodeableConcept")
    if "valueCoding" in parameter:
        concept = {"coding": [parameter["valueCoding"]]}
    if not codings_of(concept):
        raise InvalidValue(
            "event must be a valueCoding or valueCodeableConcept with a code", expression=path
        )
    return concept


def _key(service: Service, release: FhirRelease, parameter: Resource, path: str) -> ResourceKey:
    value = parameter.get("valueReference", {}).get("reference", "")
    kind, _, id = value.removeprefix(f"{service.hub.base_url(release)}/").partition("/")
    if kind not in service.validators[release].types or not id or "/" in id:
        raise InvalidValue(
            f"{parameter['name']} must be a valueReference such as Task/1, to a resource of this "
            "base",
            expression=path,
        )
    return ResourceKey(release, kind, id)
