from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core import value_set as module
from hub.core.release import Resource
from hub.core.value_set import MAX_NESTING, Expansion, NotExpandable, ValueSets

VS = "http://example.org/ValueSet/"
CS = "http://example.org/CodeSystem/colours"


def value_set(name: str, **elements: Any) -> Resource:
    return {"resourceType": "ValueSet", "url": VS + name, "status": "active", **elements}


def listing(name: str, *codes: str, **elements: Any) -> Resource:
    part = {"system": CS, "concept": [{"code": code} for code in codes]}
    return value_set(name, compose={"include": [part]}, **elements)


def of_sets(name: str, *names: str, **part: Any) -> Resource:
    sets = [VS + each for each in names]
    return value_set(name, compose={"include": [{"valueSet": sets, **part}]})


def colours(**elements: Any) -> Resource:
    return {
        "resourceType": "CodeSystem",
        "url": CS,
        "content": "complete",
        "concept": [
            {"code": "red", "concept": [{"code": "scarlet"}]},
            {"code": "mauve", "property": [{"code": "status", "valueCode": "retired"}]},
            {"code": "puce", "property": [{"code": "inactive", "valueBoolean": True}]},
            {"code": "blue", "property": [{"code": "inactive", "valueBoolean": False}]},
            {"display": "without a code"},
        ],
        **elements,
    }


def codes(*resources: Resource, systems: tuple[Resource, ...] = (), name: str = "a") -> set[str]:
    expansion = ValueSets(resources, systems).expand(VS + name)
    assert {code for _, code in expansion.members} == expansion.codes
    assert {system for system, _ in expansion.members} <= {CS}
    return set(expansion.codes)


def reason(*resources: Resource, systems: tuple[Resource, ...] = (), name: str = "a") -> str:
    with pytest.raises(NotExpandable) as caught:
        ValueSets(resources, systems).expand(VS + name)
    return str(caught.value)


def test_listed_codes_are_in() -> None:
    assert codes(listing("a", "red", "blue")) == {"red", "blue"}


def test_the_codes_of_other_value_sets_are_in_if_all_of_them_have_them() -> None:
    one, other = listing("b", "red", "blue"), listing("c", "blue", "green")
    assert codes(of_sets("a", "b"), one) == {"red", "blue"}
    assert codes(of_sets("a", "b", "c"), one, other) == {"blue"}
    only_red = {"system": CS, "concept": [{"code": "red"}]}
    assert codes(of_sets("a", "b", **only_red), one) == {"red"}


def test_what_is_excluded_is_not_in() -> None:
    source = listing("a", "red", "blue")
    source["compose"]["exclude"] = [{"system": CS, "concept": [{"code": "red"}]}]
    assert codes(source) == {"blue"}
    source["compose"]["exclude"] = [{"valueSet": [VS + "b"]}]
    assert codes(source, listing("b", "blue")) == {"red"}


def test_all_codes_of_a_complete_code_system_are_in() -> None:
    whole = value_set("a", compose={"include": [{"system": CS}]})
    assert codes(whole, systems=(colours(),)) == {"red", "scarlet", "mauve", "puce", "blue"}
    whole["compose"]["inactive"] = False
    assert codes(whole, systems=(colours(),)) == {"red", "scarlet", "blue"}


def test_a_code_system_is_found_by_its_version() -> None:
    whole = value_set("a", compose={"include": [{"system": CS, "version": "2"}]})
    older = colours(version="1")
    newer = colours(version="2", concept=[{"code": "teal"}])
    assert codes(whole, systems=(older, newer)) == {"teal"}
    assert "all codes of http://example.org/CodeSystem/colours|2" in reason(whole, systems=(older,))


@pytest.mark.parametrize("content", ["not-present", "example", "fragment", "supplement"])
def test_a_code_system_that_is_not_complete_is_refused(content: str) -> None:
    whole = value_set("a", compose={"include": [{"system": CS}]})
    assert f"{content!r}, not 'complete'" in reason(whole, systems=(colours(content=content),))


def test_an_expansion_counts_where_the_definition_takes_a_server() -> None:
    filtered = {"include": [{"system": CS, "filter": [{"property": "x", "op": "is-a"}]}]}
    contains = [
        {"system": CS, "code": "red", "contains": [{"system": CS, "code": "scarlet"}]},
        {"system": CS, "code": "warm", "abstract": True},
        {"display": "a group"},
    ]
    expansion = {"total": 4, "contains": contains}
    assert codes(value_set("a", expansion=expansion)) == {"red", "scarlet"}
    assert codes(value_set("a", compose=filtered, expansion=expansion)) == {"red", "scarlet"}
    assert "by a filter" in reason(value_set("a", compose=filtered))


