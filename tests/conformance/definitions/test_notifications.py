"""Every Bundle that the hub sends: each release, channel, content level and type.

R4 is checked by HL7's JSON schema, R4B and R5 by models and by TypeScript's declarations, all by
the slices of the guide's profiles.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import pytest

from hub.core.release import FhirRelease, Resource
from tests.conformance.definitions.conftest import PACKAGES
from tests.conformance.failure import Failures
from tests.conformance.item import NATIVE, R4, R4B, R5
from tests.conformance.recording import CHANNELS, Recordings
from tests.journeys.hosting import status_of
from tests.support.backport_slices import check_slices
from tests.support.builders import CONTENTS, RELEASES
from tests.support.notification_rules import check_model
from tests.support.type_definitions import TypeDefinitions

KINDS = {"handshake", "heartbeat", "event-notification", "query-status", "query-event"}

channels = pytest.mark.parametrize("channel", CHANNELS)
contents = pytest.mark.parametrize("content", CONTENTS)


@cache
def hl7_schema() -> Any:
    """Return the validator of R4's Bundle by HL7's own schema."""
    file = PACKAGES / "@medplum" / "definitions" / "dist" / "fhir" / "r4" / "fhir.schema.json"
    whole = json.loads(file.read_text(encoding="utf-8"))
    schema = {
        "$schema": whole["$schema"],
        "$ref": "#/definitions/Bundle",
        # The schema refers to these, of which R4 has no integer64, and does not define them.
        "definitions": {
            "Resource": {"$ref": "#/definitions/ResourceList"},
            "integer64": {"not": {}},
            **whole["definitions"],
        },
    }
    return jsonschema_rs.validator_for(schema)


@cache
def declarations(release: FhirRelease) -> TypeDefinitions:
    """Return TypeScript's declarations of a release."""
    return TypeDefinitions(PACKAGES / "@types" / "fhir" / f"{release.path}.d.ts")


def check_by_hl7_schema(bundle: Resource, release: FhirRelease) -> None:
    """HL7's JSON schema accepts the Bundle."""
    errors = [f"{each.instance_path}: {each.message}" for each in hl7_schema().iter_errors(bundle)]
    assert errors == []


def check_by_models(bundle: Resource, release: FhirRelease) -> None:
    """The models of fhir.resources accept the Bundle."""
    check_model(bundle, release)


def check_by_declarations(bundle: Resource, release: FhirRelease) -> None:
    """TypeScript knows every element, and misses none."""
    assert list(declarations(release).complaints(bundle)) == []


Check = Callable[[Resource, FhirRelease], None]
CHECKS: list[tuple[Check, tuple[FhirRelease, ...]]] = [
    (check_by_hl7_schema, (R4,)),
    (check_by_models, NATIVE),
    (check_by_declarations, RELEASES),
    (check_slices, RELEASES),
]
checks = pytest.mark.parametrize(
    ("check", "release"),
    [
        pytest.param(check, release, id=f"{check.__name__.removeprefix('check_')}-{release.path}")
        for check, releases in CHECKS
        for release in releases
    ],
)


@channels
@contents
@checks
def test_every_notification_follows_the_definitions(
    recordings: Recordings, check: Check, release: FhirRelease, content: str, channel: str
) -> None:
    told = recordings.one(release, content, channel).notifications
    kinds = KINDS - {"handshake"} if channel == "email" else KINDS
    assert {status_of(bundle)["type"] for bundle in told} == kinds
    for bundle in told:
        check(bundle, release)


@checks
def test_what_is_said_of_errors_follows_the_definitions(
    failures: Failures, check: Check, release: FhirRelease
) -> None:
    said = [status_of(bundle) for bundle in failures[release].bundles]
    assert any(each["errors"] for each in said)
    assert {each["type"] for each in said} == {"query-status", "handshake", "event-notification"}
    for bundle in failures[release].bundles:
        check(bundle, release)


def _broken(bundle: Resource, release: FhirRelease) -> Iterator[tuple[str, Resource]]:
    """Go through a Bundle broken in one way after the other."""

    def changed(change: Callable[[Resource], Any]) -> Resource:
        copied = copy.deepcopy(bundle)
        change(copied)
        return copied

    def status(one: Resource) -> Resource:
        found: Resource = one["entry"][0]["resource"]
        return found

    yield "unknown element", changed(lambda one: one.update(colour="red"))
    yield "list for single", changed(lambda one: one.update(type=["history"]))
    yield "unknown in the status", changed(lambda one: status(one).update(x="y"))
    yield "unknown in a request", changed(lambda one: one["entry"][0]["request"].update(x="y"))
    if release is not R4:
        # The schema leaves it to the profiles what must be there.
        yield "no method", changed(lambda one: one["entry"][0]["request"].pop("method"))
        yield "no subscription", changed(lambda one: status(one).pop("subscription"))
        number = [{"eventNumber": 1}]
        yield "a number", changed(lambda one: status(one).update(notificationEvent=number))


@pytest.mark.parametrize(
    ("check", "release"),
    [(check_by_hl7_schema, R4), (check_by_declarations, R4B), (check_by_declarations, R5)],
)
def test_a_broken_notification_is_found(
    recordings: Recordings, check: Check, release: FhirRelease
) -> None:
    bundle = recordings.one(release, "full-resource").events[0]
    check(bundle, release)
    for how, broken in _broken(bundle, release):
        assert _complains(check, broken, release), how


def _complains(check: Check, bundle: Resource, release: FhirRelease) -> bool:
    try:
        check(bundle, release)
    except AssertionError:
        return True
    return False
