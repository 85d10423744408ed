"""Whatever an expression is made of, it has values, or a reason why it has none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from hub.core.fhirpath import FhirPathError, compile_expression
from hub.core.fhirpath_call import COMPILED
from hub.core.fhirpath_function import FUNCTIONS
from hub.core.fhirpath_operator import LOGIC, OPERATIONS
from hub.core.release import FhirRelease
from hub.errors import TopicRefused

ODD: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "a": [1, Decimal("2.5"), "x", True, None, {"a": {"b": 1}, "_b": {"id": "i"}}],
    "_a": [None, None, {"extension": [{"url": "u"}]}, None, {"id": "n"}],
    "_b": [{"extension": [{"url": "u", "valueCode": "c"}]}, None, 5],
    "valueQuantity": {"value": 7, "system": "http://unitsofmeasure.org", "code": "mg"},
    "when": "2024-05-01",
    "big": Decimal("1E+999999"),
    "note": "aXb",
}
ATOMS = [
    *("1", "2.5", "0", "-3", "'x'", "''", "true", "false", "{}", "@2024", "@2024-05-01T10:30Z"),
    *("@T10:30", "5 'mg'", "2 days", "1 'a'", "a", "b", "value", "when", "big", "note", "$this"),
    *("$index", "$total", "%current", "%previous", "%v", "Observation", "value.unit", "a[5].b"),
    *("'base64'", "'html'", "'[a-z]+'", "'mg'", "Quantity", "string", "System.Integer", "code"),
]
NAMES = sorted({*FUNCTIONS, *COMPILED})


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    calls = st.builds(
        lambda owner, function, arguments: (
            f"({owner}).{function[0]}({', '.join(arguments[: function[1]])})"
        ),
        inner,
        st.sampled_from(NAMES),
        st.lists(inner, min_size=5, max_size=5),
    )
    signs = st.sampled_from([*OPERATIONS, *LOGIC, "is", "as"])
    return calls | st.builds(lambda a, sign, b: f"({a} {sign} {b})", inner, signs, inner)


@given(st.recursive(st.sampled_from(ATOMS), _grown, max_leaves=8), st.sampled_from(FhirRelease))
@example("-'x'", FhirRelease.R4)
@example("(big).round(2.5)", FhirRelease.R5)
def test_it_has_values_or_a_reason(expression: str, release: FhirRelease) -> None:
    try:
        compiled = compile_expression(expression, release)
    except TopicRefused:
        return
    for states in ((None, ODD), (ODD, None), (ODD, ODD), (None, None)):
        result = compiled.values(*states)
        assert isinstance(result, (list, FhirPathError))
