"""``Subscription/$validate``: what would become of a Subscription if it were created.

Source: http://hl7.org/fhir/resource-operation-validate.html (the answer is 200 with an
OperationOutcome, also where the resource would be refused).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.codecs.filter_criteria import write_filter
from hub.codecs.outcome import outcome
from hub.core.client import Client
from hub.core.difference import Difference, differences
from hub.core.json_text import Document, dumps, parse
from hub.core.release import FhirRelease, Json, Resource
from hub.core.subscription import ChannelType, SubscriptionStatusCode
from hub.engine.dry_run import WouldBe
from hub.errors import HubError, InvalidResource, InvalidValue, Issue, MethodNotAllowed
from hub.ports import Codec
from hub.web.call import Answer, Call
from hub.web.page import PRESENTATION
from hub.web.service import Service
from hub.web.target import Target

_IGNORED: Final = frozenset(("mode", "profile", "usageContext"))
_UNTOLD: Final = ("id", "meta")
"""Elements that differ in each create."""


async def validate(service: Service, call: Call, _: Target) -> Answer:
    """Answer what a create of the Subscription would refuse, or change.

    Raises:
        MethodNotAllowed: it was not posted.
        InvalidResource, InvalidValue: there is no resource in the body, or an unknown parameter.
    """
    if call.method != "POST":
        raise MethodNotAllowed("$validate takes the resource in a body, so it takes POST")
    document, ignored = _read(service, call)
    codec = service.hub.codecs[call.release]
    written = tried(service, call.release, document, caller=call.client)[0]
    written["issue"] += [
        _written(
            Issue("informational", f"the parameter {name} is ignored", severity="warning"), codec
        )
        for name in ignored
    ]
    return Answer(status=200, body=dumps(written))


def tried(
    service: Service, release: FhirRelease, document: Document, *, caller: Client | None
) -> tuple[Resource, tuple[Issue, ...]]:
    """Return what a create would refuse, or change: as an OperationOutcome, and issue by issue."""
    codec = service.hub.codecs[release]
    try:
        document = service.validated(release, document, "Subscription")
        would_be = service.hub.dry_run.create(release, document, caller=caller)
    except HubError as error:
        return outcome(error, codec.element), error.issues
    issues = tuple(_told(document.value, would_be, codec))
    written = [_written(issue, codec) for issue in issues]
    return {"resourceType": "OperationOutcome", "issue": written}, issues


def _read(service: Service, call: Call) -> tuple[Document, list[str]]:
    """Return the resource, and the names of parameters that are of no effect."""
    names = [name for name, _ in call.query if name not in PRESENTATION]
    document = call.document
    if document is None:
        raise InvalidResource(
            "a Subscription, or Parameters with one, is missing in the body",
            expression="Subscription",
        )
    if document.value.get("resourceType") == "Parameters":
        parameters = document.value.get("parameter")
        listed = parameters if isinstance(parameters, list) else []
        found = [each for each in listed if isinstance(each, dict)]
        bare = [
            {name: value for name, value in each.items() if name != "resource"} for each in found
        ]
        if len(found) == len(listed) and listed:
            service.validators[call.release].check({**document.value, "parameter": bare})
        else:
            service.validators[call.release].check(document)
        resources = [each.get("resource") for each in found if each["name"] == "resource"]
        if len(resources) != 1 or not isinstance(resources[0], dict):
            raise InvalidValue(
                "there must be one parameter named resource, with the Subscription as resource",
                expression="Parameters.parameter",
            )
        names += [each["name"] for each in found if each["name"] != "resource"]
        document = parse(dumps(resources[0]))
    for name in names:
        if name not in _IGNORED:
            raise InvalidValue(
                f"{name[:64]!r} is no parameter of $validate; allowed: resource, and mode, "
                "profile and usageContext, which are ignored"
            )
    return document, list(dict.fromkeys(names))


def _told(sent: Resource, would_be: WouldBe, codec: Codec) -> Iterator[Issue]:
    """Say what a create would do."""
    subscription = would_be.subscription
    yield _information("the Subscription would be accepted")
    if subscription.is_classic:
        yield _information(
            f"each {subscription.topic} that is created or changed, and matches, would be told",
            "Subscription.topic",
        )
    else:
        yield _information(f"the topic would be {would_be.topic_version}", "Subscription.topic")
    if subscription.filter_by:
        listed = " and ".join(write_filter(each) for each in subscription.filter_by)
        yield _information(f"events would be those with {listed}", "Subscription.filterBy")
    elif not subscription.is_classic:
        yield _information("every event of the topic would be told: there are no filters")
    yield _information(_beginning(would_be), "Subscription.status")
    for difference in differences(_without(sent), _without(would_be.resource), "Subscription"):
        yield _information(_words(difference), difference.path)


def _beginning(would_be: WouldBe) -> str:
    subscription = would_be.subscription
    match subscription.status:
        case SubscriptionStatusCode.REQUESTED if subscription.channel_type is ChannelType.EMAIL:
            return "a mail would ask who gets it; the Subscription is active once somebody agrees"
        case SubscriptionStatusCode.REQUESTED:
            return (
                f"a handshake would be sent to the endpoint ({subscription.channel_type}); "
                "the Subscription is active once it succeeds"
            )
        case SubscriptionStatusCode.ACTIVE:
            return "no handshake would be sent: the Subscription would be active at once"
    return f"no handshake would be sent: it would be {subscription.status}, and count no events"


def _without(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name not in _UNTOLD}


def _words(difference: Difference) -> str:
    """Say what becomes of one element; values of headers are not repeated, they may be secret."""
    path, before, after = difference.path, difference.before, difference.after
    if ".header" in path or ".parameter" in path:
        return f"{path} would be written in the hub's form"
    if after is None:
        return f"{path} would be left out"
    if before is None:
        return f"{path} would be added: {_shown(after)}"
    return f"{path} would be {_shown(after)} instead of {_shown(before)}"


def _shown(value: Json) -> str:
    return dumps(value).decode()[:200]


def _information(words: str, expression: str | None = None) -> Issue:
    return Issue("informational", words, expression, severity="information")


def _written(issue: Issue, codec: Codec) -> Resource:
    written: Resource = {
        "severity": issue.severity,
        "code": issue.code,
        "diagnostics": issue.diagnostics,
    }
    if issue.expression is not None:
        written["expression"] = [codec.element(issue.expression)]
    return written
