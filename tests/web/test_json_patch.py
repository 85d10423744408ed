"""JSON Patch as a function of values."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.json_text import dumps, parse
from hub.errors import HubError, InvalidValue, MalformedJson, TooLarge, Unprocessable
from hub.web.json_patch import apply_patch, read_patch

LARGE = 1_000_000
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
_POINTER = st.lists(
    st.sampled_from(["a", "b", "c", "0", "1", "-", "~0", "~2", ""]), max_size=3
).map(lambda parts: "".join(f"/{part}" for part in parts))
_OPERATION = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": _POINTER,
        "from": _POINTER,
        "value": _JSON,
    }
)


@given(st.dictionaries(st.sampled_from("abc"), _JSON), st.lists(_OPERATION, max_size=4))
def test_a_patch_either_applies_or_is_refused_and_leaves_the_original(
    resource: dict[str, object], operations: list[dict[str, object]]
) -> None:
    before = json.dumps(resource)
    with contextlib.suppress(Unprocessable, TooLarge):
        apply_patch(resource, read_patch(json.dumps(operations).encode(), 10), LARGE)
    assert json.dumps(resource) == before


@given(st.binary(max_size=60) | st.text('[]{}",:op1 ', max_size=30).map(str.encode))
def test_reading_a_patch_never_fails_otherwise(body: bytes) -> None:
    with contextlib.suppress(MalformedJson, InvalidValue, TooLarge):
        read_patch(body, 5)


def test_numbers_keep_their_spelling_through_copies() -> None:
    resource = parse(b'{"a":1.10,"b":{"c":1.0e2}}').value
    patched = apply_patch(
        resource, read_patch(b'[{"op":"copy","from":"/b","path":"/d"}]', 5), LARGE
    )
    assert dumps(patched) == b'{"a":1.10,"b":{"c":1.0e2},"d":{"c":1.0e2}}'
    assert isinstance(patched["a"], Decimal)


def test_copies_that_double_a_resource_again_and_again_are_stopped() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/c{number}"} for number in range(100)]
    for resource in ({"a": "x" * 1000}, {"a": "x"}):
        with pytest.raises(TooLarge):
            apply_patch(resource, doubling, LARGE)
    nesting = [{"op": "copy", "from": "/a", "path": "/a/a"}] * 300
    with pytest.raises(TooLarge):
        apply_patch({"a": {}}, nesting, LARGE * 1000)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"{}", MalformedJson),
        (b"[] , []", MalformedJson),
        (b'[],"x":[]', MalformedJson),
        (b'[{"op":"add","path":"/a"}]', InvalidValue),
        (b'[{"op":"copy","path":"/a"}]', InvalidValue),
        (b'[{"op":"fly","path":"/a"}]', InvalidValue),
        (b'[{"op":"remove","path":"a"}]', InvalidValue),
        (b'[{"op":"remove","path":1}]', InvalidValue),
        (b'[{"op":["add"],"path":"/a"}]', InvalidValue),
        (b'[{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}]', TooLarge),
    ],
)
def test_what_is_no_patch_is_refused(body: bytes, refusal: type[HubError]) -> None:
    with pytest.raises(refusal):
        read_patch(body, 1)
