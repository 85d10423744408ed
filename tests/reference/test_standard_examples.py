"""The notifications that the standard shows, built anew from what they say.

Each example of HL7 is compared with what the codec writes for the same happening.  Where the two
differ on purpose, a function changes the example and its docstring gives the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.core.change import Interaction
from hub.core.notification import (
    Notification,
    NotificationType,
    NumberedEvent,
    StatusError,
    build_notification,
)
from hub.core.related_query import Coding, RelatedQuery
from hub.core.release import FhirRelease, Json, Resource
from hub.core.subscription import PayloadContent, SubscriptionStatusCode
from hub.core.version import ResourceKey, ResourceVersion
from tests.reference.conftest import reference_data
from tests.support.example_differences import (
    Difference,
    claims_the_profile,
    empty_has_no_topic,
    error_says_more,
    etag_names_the_version,
    events_have_a_time,
    every_entry_has_request_and_response,
    focus_reveals_its_type,
    full_url_agrees_with_focus,
    hint_has_no_value,
    id_agrees_with_full_url,
    id_only_has_no_entries,
    instants_in_utc,
    members,
    update_answers_200,
    without_ids,
)
from tests.support.notification_rules import check_notification
from tests.support.notifications import CODECS
from tests.support.subscriptions import a_subscription

DATA = (reference_data() or Path()) / "spec-examples"

ENCOUNTER = "Encounter/86009987-eabe-42bf-8c02-b112b18cb616"
PATIENT = "Patient/1599eb66-431a-447c-a3de-6897fe9ae9a1"
QUERY = RelatedQuery(
    "http://example.org/fhir/$example?patient=1599eb66-431a-447c-a3de-6897fe9ae9a1",
    Coding("http://example.org/query-types", "example", "Example query"),
)
PRESCRIBED = RelatedQuery(
    "http://example.org/fhir/MedicationRequest?patient=1599eb66-431a-447c-a3de-6897fe9ae9a1"
    "&encounter=86009987-eabe-42bf-8c02-b112b18cb616",
    Coding("http://example.org/query-types", "prescribed", "Prescribed medications"),
)
HINT = Coding("http://example.org/auth", "authorization_base", "OAuth request token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What an example tells, and how the hub's way of telling it differs."""

    file: str
    release: FhirRelease
    kind: NotificationType
    content: PayloadContent = PayloadContent.FULL_RESOURCE
    status: SubscriptionStatusCode = SubscriptionStatusCode.ACTIVE
    total: int = 2
    events: tuple[tuple[int, str | None, tuple[str, ...]], ...] = ()
    interaction: Interaction = Interaction.UPDATE
    error: bool = False
    queries: tuple[RelatedQuery, ...] = ()
    hint: Coding | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def is_r5(self) -> bool:
        return self.release is FhirRelease.R5


def guide(name: str, kind: NotificationType, *differences: Difference, **what: Json) -> list[Json]:
    """Return the two happenings of an example that the guide gives for R4 and for R4B."""
    return [
        Happening(
            file=f"backport-1.2-master/{release.path}/Bundle-{release.path}-{name}.json",
            release=release,
            kind=kind,
            interaction=Interaction.CREATE,
            differences=(instants_in_utc, *differences),
            **what,
        )
        for release in (FhirRelease.R4, FhirRelease.R4B)
    ]


def constructed(
    name: str, kind: NotificationType, *differences: Difference, **what: Json
) -> list[Json]:
    """Return the two happenings of an example that was made where the guide has none."""
    return [
        Happening(
            file=f"constructed-not-from-hl7/{release.path}/{name}.json",
            release=release,
            kind=kind,
            differences=(instants_in_utc, claims_the_profile, *differences),
            **what,
        )
        for release in (FhirRelease.R4, FhirRelease.R4B)
    ]


def core(name: str, kind: NotificationType, *differences: Difference, **what: Json) -> Happening:
    """Return the happening of an example of R5."""
    return Happening(
        file=f"core-r5/notification-{name}.json",
        release=FhirRelease.R5,
        kind=kind,
        differences=(instants_in_utc, every_entry_has_request_and_response, *differences),
        **what,
    )