def test_the_definition_counts_more_than_an_expansion() -> None:
    expansion = {"contains": [{"system": CS, "code": "old"}]}
    assert codes(listing("a", "new", expansion=expansion)) == {"new"}


@pytest.mark.parametrize(
    ("expansion", "words"),
    [
        ({"total": 9, "contains": [{"system": CS, "code": "red"}]}, "one page of several"),
        ({"offset": 10, "contains": []}, "one page of several"),
        (
            {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/valueset-toocostly"}]},
            "says it is not complete",
        ),
    ],
)
def test_an_expansion_that_is_not_complete_is_refused(expansion: Any, words: str) -> None:
    assert words in reason(value_set("a", expansion=expansion))
    assert reason(value_set("a", expansion=expansion | {"extension": [{"url": "x"}], "offset": 1}))


def test_what_is_not_loaded_is_refused_with_what_to_do() -> None:
    assert reason() == (
        f"the ValueSet {VS}a is not loaded; give its file, or the package that has it, to --topics"
    )
    assert f"{VS}b is not loaded" in reason(of_sets("a", "b"))
    assert f"all codes of {CS}" in reason(value_set("a", compose={"include": [{"system": CS}]}))


def test_a_value_set_that_says_nothing_is_refused() -> None:
    assert "neither compose nor expansion" in reason(value_set("a"))
    empty = value_set("a", compose={"include": [{"valueSet": "wrong"}]})
    assert "a part without system and valueSet" in reason(empty)


def test_value_sets_that_include_each_other_are_refused() -> None:
    assert "includes itself" in reason(of_sets("a", "b"), of_sets("b", "a"))


def test_value_sets_may_only_stand_so_deep_in_others() -> None:
    row = [of_sets(str(depth), str(depth + 1)) for depth in range(MAX_NESTING)]
    last = listing(str(MAX_NESTING), "red")
    assert "stands deeper" in reason(*row, last, name="0")
    assert codes(*row, last, name="1") == {"red"}


def test_a_value_set_that_many_others_include_is_worked_out_once() -> None:
    rows = [of_sets(str(depth), *[str(depth + 1)] * 100) for depth in range(MAX_NESTING - 1)]
    assert codes(*rows, listing(str(MAX_NESTING - 1), "red"), name="0") == {"red"}


def test_a_value_set_with_too_many_codes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CODES", 2)
    assert "more than 2 codes" in reason(listing("a", "red", "blue", "green"))
    contains = [{"system": CS, "code": str(number)} for number in range(3)]
    assert "more than 2 codes" in reason(value_set("a", expansion={"contains": contains}))


def test_a_canonical_without_version_means_the_newest_and_names_the_content() -> None:
    older, newer = listing("a", "red", version="1.9"), listing("a", "blue", version="1.10")
    known = ValueSets([older, newer, {"resourceType": "ValueSet"}])
    assert known.expand(VS + "a") == known.expand(VS + "a|1.10")
    assert known.expand(VS + "a|1.9").codes == {"red"}
    assert known.expand(VS + "a").canonical.startswith(VS + "a|1.10#")
    with pytest.raises(NotExpandable):
        known.expand(VS + "a|3")


@given(st.sets(st.text("abc", min_size=1, max_size=2)), st.sets(st.text("abc", min_size=1)))
def test_the_canonical_changes_with_the_codes_and_only_with_them(
    one: set[str], other: set[str]
) -> None:
    first = ValueSets([listing("a", *one)]).expand(VS + "a") if one else None
    second = ValueSets([listing("a", *reversed(list(other)))]).expand(VS + "a") if other else None
    if first and second:
        assert (first.canonical == second.canonical) is (one == other)


RED = Expansion(
    canonical="x", members=frozenset({(CS, "red"), (CS, "blue")}), codes=frozenset({"red", "blue"})
)


@pytest.mark.parametrize(
    ("element", "held"),
    [
        ("red", True),
        ("green", False),
        ({"system": CS, "code": "red"}, True),
        ({"system": "http://other", "code": "red"}, False),
        ({"code": "red"}, False),
        ({"coding": [{"system": CS, "code": "green"}, {"system": CS, "code": "blue"}]}, True),
        ({"coding": ["wrong"]}, False),
        ({"coding": []}, False),
        ({"text": "red"}, None),
        (1, None),
    ],
)
def test_an_element_is_in_or_not_or_no_concept_at_all(element: Any, held: bool | None) -> None:
    assert RED.holds(element) is held
