from __future__ import annotations

import importlib
import json
import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.codecs.tables import elements, resource_types
from hub.codecs.validation import Validator
from hub.codecs.xml_reader import read_xml
from hub.codecs.xml_writer import write_xml
from hub.core.json_text import dumps, parse, same
from hub.core.release import FhirRelease, Json, Resource
from tests.support.resources import extended, valid_resource

R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
VALIDATORS = {release: Validator(release) for release in FhirRelease}
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
luck = st.randoms(use_true_random=True)
legal = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters=[
            *map(chr, {*range(32)} - {9, 10, 13}),
            "\ufffe",
            "\uffff",
        ],
    ),
    min_size=1,
)


def written(resource: Resource, release: FhirRelease = R4, *, is_pretty: bool = False) -> str:
    return write_xml(dumps(resource), release, is_pretty=is_pretty).decode()


def again(resource: Resource, release: FhirRelease = R4, *, is_pretty: bool = False) -> Json:
    return read_xml(written(resource, release, is_pretty=is_pretty).encode(), release).value


def patient(**members: Json) -> Resource:
    return {"resourceType": "Patient", **members}


@pytest.mark.parametrize("release", FhirRelease)
@given(st.data(), luck)
def test_what_is_valid_comes_back_from_xml_as_it_was(
    release: FhirRelease, data: st.DataObject, luck: Any
) -> None:
    table = elements(release)
    kind = data.draw(st.sampled_from(sorted(resource_types(release))))
    resource = extended(table, valid_resource(table, kind, luck), luck)
    VALIDATORS[release].check(parse(dumps(resource)))
    for is_pretty in (False, True):
        assert same(again(resource, release, is_pretty=is_pretty), parse(dumps(resource)).value)


@given(legal, legal)
def test_any_text_that_xml_can_hold_comes_back(family: str, id: str) -> None:
    resource = patient(name=[{"family": family, "id": id}])
    assert again(resource) == resource
    assert again(resource, is_pretty=True) == resource


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
)
def test_numbers_keep_their_spelling(number: str) -> None:
    text = f'{{"resourceType":"Observation","valueQuantity":{{"value":{number}}}}}'
    xml = write_xml(text.encode(), R4)
    assert f'<value value="{number}"/>' in xml.decode()
    assert same(read_xml(xml, R4).value, parse(text.encode()).value)


@given(legal)
def test_narrative_comes_back_letter_by_letter(text: str) -> None:
    inner = text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "")
    for div in (
        f"<div {XHTML}>{inner}</div>",
        "<h:div xmlns:h='http://www.w3.org/1999/xhtml' title='a > b' ><h:br /></h:div>",
        f"<div {XHTML}><!-- <div> --><div/><div><![CDATA[</div>]]></div><?a <div> ?></div>",
    ):
        resource = patient(text={"status": "generated", "div": div})
        assert again(resource) == resource
        assert again(resource, is_pretty=True) == resource


@pytest.mark.parametrize("prefix", ["h:", ""])
def test_narrative_that_takes_its_namespace_from_outside_is_made_whole(prefix: str) -> None:
    declared = 'xmlns:h="http://www.w3.org/1999/xhtml"' if prefix else ""
    own = "" if prefix else f" {XHTML}"
    xml = (
        f'<Patient xmlns="http://hl7.org/fhir" {declared}><text><status value="generated"/>'
        f"<{prefix}div{own}><{prefix}b>x</{prefix}b></{prefix}div></text></Patient>"
    ).encode()
    found = read_xml(xml, R4).value
    root = etree.fromstring(found["text"]["div"])
    assert root.tag == "{http://www.w3.org/1999/xhtml}div"
    assert "".join(root.itertext()) == "x"
    assert again(found) == found


def test_each_resource_keeps_its_own_narrative() -> None:
    def entry(kind: str, n: int) -> Resource:
        div = f"<div {XHTML}><div>{n}</div></div>"
        return {"resource": {"resourceType": kind, "text": {"status": "generated", "div": div}}}

    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [entry("Patient", 1), entry("Basic", 2), entry("Patient", 3)],
    }
    unknown = written(bundle).replace("Basic>", "Unheard>").encode()
    entries = read_xml(unknown, R4).value["entry"]
    assert [each["resource"].get("text", {}).get("div") for each in entries] == [
        f"<div {XHTML}><div>1</div></div>",
        None,
        f"<div {XHTML}><div>3</div></div>",
    ]
    assert entries[1] == {"resource": {"resourceType": "Unheard"}}