T = NotificationType
FULL = (full_url_agrees_with_focus, update_answers_200, etag_names_the_version, events_have_a_time)
HAPPENINGS: list[Happening] = [
    *guide("notification-handshake", T.HANDSHAKE, status=SubscriptionStatusCode.REQUESTED, total=0),
    *guide("notification-heartbeat", T.HEARTBEAT),
    *guide(
        "notification-empty",
        T.EVENT_NOTIFICATION,
        empty_has_no_topic,
        content=PayloadContent.EMPTY,
        events=((2, ENCOUNTER, ()),),
    ),
    *guide(
        "notification-id-only",
        T.EVENT_NOTIFICATION,
        content=PayloadContent.ID_ONLY,
        events=((2, ENCOUNTER, ()),),
    ),
    *guide(
        "notification-id-only-with-query",
        T.EVENT_NOTIFICATION,
        content=PayloadContent.ID_ONLY,
        events=((2, ENCOUNTER, ()),),
        queries=(QUERY,),
    ),
    *guide(
        "notification-full-resource-with-query",
        T.EVENT_NOTIFICATION,
        etag_names_the_version,
        events=((2, ENCOUNTER, ()),),
        queries=(QUERY, PRESCRIBED),
    ),
    *guide(
        "notification-empty-with-auth",
        T.EVENT_NOTIFICATION,
        empty_has_no_topic,
        hint_has_no_value,
        content=PayloadContent.EMPTY,
        events=((2, ENCOUNTER, ()),),
        hint=HINT,
    ),
    *guide(
        "notification-id-only-with-auth",
        T.EVENT_NOTIFICATION,
        hint_has_no_value,
        content=PayloadContent.ID_ONLY,
        events=((2, ENCOUNTER, ()),),
        hint=HINT,
    ),
    *guide(
        "notification-full-resource",
        T.EVENT_NOTIFICATION,
        etag_names_the_version,
        events=((2, ENCOUNTER, ()),),
    ),
    *guide(
        "notification-multi-resource",
        T.EVENT_NOTIFICATION,
        etag_names_the_version,
        events=((2, ENCOUNTER, (PATIENT,)),),
    ),
    *guide(
        "notification-error",
        T.QUERY_STATUS,
        error_says_more,
        status=SubscriptionStatusCode.ERROR,
        total=3,
        error=True,
    ),
    *constructed(
        "notification-delete-id-only",
        T.EVENT_NOTIFICATION,
        focus_reveals_its_type,
        id_only_has_no_entries,
        content=PayloadContent.ID_ONLY,
        interaction=Interaction.DELETE,
        events=((3, "Encounter/22", ()),),
    ),
    *constructed(
        "events-operation-response-id-only",
        T.QUERY_EVENT,
        focus_reveals_its_type,
        id_only_has_no_entries,
        content=PayloadContent.ID_ONLY,
        total=28,
        events=((22, "Encounter/22", ()), (23, "Encounter/23", ())),
    ),
    *constructed(
        "notification-empty-without-topic",
        T.EVENT_NOTIFICATION,
        content=PayloadContent.EMPTY,
        events=((2, "Encounter/1", ()),),
    ),
    core("handshake", T.HANDSHAKE, status=SubscriptionStatusCode.REQUESTED, total=0),
    core("heartbeat", T.HEARTBEAT, total=310),
    core("query-status", T.QUERY_STATUS, total=310),
    core(
        "empty",
        T.EVENT_NOTIFICATION,
        content=PayloadContent.EMPTY,
        events=((2, "Encounter/2", ()),),
    ),
    core(
        "error",
        T.EVENT_NOTIFICATION,
        error_says_more,
        content=PayloadContent.ID_ONLY,
        status=SubscriptionStatusCode.ERROR,
        total=328,
        events=((328, None, ()),),
        error=True,
    ),
    core(
        "id-only",
        T.EVENT_NOTIFICATION,
        id_only_has_no_entries,
        events_have_a_time,
        content=PayloadContent.ID_ONLY,
        events=((2, "Encounter/2", ()),),
    ),
    core("full-resource", T.EVENT_NOTIFICATION, *FULL, events=((2, "Encounter/2", ()),)),
    core(
        "full-resource-with-patient",
        T.EVENT_NOTIFICATION,
        *FULL,
        events=((2, "Encounter/2", ("Patient/ABC",)),),
    ),
    core(
        "query-event",
        T.QUERY_EVENT,
        *FULL,
        id_agrees_with_full_url,
        total=310,
        events=(
            (307, "Encounter/307", ("Patient/ABC",)),
            (308, "Encounter/308", ("Patient/ABC",)),
        ),
    ),
]


