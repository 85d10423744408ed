"""Parameters resources: what operations take and give.

Source: http://hl7.org/fhir/parameters.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.core.release import Json, Resource
from hub.errors import InvalidResource, InvalidValue

_NUMBERS = ("valueInteger", "valueUnsignedInt", "valuePositiveInt")


def write_parameters(values: Sequence[tuple[str, str, str]]) -> Resource:
    """Write (name, value type, text) triples, such as ``("token", "valueString", "abc")``."""
    resource: Resource = {"resourceType": "Parameters"}
    if values:
        resource["parameter"] = [
            {"name": name, kind: _typed(kind, text)} for name, kind, text in values
        ]
    return resource


def _typed(kind: str, text: str) -> Json:
    if kind == "valueBoolean":
        return text == "true"
    return int(text) if kind in _NUMBERS else text


def read_parameters(resource: Resource) -> list[tuple[str, str]]:
    """Read primitive parameters as (name, text), in order.

    Raises:
        InvalidResource: it is no Parameters resource.
        InvalidValue: a parameter has no primitive value; no operation of the hub takes others.
    """
    if resource.get("resourceType") != "Parameters":
        raise InvalidResource(
            f"expected Parameters, found {resource.get('resourceType')!r}",
            expression="Parameters",
        )
    return [
        (str(parameter.get("name")), _text(parameter, f"Parameters.parameter[{index}]"))
        for index, parameter in enumerate(resource.get("parameter", []))
    ]


def _text(parameter: Resource, path: str) -> str:
    found = [value for name, value in parameter.items() if name.startswith("value")]
    if len(found) != 1 or isinstance(found[0], dict | list):
        raise InvalidValue(f"{path} must have one primitive value[x]", expression=path)
    value = found[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
