"""JSON Patch on resources: every number that is not patched keeps its spelling.

Source: RFC 6902; http://hl7.org/fhir/http.html#patch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import jsonpatch

from hub.core.json_text import Document, dumps, parse
from hub.core.release import Json, Resource
from hub.errors import InvalidValue, MalformedJson, MediaTypeNotSupported, TooLarge, Unprocessable
from hub.web.call import Call
from hub.web.service import Service, refuse_topic
from hub.web.target import Target

Operation: TypeAlias = Mapping[str, Json]

_NEEDS: Final = {
    "add": "value",
    "replace": "value",
    "test": "value",
    "remove": "path",
    "move": "from",
    "copy": "from",
}


def read_patch(body: bytes, most: int) -> Sequence[Operation]:
    """Read a JSON Patch of at most ``most`` operations.

    Raises:
        MalformedJson: it is no JSON array.
        InvalidValue: an operation is not of the form of RFC 6902.
        TooLarge: it has too many operations.
    """
    if not body.lstrip().startswith(b"["):
        raise MalformedJson("a JSON Patch is an array of operations")
    document = parse(b'{"patch":' + body + b"}")
    if len(document.value) != 1:
        raise MalformedJson("text follows the JSON Patch")
    operations: list[Json] = document.value["patch"]
    if len(operations) > most:
        raise TooLarge(f"the JSON Patch has {len(operations)} operations; allowed: {most}")
    for index, operation in enumerate(operations):
        _check(operation, index)
    return operations


def _check(operation: Json, index: int) -> None:
    name = operation.get("op") if isinstance(operation, dict) else None
    if not isinstance(name, str) or name not in _NEEDS:
        raise InvalidValue(
            f"operation {index} of the JSON Patch has no op; allowed: {', '.join(_NEEDS)}"
        )
    for member in ("path", _NEEDS[name]):
        if member not in operation:
            raise InvalidValue(f"operation {index} of the JSON Patch ({name}) has no {member}")
        pointer = operation[member]
        if member != "value" and not (
            isinstance(pointer, str) and (not pointer or pointer.startswith("/"))
        ):
            raise InvalidValue(f"operation {index} of the JSON Patch: {member} is no JSON Pointer")


def patching(service: Service, call: Call, target: Target) -> Callable[[Resource], Document]:
    """Return what makes the patched, validated document from the current resource.

    Raises:
        MediaTypeNotSupported: the call has no JSON Patch.
    """
    operations = call.patch
    if operations is None:
        raise MediaTypeNotSupported("PATCH takes a JSON Patch (application/json-patch+json)")

    def patched(current: Resource) -> Document:
        refuse_topic(call.release, current)
        value = apply_patch(current, operations, service.limits.body_bytes)
        if not isinstance(value, dict):
            raise Unprocessable("the JSON Patch leaves no resource")
        document = parse(dumps(value))
        refuse_topic(call.release, document.value)
        return service.validated(call.release, document, target.resource_type, target.id)

    return patched


def apply_patch(current: Resource, operations: Sequence[Operation], most: int) -> Json:
    """Return ``current`` as patched; ``current`` itself stays as it is.

    Args:
        most: how many bytes the text may come to while it is patched.

    Raises:
        Unprocessable: an operation can't be applied, or a test fails.
        TooLarge: copies make the resource too large.
    """
    value: Json = copy.deepcopy(current)
    for index, operation in enumerate(operations):
        try:
            value = jsonpatch.apply_patch(value, [operation], in_place=True)
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError):
            # TypeError: a path leads into a string or number.
            raise Unprocessable(
                f"operation {index} of the JSON Patch ({operation['op']}) can't be applied to "
                "the current resource"
            ) from None
        if operation["op"] == "copy":
            _check_size(value, most)
    return value


def _check_size(value: Json, most: int) -> None:
    """Refuse a value that copies of itself made too large; each copy can double it."""
    try:
        fits = len(dumps(value)) <= most
    except TypeError:
        # So the writer of JSON refuses what is nested too deep.
        fits = False
    if not fits:
        raise TooLarge("the JSON Patch makes the resource too large")
