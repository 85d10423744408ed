"""Where the hub writes a notification differently from an example of HL7, on purpose.

Each function changes the example to what the hub writes; its docstring gives the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime
from typing import TypeAlias

from hub.core.instant import format_instant
from hub.core.release import Json, Resource

Difference: TypeAlias = Callable[[Resource], None]


def instants_in_utc(example: Resource) -> None:
    """The hub writes the same instant in UTC, with six digits; HL7 has a local zone and seven."""
    for holder, name in members(example, ("timestamp", "valueInstant")):
        holder[name] = _in_utc(holder[name])


def etag_names_the_version(example: Resource) -> None:
    """The hub says in ``response.etag`` which version fired."""
    for entry in example["entry"][1:]:
        version = entry.get("resource", {}).get("meta", {}).get("versionId", "1")
        entry["response"]["etag"] = f'W/"{version}"'


def empty_has_no_topic(example: Resource) -> None:
    """HL7's slip: the topic SHOULD NOT be in an empty notification."""
    status = example["entry"][0]["resource"]
    status.pop("topic", None)
    if "parameter" in status:
        status["parameter"] = [one for one in status["parameter"] if one["name"] != "topic"]


def error_says_more(example: Resource) -> None:
    """The hub adds words to the code of an error."""
    status = example["entry"][0]["resource"]
    for error in status.get("error", []):
        error["text"] = "no answer"
    for parameter in status.get("parameter", []):
        if parameter["name"] == "error":
            parameter["valueCodeableConcept"]["text"] = "no answer"


def every_entry_has_request_and_response(example: Resource) -> None:
    """R5 does not ask for them; the hub gives them in all releases."""
    status, *others = example["entry"]
    subscription = status["resource"]["subscription"]["reference"]
    status["request"] = {"method": "GET", "url": f"{subscription}/$status"}
    status["response"] = {"status": "200"}
    for entry in others:
        if "request" not in entry:
            reference = "/".join(entry["fullUrl"].split("/")[-2:])
            entry["request"] = {"method": "GET", "url": reference}
            entry["response"] = {"status": "200"}


def update_answers_200(example: Resource) -> None:
    """HL7's slip: the PUT answers 201, though the resource existed; the hub says 200."""
    for entry in example["entry"][1:]:
        if entry["request"]["method"] == "PUT":
            entry["response"]["status"] = "200"


def full_url_agrees_with_focus(example: Resource) -> None:
    """HL7's slip: fullUrl says https and focus http, so the two don't name the same resource."""
    for entry in example["entry"][1:]:
        entry["fullUrl"] = entry["fullUrl"].replace("https:", "http:")


def id_only_has_no_entries(example: Resource) -> None:
    """Entries of id-only are optional: ids are in focus, and a PUT needs a resource."""
    del example["entry"][1:]


def events_have_a_time(example: Resource) -> None:
    """The hub always tells when an event happened; some examples leave it out."""
    for event in example["entry"][0]["resource"]["notificationEvent"]:
        event.setdefault("timestamp", "2020-04-17T15:20:00.000000Z")


def id_agrees_with_full_url(example: Resource) -> None:
    """HL7's slip: the id of the status is another UUID than its fullUrl."""
    entry = example["entry"][0]
    entry["resource"]["id"] = entry["fullUrl"].removeprefix("urn:uuid:")


def hint_has_no_value(example: Resource) -> None:
    """The hub names the type of authorization; a value is for an authorization server to give."""
    status = example["entry"][0]["resource"]
    for event in status.get("notificationEvent", ()):
        for hint in event["extension"]:
            hint["extension"] = [part for part in hint["extension"] if part["url"] != "value"]
    for event in status.get("parameter", ()):
        if "part" in event:
            event["part"] = [
                part for part in event["part"] if part["name"] != "authorization-value"
            ]


def focus_reveals_its_type(example: Resource) -> None:
    """An absolute reference names the type already; the hub does not repeat it."""
    for holder, name in members(example, ("focus", "valueReference")):
        holder[name].pop("type", None)


def searchset_is_not_a_thing_with_time(example: Resource) -> None:
    """The hub's answer to ``$status`` has no timestamp and no id; each status stands for itself."""
    example.pop("timestamp", None)
    example.pop("id", None)


def searchset_has_total_and_link(example: Resource) -> None:
    """Recommended in every release, asked for by later ones; HL7's R5 example has neither."""
    example["total"] = len(example["entry"])
    url = example["entry"][0]["resource"]["subscription"]["reference"]
    example["link"] = [{"relation": "self", "url": f"{url}/$status"}]


def claims_the_profile(example: Resource) -> None:
    """The constructed examples leave out what the guide's own say in meta."""
    example["meta"] = {
        "profile": [
            "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
            "backport-subscription-notification"
            + ("-r4" if "parameter" in example["entry"][0]["resource"] else "")
        ]
    }


def without_ids(bundle: Resource) -> Resource:
    """Return the Bundle without the ids that are made up for it, by HL7 and by the hub."""
    bundle = deepcopy(bundle)
    bundle.pop("id", None)
    for entry in bundle["entry"]:
        if entry["fullUrl"].startswith("urn:uuid:"):
            assert entry["fullUrl"] == f"urn:uuid:{entry['resource'].pop('id')}"
            del entry["fullUrl"]
    return bundle


def members(value: Json, names: tuple[str, ...]) -> Iterator[tuple[Resource, str]]:
    """Yield where these members stand in a Bundle, except inside clinical resources."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            for name, member in item.items():
                if name in names:
                    yield item, name
                elif name != "resource" or _is_status(member):
                    yield from members(member, names)


def _is_status(resource: Resource) -> bool:
    return resource.get("resourceType") in ("Parameters", "SubscriptionStatus", "Bundle")


def _in_utc(text: str) -> str:
    return format_instant(datetime.fromisoformat(text))
