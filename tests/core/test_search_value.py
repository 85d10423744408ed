from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.search_range import dates, numbers, quantities
from hub.core.search_value import (
    NO_VALUES,
    Reader,
    bare_tokens,
    local_reference,
    normalise,
    reference_reader,
    strings,
    tokens,
    uris,
)

BASE = "http://hub/fhir/r4"
references = reference_reader(BASE)


def test_strings_are_compared_without_case_accents_and_extra_spaces() -> None:
    assert normalise("  Müller   Straße ") == "muller strasse"
    assert normalise("PLAIN") == "plain"


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(normalise(text))) == normalise(normalise(text))


def test_a_bare_code_has_one_form() -> None:
    assert bare_tokens(["requested", True, False, 3, Decimal("1.0"), {}, ""]).terms == {
        "requested",
        "true",
        "false",
        "3",
        "1.0",
    }
    assert bare_tokens([{}]) is NO_VALUES


@pytest.mark.parametrize(
    ("element", "terms"),
    [
        ({"system": "s", "code": "c"}, {"c", "s|c", "s|"}),
        ({"code": "c"}, {"c", "|c"}),
        ({"system": "s"}, {"s|"}),
        ({"coding": [{"system": "s", "code": "c"}, "no coding"]}, {"c", "s|c", "s|"}),
        ({"coding": "no list"}, set()),
        ({"system": "s", "value": "v"}, {"v", "s|v", "s|"}),
        ({"system": "phone", "value": "555", "use": "home"}, {"555", "home|555", "home|"}),
        ({"system": "phone", "value": "555"}, {"555", "|555"}),
        (
            {"value": "v", "type": {"coding": [{"system": "t", "code": "MR"}, "no coding"]}},
            {"v", "|v", "t:t|MR|v"},
        ),
        ({"value": "v", "type": {"coding": [{}]}}, {"v", "|v", "t:||v"}),
        ({"value": "v", "type": {"coding": "no list"}}, {"v", "|v"}),
        ({"concept": {"coding": [{"code": "c"}]}}, {"c", "|c"}),
        ({"concept": "no concept"}, set()),
        ("c", {"c", "|c", "*|c"}),
        (True, {"true", "|true", "*|true"}),
        ([], set()),
    ],
)
def test_a_token_has_these_forms(element: Any, terms: set[str]) -> None:
    assert tokens([element]).terms == terms


def test_the_texts_around_a_token_are_kept() -> None:
    found = tokens(
        [
            {"text": "Heart", "coding": [{"code": "c", "display": "Herz"}]},
            {"value": "v", "type": {"text": "Kind"}},
        ]
    )
    assert found.texts == ("Herz", "Heart", "Kind")
    assert found.strings == ("herz", "heart", "kind")
    assert tokens([{"text": "only"}])
    assert not tokens([{}])


@pytest.mark.parametrize(
    ("reference", "terms"),
    [
        ("Patient/1", {"Patient/1", "id:1"}),
        ("Patient/1/_history/3", {"Patient/1", "id:1"}),
        (BASE + "/Patient/1", {"Patient/1", "id:1"}),
        (BASE + "/Patient/1/_history/3", {"Patient/1", "id:1"}),
        (BASE + "b/Patient/1", {BASE + "b/Patient/1"}),
        ("http://other/Patient/1", {"http://other/Patient/1"}),
        ("http://other/Patient/1/_history/3", {"http://other/Patient/1"}),
        ("urn:uuid:7", {"urn:uuid:7"}),
        ("#inside", {"#inside"}),
        ("id:1", {"#id:1"}),
        ("i:s|v", {"#i:s|v"}),
        ("", set()),
    ],
)
def test_a_reference_has_these_forms(reference: str, terms: set[str]) -> None:
    assert references([{"reference": reference}]).terms == terms


def test_canonicals_are_references_with_and_without_version() -> None:
    assert references(["http://x/Plan|1"]).terms == {"http://x/Plan|1", "http://x/Plan"}
    assert references(["http://x/Plan"]).terms == {"http://x/Plan"}


def test_logical_references_are_found_by_identifier() -> None:
    found = references([{"identifier": {"system": "s", "value": "v"}, "display": "Dr X"}])
    assert found.terms == {"i:v", "i:s|v", "i:s|"}
    assert found.strings == ("dr x",)


def test_a_codeable_reference_is_read_as_its_reference() -> None:
    assert references([{"reference": {"reference": "Device/1"}}]).terms == {"Device/1", "id:1"}


