"""The examples of the standard and of workflow guides follow the definitions that the hub has."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.codecs.validation import Validator
from hub.core.json_text import dumps, parse, same
from hub.core.release import FhirRelease
from hub.errors import HubError
from tests.reference.conftest import reference_data

DATA = reference_data() or Path()
R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
VALIDATORS = {release: Validator(release) for release in FhirRelease}

INVALID = {
    "real-topics/converted/argonaut-encounter-start.json": "a comparator stands as modifier",
    "real-topics/converted/backport-r4b-encounter-complete.json": "comparators stand as modifiers",
    "real-topics/davinci-hrex/SubscriptionTopic-Task.json": "R4B resource in an R4 guide",
    "real-topics/davinci-pas/SubscriptionTopic-PAS.json": "R4B resource in an R4 guide",
    "real-topics/fhir-candle/r4-Subscription-encounter-complete.json": "byte order mark",
    "spec-examples/backport-1.2-master/definitions/"
    "CapabilityStatement-backport-subscription-server.json": "of R4B",
    "spec-examples/fhir-candle/src/fhir-candle.Tests/data/r4/"
    "Subscription-encounter-complete.json": "byte order mark",
}
"""Examples that are not valid in the release of their folder, and why."""


def examples() -> list[str]:
    return sorted(
        path.relative_to(DATA).as_posix()
        for folder in ("spec-examples", "cow-examples", "real-topics")
        for path in (DATA / folder).rglob("*.json")
    )


def release_of(name: str) -> FhirRelease:
    if "r5" in name.lower() or "/converted/" in name:
        return R5
    return R4B if "r4b" in name.lower() else R4


@pytest.mark.parametrize("name", examples())
def test_an_example_is_valid_in_its_release(name: str) -> None:
    text = (DATA / name).read_bytes()
    validator = VALIDATORS[release_of(name)]
    if name in INVALID:
        with pytest.raises(HubError):
            validator.check(parse(text))
        return
    document = parse(text)
    validator.check(document)
    assert same(parse(dumps(document.value)).value, document.value)
    assert document.text == text.strip()
