from __future__ import annotations

import json
from decimal import Decimal

import fhir.resources.parameters
import fhir.resources.R4B.parameters
import pytest

from hub.codecs.parameters import read_parameters, write_parameters
from hub.core.release import FhirRelease, Json
from hub.errors import InvalidResource, InvalidValue
from tests.support.notifications import CODECS

BINDING = [
    ("token", "valueString", "abc"),
    ("expiration", "valueDateTime", "2024-01-01T01:00:00Z"),
    ("subscription", "valueString", "a"),
    ("subscription", "valueString", "b"),
    ("websocket-url", "valueUrl", "wss://example.org/ws"),
    ("count", "valueInteger", "3"),
    ("open", "valueBoolean", "true"),
    ("shut", "valueBoolean", "false"),
]


@pytest.mark.parametrize("release", FhirRelease)
def test_what_is_written_is_valid_and_read_again(release: FhirRelease) -> None:
    resource = CODECS[release].encode_parameters(BINDING)
    for model in (fhir.resources.parameters, fhir.resources.R4B.parameters):
        model.Parameters.model_validate_json(json.dumps(resource))
    assert CODECS[release].decode_parameters(resource) == [
        (name, text) for name, _, text in BINDING
    ]


def test_no_parameters_have_no_empty_list() -> None:
    assert write_parameters([]) == {"resourceType": "Parameters"}
    assert read_parameters({"resourceType": "Parameters"}) == []


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ({"valueInteger64": "9007199254740993"}, "9007199254740993"),
        ({"valueDecimal": Decimal("1.10")}, "1.10"),
        ({"valueUnsignedInt": 4}, "4"),
        ({"valueBoolean": False}, "false"),
    ],
)
def test_every_primitive_is_read_as_text(member: dict[str, Json], text: str) -> None:
    resource = {"resourceType": "Parameters", "parameter": [{"name": "x", **member}]}
    assert read_parameters(resource) == [("x", text)]


@pytest.mark.parametrize(
    "member",
    [
        {},
        {"part": [{"name": "y", "valueString": "z"}]},
        {"valueReference": {"reference": "Task/1"}},
        {"resource": {"resourceType": "Task"}},
        {"valueString": "a", "valueCode": "b"},
    ],
)
def test_a_parameter_without_one_primitive_value_is_refused(member: dict[str, Json]) -> None:
    resource = {
        "resourceType": "Parameters",
        "parameter": [{"name": "a", "valueCode": "b"}, {"name": "x", **member}],
    }
    with pytest.raises(InvalidValue) as refusal:
        read_parameters(resource)
    assert refusal.value.expression == "Parameters.parameter[1]"


def test_another_resource_is_no_parameters() -> None:
    with pytest.raises(InvalidResource, match="'Task'"):
        read_parameters({"resourceType": "Task"})
