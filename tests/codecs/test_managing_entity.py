"""For whom a Subscription is, as each release writes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.codecs.r4 import R4Codec
from hub.codecs.r5 import R5Codec
from hub.codecs.releases import codecs_of_releases
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease, Resource
from tests.support.builders import a_subscription
from tests.support.classic import a_classic

URL = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.managingEntity"
NAMES = frozenset({"Organization/lab", "http://ids.example.org|1"})
LAB: Resource = {
    "reference": "Organization/lab",
    "identifier": {"system": "http://ids.example.org", "value": "1"},
    "display": "Lab",
}


def read(resource: Resource) -> tuple[frozenset[str], list[str | None]]:
    """Return whom a Subscription is for, and the elements that were refused."""
    codec = R5Codec() if "channelType" in resource else R4Codec()
    refusals = Refusals()
    found = codec.read_subscription(resource, refusals)
    return found.managing_entity, [each.expression for each in refusals.found]


@pytest.mark.parametrize(
    ("entity", "names"),
    [
        (LAB, NAMES),
        ({"reference": "Organization/lab"}, {"Organization/lab"}),
        ({"identifier": LAB["identifier"]}, {"http://ids.example.org|1"}),
        ({"identifier": {"value": "1"}}, set()),
        ({"identifier": {"system": "http://ids.example.org"}}, set()),
        ({"display": "Lab"}, set()),
    ],
)
def test_r5_has_an_element_for_it(entity: Resource, names: set[str]) -> None:
    resource = a_subscription(FhirRelease.R5, managingEntity=entity)
    assert read(resource) == (frozenset(names), [])


@pytest.mark.parametrize(
    "resource", [a_subscription(FhirRelease.R4), a_classic("Task?status=requested")]
)
def test_r4_has_an_extension_for_it(resource: Resource) -> None:
    def given(*entities: Any) -> tuple[frozenset[str], list[str | None]]:
        return read(resource | {"extension": [{"url": URL, **each} for each in entities]})

    assert read(resource) == (frozenset(), [])
    assert given({"valueReference": LAB}) == (NAMES, [])
    for wrong, place in (
        ([{"valueReference": {"display": "Lab"}}], 0),
        ([{"valueString": "Organization/lab"}], 0),
        ([{"valueReference": LAB}, {"valueReference": LAB}], 1),
    ):
        assert given(*wrong) == (frozenset(), [f"Subscription.extension[{place}]"])
    elsewhere = {"extension": [{"url": URL, "valueReference": LAB}]}
    moved = resource | {"channel": resource["channel"] | elsewhere}
    assert read(moved) == (frozenset(), ["Subscription.channel.extension[0]"])


@pytest.mark.parametrize("release", list(FhirRelease))
@pytest.mark.parametrize(
    "names", [NAMES, frozenset({"Organization/lab"}), frozenset({"http://ids.example.org|1"})]
)
def test_what_is_written_is_read_again(release: FhirRelease, names: frozenset[str]) -> None:
    codec = codecs_of_releases()[release]
    submitted = codec.decode_subscription(a_subscription(release))
    submitted = replace(submitted, managing_entity=names)
    assert codec.decode_subscription(codec.encode_subscription(submitted)) == submitted
