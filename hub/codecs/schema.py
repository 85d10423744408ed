"""JSON Schemas that say yes to a resource in microseconds.

A schema accepts only what ``hub.codecs.conformance`` accepts.  A few rare forms are left to that
slower check: lists of primitives with nulls, a required primitive that has only extensions, a
primitive with an id and no extension, and extensions on the primitive of a choice.

Sources: http://hl7.org/fhir/json.html; http://hl7.org/fhir/formats.html#choice;
http://hl7.org/fhir/extensibility.html (ext-1); JSON Schema draft 4 (the one in which 1.0 is not
an integer).
"""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from hub.codecs.primitive import PRIMITIVES
from hub.codecs.tables import Element, Elements

Schema = dict[str, Any]

_ONLY_EXTENSIONS: Schema = {
    "type": "object",
    "required": ["extension"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "extension": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/Extension"}},
    },
}
_ANY_RESOURCE: Schema = {"type": "object", "required": ["resourceType"]}


def compile_schema(elements: Elements, resource_type: str) -> jsonschema_rs.Draft4Validator:
    """Return the compiled schema of one resource type.

    Resources inside the resource are only required to have a ``resourceType``: each is checked by
    its own schema.

    Raises:
        KeyError: the release has no such type.
    """
    definitions: Schema = {"_element": _ONLY_EXTENSIONS, "Resource": _ANY_RESOURCE}
    left = [resource_type, "Extension"]
    while left:
        name = left.pop()
        if name in definitions:
            continue
        if name in PRIMITIVES:
            definitions[name] = PRIMITIVES[name].schema()
            continue
        definitions[name] = _object(elements.of(name), is_extension=name == "Extension")
        left += [code for element in elements.of(name) for code in element.types]
    resource = definitions[resource_type]
    resource["properties"]["resourceType"] = {"enum": [resource_type]}
    resource["required"] = ["resourceType", *resource.get("required", [])]
    return jsonschema_rs.Draft4Validator(
        {"$ref": f"#/definitions/{resource_type}", "definitions": definitions},
        pattern_options=jsonschema_rs.RegexOptions(),
        offline=True,
    )


def _object(elements: tuple[Element, ...], *, is_extension: bool) -> Schema:
    properties: Schema = {}
    required: list[str] = []
    choices: list[Schema] = []
    for element in elements:
        for name, code in element.json_names.items():
            properties[name] = _value(element, code)
            if code in PRIMITIVES and not element.is_list and not element.is_choice:
                properties[f"_{name}"] = {"$ref": "#/definitions/_element"}
        if element.is_choice:
            choices.append(_choice(element, is_extension=is_extension))
        elif element.required:
            required.append(element.name)
    schema: Schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": properties,
    }
    if required:
        schema["required"] = required
    if choices:
        schema["allOf"] = choices
    return schema


def _choice(element: Element, *, is_extension: bool) -> Schema:
    """At most one of the names; an extension has one value or else extensions (ext-1)."""
    names = [*element.json_names]
    if is_extension:
        names.append("extension")
    alternatives: list[Schema] = [{"required": [name]} for name in names]
    if not element.required and not is_extension:
        alternatives.append({"not": {"anyOf": list(alternatives)}})
    return {"oneOf": alternatives}


def _value(element: Element, code: str) -> Schema:
    schema: Schema = {"$ref": f"#/definitions/{code}"}
    if element.codes is not None:
        schema = {"enum": list(element.codes)}
    if element.is_list:
        return {"type": "array", "minItems": 1, "items": schema}
    return schema