@pytest.mark.parametrize(
    ("div", "shown"),
    [
        ("<div>no namespace</div>", f"<div {XHTML}>no namespace</div>"),
        (f"<div {XHTML}>a&nbsp;b&lt;&LT;</div>", f"<div {XHTML}>a\xa0b&lt;&lt;</div>"),
        (f"<div {XHTML}><br></div>", "&gt;&lt;br&gt;&lt;/div&gt;</div>"),
        ("only <b>text</b>", f"<div {XHTML}>only &lt;b&gt;text&lt;/b&gt;</div>"),
        ("<p>x</p>", f"<div {XHTML}>&lt;p&gt;x&lt;/p&gt;</div>"),
        (f"<div {XHTML}>\x01</div>", "\ufffd"),
        (
            f'<!DOCTYPE div [<!ENTITY a "b">]><div {XHTML}>&a;</div>',
            f"<div {XHTML}>&lt;!DOCTYPE div [&lt;!ENTITY a",
        ),
    ],
)
def test_narrative_that_xml_can_not_hold_is_mended_or_shown(div: str, shown: str) -> None:
    xml = written(patient(text={"status": "generated", "div": div}))
    assert shown in xml
    read_xml(xml.encode(), R4)


def test_what_xml_has_no_form_for_is_marked() -> None:
    assert again(patient(id="a", name=[{"family": "\x01\ufffe"}]))["name"] == [
        {"family": "\ufffd\ufffd"}
    ]


def test_ids_and_urls_are_attributes_and_elements_stand_in_order() -> None:
    resource = patient(
        active=True,
        name=[{"given": ["a", None], "_given": [None, {"id": "g"}], "id": "n"}],
        extension=[{"url": "http://example.org/x", "valueBoolean": False}],
        id="p",
        contained=[{"resourceType": "Basic", "id": "b", "code": {"text": "x"}}],
    )
    assert written(resource) == (
        '<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir">'
        '<id value="p"/>'
        '<contained><Basic><id value="b"/><code><text value="x"/></code></Basic></contained>'
        '<extension url="http://example.org/x"><valueBoolean value="false"/></extension>'
        '<active value="true"/>'
        '<name id="n"><given value="a"/><given id="g"/></name></Patient>'
    )
    assert written({"resourceType": "Basic", "code": {"text": "x"}}, is_pretty=True) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Basic xmlns="http://hl7.org/fhir">\n'
        '  <code>\n    <text value="x"/>\n  </code>\n</Basic>\n'
    )


def without_ids(value: Json) -> Json:
    if isinstance(value, list):
        return [without_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: without_ids(each) for name, each in value.items() if name != "id"}
    return kept or {"extension": [{"url": "http://example.org/x", "valueString": "x"}]}


def respelled(xml: bytes) -> bytes:
    """Return canonical XML with times and numbers in one spelling."""
    canonical = etree.tostring(etree.fromstring(xml), method="c14n").decode()
    canonical = re.sub(
        r'value="(\d{4}-\d\d-\d\dT[^"]*)"',
        lambda found: f'value="{datetime.fromisoformat(found[1]).isoformat()}"',
        canonical,
    )
    canonical = re.sub(r'value="(\d\d:\d\d:\d\d\.\d*[1-9])0*"', r'value="\1"', canonical)
    number = re.compile(r'value="(-?\d{1,9}(?:\.\d+)?)"')
    return number.sub(lambda found: f'value="{float(found[1])}"', canonical).encode()


@pytest.mark.parametrize("release", [R4B, R5])
@given(st.data(), luck)
def test_fhir_resources_writes_and_reads_the_same_xml(
    release: FhirRelease, data: st.DataObject, luck: Any
) -> None:
    """It rewrites times and decimals, and writes the id of an element as an element."""
    kind = data.draw(st.sampled_from(sorted(resource_types(release))))
    resource = without_ids(valid_resource(elements(release), kind, luck))
    package = "fhir.resources" if release is R5 else f"fhir.resources.{release}"
    model: Any = importlib.import_module(package).get_fhir_model_class(kind)
    theirs = model.model_validate(json.loads(dumps(resource)))
    ours = write_xml(dumps(resource), release)
    assert respelled(ours) == respelled(theirs.model_dump_xml())
    assert model.model_validate_xml(ours) == model.model_validate_xml(theirs.model_dump_xml())
