"""Functions that walk a resource or go on with their own results, and variables."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fhirpath import failure_of, values_of

FORM: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "id": "q",
    "_status": {"extension": [{"url": "http://e"}]},
    "title": "Form",
    "_title": {"id": "t"},
    "item": [
        {
            "linkId": "1",
            "item": [{"linkId": "1.1", "item": [{"linkId": "1.1.1"}]}, {"linkId": "1.2"}],
        },
        {"linkId": "2", "prefix": "b"},
    ],
    "rank": [3, 1, 2],
    "tag": [{"k": "b", "n": 1}, {"k": "a", "n": 2}, {"n": 3}, {"k": "a", "n": 1}],
    "_note": [{"extension": [{"url": "http://e"}]}, None],
    "note": [None, "x"],
}

TRUE = [
    "repeat(item).linkId.count() = 5 and repeat(item).linkId.first() = '1'",
    "repeat(item).linkId = ('1' | '2' | '1.1' | '1.2' | '1.1.1') and repeat('x') = 'x'",
    "{}.repeat(item).empty() and repeat({}).empty() and item.repeat(item).count() = 3",
    "rank.repeat($this mod 2).count() = 2 and rank.aggregate($this + $total, 0) = 6",
    "rank.aggregate($total + $this).empty() and {}.aggregate($this, 7) = 7 and $total.empty()",
    "rank.aggregate(iif($total.empty(), $this, iif($this > $total, $this, $total))) = 3",
    "rank.aggregate($total + %current.rank.aggregate($total + $this, 0), 0) = 18",
    "{}.descendants().empty() and {}.children().empty()",
    "descendants().linkId.count() = 5 and item.descendants().linkId.count() = 3",
    "children().count() = 14 and children().linkId.count() = 2 and 'a'.children().empty()",
    "children().where($this = 'Form').count() = 1 and note.count() = 2",
    "rank.where($index = 1) = 1 and rank.select($index) = (0 | 1 | 2) and rank.exists($index > 1)",
    "item.select(item.where($index = 1).linkId & '@' & $index.toString()).first() = '1.2@0'",
    "rank.all($index < 3) and item.select($index + item.count()) = 2 | 1",
    "rank.sort() = 1 | 2 | 3 and rank.sort(-$this) = 3 | 2 | 1 and {}.sort().empty()",
    "tag.sort(k).n = {} or tag.sort(k).first().n = 3 and tag.sort(k).last().k = 'b'",
    "tag.sort(k, -n).select(n)[1] = 2 and tag.sort(-k, n).select(n)[2] = 1"
    " and tag.sort(-k).n[0] = 3",
    "tag.sort(n, k).select(k).first() = 'a' and item.sort(-linkId).linkId.first() = '2'",
    "rank.trace('r').count() = 3 and rank.trace('r', $this + 1).count() = 3",
    "defineVariable('r', rank).item.where(linkId = %r.count().toString()).empty()",
    "defineVariable('f').item.select(%f.title & linkId) = 'Form1' | 'Form2'",
    "item.defineVariable('i', count()).select(%i) .first() = 2",
    "(defineVariable('a', 1).select(%a) | defineVariable('a', 2).select(%a)) = 1 | 2",
    "item.select(defineVariable('me', linkId).item.select(%me & '>' & linkId)).first() = '1>1.1'",
    "defineVariable('a', 'x').defineVariable('b', %a & 'y').select(%b) = 'xy'",
    "item.where(defineVariable('l', linkId).exists(%l = '2')).prefix = 'b'",
    "defineVariable('g', item).exists(%g.linkId.first() is string)",
    "defineVariable('g').exists(%g.title is string)",
    "%ucum = 'http://unitsofmeasure.org' and %sct = 'http://snomed.info/sct'"
    " and %loinc = 'http://loinc.org'",
    "%`vs-x` = 'http://hl7.org/fhir/ValueSet/x'"
    " and %`ext-y` = 'http://hl7.org/fhir/StructureDefinition/y'",
    "%rootResource.id = 'q' and %'resource'.id = 'q'",
    "(true | true.not()).anyFalse() and ({} | {}).allTrue() and status.allTrue()"
    " and status.anyTrue().not()",
    "(item | item).count() = 2 and item.combine(item).count() = 4",
    "iif({}, 1, 2) = 2 and item.first().iif(linkId = '1', prefix.empty(), false)",
]


@pytest.mark.parametrize("expression", TRUE)
def test_it_is_true_of_trees(expression: str) -> None:
    assert values_of(expression, FORM) == [True]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("rank.combine('x').sort()", "have an order"),
        ("rank.sort(%current.rank)", "one value expected"),
        ("item.iif(true, 1)", "one value expected"),
        ("(true | 'x').allTrue()", "booleans expected"),
        ("item.anyFalse()", "booleans expected"),
    ],
)
def test_what_has_no_meaning_is_an_error(expression: str, reason: str) -> None:
    assert reason in failure_of(expression, FORM)