def load(file: str) -> Resource:
    resource: Resource = json.loads((DATA / file).read_text(encoding="utf-8"))
    return resource


def versions(example: Resource, happening: Happening) -> Callable[[str, bool], ResourceVersion]:
    """Return a look-up of the resources that the example shows, by reference."""
    shown = {
        "/".join(entry["fullUrl"].split("/")[-2:]): entry.get("resource")
        for entry in example["entry"][1:]
    }

    def find(reference: str, is_focus: bool) -> ResourceVersion:
        resource_type, id = reference.split("/")
        body = shown.get(reference)
        return ResourceVersion(
            seq=1,
            key=ResourceKey(happening.release, resource_type, id),
            version=1,
            interaction=happening.interaction if is_focus else Interaction.CREATE,
            timestamp=datetime(2020, 1, 1, tzinfo=UTC),
            body=None if body is None else json.dumps(body).encode(),
            transaction=1,
        )

    return find


def happened(example: Resource, happening: Happening) -> Notification:
    """Build the notification from what the example says."""
    find = versions(example, happening)
    times = [
        datetime.fromisoformat(holder[name])
        for holder, name in members(example["entry"][0]["resource"], ("timestamp", "valueInstant"))
    ] or [datetime(2020, 4, 17, 15, 20, tzinfo=UTC)] * len(happening.events)
    r5 = happening.is_r5
    topic = "http://example.org/FHIR/R5/SubscriptionTopic/admission" if r5 else None
    return build_notification(
        a_subscription(
            happening.release,
            id="123" if r5 else "admission",
            status=happening.status,
            content=happening.content,
            topic=topic or "http://hl7.org/SubscriptionTopic/admission",
        ),
        happening.kind,
        total=happening.total,
        timestamp=datetime.fromisoformat(example["timestamp"]),
        events=[
            NumberedEvent(
                number=number,
                timestamp=time,
                focus=None if focus is None else find(focus, True),
                context=tuple(find(reference, False) for reference in context),
                queries=happening.queries,
            )
            for (number, focus, context), time in zip(happening.events, times, strict=True)
        ],
        errors=[StatusError("no-response", "no answer")] if happening.error else (),
        hint=happening.hint,
    )


@pytest.mark.parametrize(
    "happening",
    HAPPENINGS,
    ids=lambda one: one.file.rpartition("/")[2].removesuffix(".json"),
)
def test_a_notification_says_what_the_example_of_the_standard_says(happening: Happening) -> None:
    example = load(happening.file)
    base = "http://example.org/FHIR/R5" if happening.is_r5 else "https://example.org/fhir"
    text = CODECS[happening.release].encode_notification(happened(example, happening), base)
    for difference in happening.differences:
        difference(example)
    assert without_ids(check_notification(text, happening.release)) == without_ids(example)


def test_every_notification_of_the_standard_is_compared_or_left_out_with_a_reason() -> None:
    left_out = {
        "message-full-resource": "the message channel wraps the Bundle",
    }
    folders = ("backport-1.2-master/r4", "backport-1.2-master/r4b", "core-r5")
    files = {
        f"{folder}/{path.name}" for folder in folders for path in (DATA / folder).glob("*notif*")
    }
    bundles = {file for file in files if load(file)["resourceType"] == "Bundle"}
    assert len(bundles) > 20
    compared = {happening.file for happening in HAPPENINGS}
    assert {
        file for file in bundles - compared if not any(part in file for part in left_out)
    } == set()
