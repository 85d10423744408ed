"""``_text``, ``_content`` and ``section-text``."""

from __future__ import annotations

import pytest

from hub.core.release import Resource
from hub.core.search import parse_query
from hub.core.search_words import without_tags
from hub.errors import InvalidSearch
from tests.support.searches import R4, R5, asks

TASK: Resource = {
    "resourceType": "Task",
    "id": "third-1",
    "text": {
        "status": "generated",
        "div": "<div xmlns='http://www.w3.org/1999/xhtml'><!-- hidden <b> -->"
        "<p>Blut<b>entnahme</b> f&uuml;r Herrn&nbsp;MÜLLER &lt;dringend&gt;</p></div>",
    },
    "description": "Bring the kit",
    "note": [{"text": "Ring twice"}],
    "contained": [{"resourceType": "Patient", "name": [{"family": "Inside"}]}],
    "output": [{"valueInteger": 3}],
    "input": [{"valueAttachment": {"data": "cGxhaW4=", "title": "A letter"}}],
}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("_text", "muller", True),
        ("_text", "Müller blut", True),
        ("_text", "müller,nobody", True),
        ("_text", "müller nobody", False),
        ("_text", "müll", False),
        ("_text", "dringend", True),
        ("_text", "für", True),
        ("_text", "hidden", False),
        ("_text", "xmlns", False),
        ("_text", "kit", False),
        ("_content", "kit", True),
        ("_content", "kit TWICE müller", True),
        ("_content", "inside", True),
        ("_content", "letter", True),
        ("_content", "third", True),
        ("_content", "cGxhaW4", False),
        ("_content", "task", False),
        ("_content", "p", False),
    ],
)
def test_all_words_of_one_alternative_must_be_there(name: str, value: str, expected: bool) -> None:
    assert asks(name, value, TASK) is expected
    assert asks(name, value, TASK, parameters=R5) is expected


def test_a_resource_without_a_narrative_has_no_text() -> None:
    assert not asks("_text", "a", {"resourceType": "Task", "text": "a"})
    assert not asks("_text", "a", {"resourceType": "Task"})


def test_sections_of_a_composition_are_looked_through_to_the_second_level() -> None:
    def section(text: str, *inner: Resource) -> Resource:
        return {"text": {"div": f"<div>{text}</div>"}, "section": list(inner)}

    composition = {
        "resourceType": "Composition",
        "section": [section("one", section("two", section("three")))],
    }
    found = [
        asks("section-text", word, composition, parameters=R5) for word in ("one", "two", "three")
    ]
    assert found == [True, True, False]


@pytest.mark.parametrize(
    "value", ["a AND b", "(a)", '"a b"', "a*", "...", "NOT a", "a OR b", "a\\|b"]
)
def test_operators_are_refused_not_taken_for_words(value: str) -> None:
    with pytest.raises(InvalidSearch, match="words, all of which must be there; no operators"):
        asks("_content", value, TASK)


def test_no_modifier_is_taken() -> None:
    for modifier in ("missing", "exact", "contains"):
        with pytest.raises(InvalidSearch, match="no modifier"):
            asks(f"_text:{modifier}", "true", TASK)


def test_equal_questions_have_one_spelling() -> None:
    one, other = (
        parse_query(R4, "Task", [("_text", value)]).canonical for value in ("b A,ä", "a,a  B")
    )
    assert one == other == "Task?_text=a,a%20b"


@pytest.mark.parametrize(
    ("narrative", "text"),
    [
        ("<p>a</p><!-- b --><p>c</p>", "a c"),
        ("a<!-- b", "a"),
        ("a<!-- b --><!----><i>c</i>-->", "a c -->"),
        ("<" * 5 + "a", "<<<<<a"),
        ("1 &lt; 2 &amp; 3", "1 < 2 & 3"),
    ],
)
def test_tags_and_comments_are_no_text(narrative: str, text: str) -> None:
    assert " ".join(without_tags(narrative).split()) == text
