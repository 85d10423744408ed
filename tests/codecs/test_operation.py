"""The definitions of the operations: valid, found where they say, and all that is offered."""

from __future__ import annotations

import pytest

from hub.codecs.operation_catalogue import OPERATIONS, operation_definitions, operations
from hub.codecs.validation import Validator
from hub.core.json_text import dumps, parse
from hub.core.release import FhirRelease

BASE = "https://hub.example.org/fhir/x"
RELEASES = pytest.mark.parametrize("release", FhirRelease)


@RELEASES
def test_every_definition_is_valid_and_has_its_own_id_and_url(release: FhirRelease) -> None:
    validator = Validator(release)
    definitions = operation_definitions(release, BASE)
    for definition in definitions:
        validator.check(parse(dumps(definition)))
        if definition["url"].startswith(BASE):
            assert definition["url"] == f"{BASE}/OperationDefinition/{definition['id']}"
    assert len({each["id"] for each in definitions}) == len(definitions) == len(OPERATIONS)
    assert len({each["url"] for each in definitions}) == len(definitions)


@RELEASES
def test_event_numbers_have_the_type_that_the_release_gives_them(release: FhirRelease) -> None:
    kinds = {
        parameter["type"]
        for definition in operation_definitions(release, BASE)
        for parameter in definition["parameter"]
        if parameter["name"] == "eventsSinceNumber"
    }
    assert kinds == {"integer64" if release is FhirRelease.R5 else "string"}


def test_operations_on_topics_are_on_what_has_topics_in_a_release() -> None:
    for release, kind in (
        (FhirRelease.R4, "Basic"),
        (FhirRelease.R4B, "SubscriptionTopic"),
        (FhirRelease.R5, "SubscriptionTopic"),
    ):
        assert [each.code for each in operations(release, kind)] == ["inject-event"]
    assert operations(FhirRelease.R4, "SubscriptionTopic") == []