def test_what_is_no_reference_has_no_values() -> None:
    assert references([1, {"reference": 1, "identifier": 1, "display": 1}]) is NO_VALUES


IDS = st.from_regex(r"[A-Za-z0-9.\-]{1,20}", fullmatch=True)


@given(IDS, IDS)
def test_every_spelling_of_an_own_resource_is_the_same_reference(id: str, version: str) -> None:
    relative = f"Patient/{id}"
    for spelling in (relative, f"{BASE}/{relative}"):
        assert local_reference(spelling, BASE) == relative
        assert local_reference(f"{spelling}/_history/{version}", BASE) == relative


def test_a_uri_is_itself() -> None:
    assert uris(["http://x", 3]).terms == {"http://x"}
    assert uris([3]) is NO_VALUES


def test_strings_are_read_from_names_and_addresses() -> None:
    name = {"use": "official", "family": "Müller", "given": ["Änne", 1], "period": {"start": "1"}}
    found = strings([name, "Plain", 3])
    assert found.texts == ("Müller", "Änne", "Plain")
    assert found.strings == ("muller", "anne", "plain")
    assert strings([3]) is NO_VALUES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "coding",
                    "code",
                    "system",
                    "value",
                    "type",
                    "text",
                    "reference",
                    "identifier",
                    "start",
                    "end",
                    "event",
                    "repeat",
                    "low",
                    "high",
                    "concept",
                    "display",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
def test_no_reader_fails_on_any_json(elements: list[Any]) -> None:
    readers: tuple[Reader, ...] = (
        bare_tokens,
        tokens,
        references,
        uris,
        strings,
        dates,
        numbers,
        quantities,
    )
    for reader in readers:
        found = reader(elements)
        assert bool(found) == (found is not NO_VALUES)
        assert all(low < high for low, high in found.ranges)


TEXT = st.sampled_from(
    ["", "a", "b", "http://a", "Task/1", "#x", "phone", "http://hub/r4/Task/2", "2024-05"]
)
PART = st.one_of(st.none(), TEXT, st.integers(0, 1), st.booleans())
CODING = st.dictionaries(
    st.sampled_from(["system", "code", "display", "value", "version", "type", "use"]),
    PART,
    max_size=4,
)
ELEMENT = st.one_of(
    PART,
    CODING,
    st.fixed_dictionaries(
        {"coding": st.lists(CODING | TEXT, max_size=2)}, optional={"text": PART, "display": TEXT}
    ),
    st.fixed_dictionaries({"coding": TEXT}),
    st.fixed_dictionaries({"reference": PART}, optional={"display": PART, "identifier": CODING}),
)


@settings(max_examples=200)
@given(ELEMENT)
def test_one_element_alone_gives_what_it_gives_among_others(element: Any) -> None:
    for read in (bare_tokens, tokens, reference_reader("http://hub/r4"), dates):
        alone, twice = read([element]), read([element, element])
        assert alone.terms == twice.terms
        assert alone.texts * 2 == twice.texts
        assert alone.ranges * 2 == twice.ranges


@pytest.mark.parametrize("display", [None, "a"])
@pytest.mark.parametrize("code", [None, "c"])
def test_a_coding_alone_has_its_forms(code: str | None, display: str | None) -> None:
    parts = {"system": "s", "code": code, "display": display}
    coding = {name: value for name, value in parts.items() if value is not None}
    expected = {"s|"} if code is None else {"c", "s|", "s|c"}
    assert tokens([{"coding": [coding]}]).terms == expected
    assert tokens([coding]).texts == (() if display is None else (display,))
    assert not tokens([{"coding": []}]) and not tokens([{"coding": [{}]}])
    assert tokens([{"code": True}]).terms == {"true", "|true"}


def test_a_concept_of_one_code_has_its_display_and_its_text() -> None:
    concept = {"coding": [{"system": "s", "code": "c", "display": "d"}], "text": "t"}
    assert tokens([concept]).texts == ("d", "t")
    assert tokens([{"coding": ["c"], "text": "t"}]).texts == ("t",)
    assert tokens([{"coding": [{}], "text": "t"}]).texts == ("t",)


def test_an_identifier_is_a_value_in_a_system_unless_it_is_a_contact() -> None:
    assert tokens([{"system": "s", "value": "v", "use": "home"}]).terms == {"v", "s|v", "s|"}
    assert tokens([{"system": "phone", "value": "1", "use": "home"}]).terms == {
        "1",
        "home|1",
        "home|",
    }
