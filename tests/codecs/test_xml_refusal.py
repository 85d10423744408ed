"""What XML that the hub reads may not be."""

from __future__ import annotations

import pytest

from hub.codecs.validation import Validator
from hub.codecs.xml_reader import read_xml
from hub.core.release import FhirRelease
from hub.errors import HubError, InvalidResource, MalformedXml

R4 = FhirRelease.R4
FHIR = 'xmlns="http://hl7.org/fhir"'


def malformed(text: bytes | str) -> str:
    with pytest.raises(MalformedXml) as caught:
        read_xml(text.encode() if isinstance(text, str) else text, R4)
    return caught.value.diagnostics


def refused(inside: str, attributes: str = "") -> InvalidResource:
    text = f"<Patient {FHIR}{attributes}>{inside}</Patient>".encode()
    with pytest.raises(InvalidResource) as caught:
        Validator(R4).check(read_xml(text, R4))
    return caught.value


def nested(levels: int) -> str:
    url = "<extension url='u'>"
    return f"<Patient {FHIR}>{url * levels}{'</extension>' * levels}</Patient>"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no XML"),
        (b"{}", "no XML"),
        (b"\xef\xbb\xbf<a/>", "byte order mark"),
        (b"<a>\xff</a>", "byte 4 is not UTF-8"),
        ("<Patient/>".encode("utf-16-le"), "no XML|line 1"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "must be UTF-8"),
        ("<Patient>", "line 1 column"),
        (f"<Patient {FHIR}/><Patient {FHIR}/>", "line 1 column"),
        (f"<Patient {FHIR}>&nbsp;</Patient>", "Entity 'nbsp' not defined"),
        (f"<Patient {FHIR}>\x00</Patient>", "line 1 column"),
        ("<Patient/>", "not of the namespace"),
        ('<a:Patient xmlns:a="http://example.org"/>', "not of the namespace"),
        (nested(33), "deeper than 64"),
        (nested(100_000), "line 1 column|deeper"),
        (f"<Patient {FHIR} id='{'x' * 20}'><{'y' * 9999}></Patient>", "line 1 column"),
    ],
)
def test_text_that_is_no_xml_of_fhir(text: bytes | str, words: str) -> None:
    found = malformed(text)
    assert any(each in found for each in words.split("|"))
    assert len(found) < 200
    assert "y" * 65 not in found


BOMB = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "prolog",
    [
        "<!DOCTYPE Patient>",
        f'<!DOCTYPE Patient [<!ENTITY b0 "x">{BOMB}]>',
        '<!DOCTYPE Patient [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<?xml version="1.0"?>\n<!-- <Patient> --> <?a b?><!DOCTYPE Patient SYSTEM "http://127.0.0.1/x">',
    ],
)
@pytest.mark.parametrize("inside", ['<id value="&b9;"/>', "&x;", ""])
def test_document_types_are_refused_unread(prolog: str, inside: str) -> None:
    text = f"{prolog}<Patient {FHIR}>{inside}</Patient>"
    assert malformed(text) == "a document type is not allowed"


@pytest.mark.parametrize(
    ("inside", "expression", "words"),
    [
        ('<foo value="x"/>', "Patient.foo", "has no element"),
        ('<_active value="x"/>', "Patient._active", "has no element"),
        ('<resourceType value="Task"/>', "Patient.resourceType", "has no element"),
        ('<active value="true"/><active value="true"/>', "Patient.active", "more than once"),
        ('<active value="yes"/>', "Patient.active", "true or false"),
        ("<active/>", "Patient.active", "id or extension"),
        ("<name/>", "Patient.name[0]", "may not be empty"),
        ("<active>true</active>", "Patient.active", "text stands between"),
        ("text", "Patient", "text stands between"),
        ('<active value="true">x<!-- y --></active>', "Patient.active", "text stands between"),
        ('<active value="true" x="y"/>', "Patient.active", "has no attribute 'x'"),
        ('<active value="true"><name/></active>', "Patient.active", "only extensions"),
        ('<name value="x"/>', "Patient.name[0]", "has no attribute 'value'"),
        ('<name><id value="x"/></name>', "Patient.name[0].id", "has no element"),
        ('<x:active xmlns:x="urn:x" value="true"/>', "Patient", "another namespace"),
        ('<active xmlns="" value="true"/>', "Patient", "another namespace"),
        ("<text><status value='generated'/><div/></text>", "Patient.text.div", "namespace"),
        ("<contained/>", "Patient.contained[0]", "exactly one resource"),
        ("<contained><Basic/><Basic/></contained>", "Patient.contained[0]", "exactly one"),
        ("<contained><Foo/></contained>", "Patient.contained[0]", "no resource type"),
        ('<multipleBirthInteger value="01"/>', "Patient.multipleBirth", "a whole number"),
        ('<multipleBirthInteger value="1e999"/>', "Patient.multipleBirth", "a whole number"),
        (
            '<multipleBirthInteger value="1e99999999999999999999"/>',
            "Patient.multipleBirth",
            "whole",
        ),
        (f'<multipleBirthInteger value="{"9" * 99}"/>', "Patient.multipleBirth", "whole number"),
        ('<birthDate value="2024-02-30"/>', "Patient.birthDate", "date"),
        ('<birthDate value=""/>', "Patient.birthDate", "date"),
    ],
)
def test_what_is_wrong_is_told_with_its_element(inside: str, expression: str, words: str) -> None:
    found = refused(inside)
    assert found.issues[0].expression == expression
    assert words in found.issues[0].diagnostics


def test_elements_of_other_releases_are_named() -> None:
    text = f"<Task {FHIR}><requestedPerformer/></Task>".encode()
    with pytest.raises(InvalidResource, match=r"it is of R5"):
        read_xml(text, R4)


def test_many_complaints_are_cut_off() -> None:
    assert len(refused("<foo/>" * 100_000).issues) == 20
    assert len(refused(f"<contained><Patient>{'<foo/>' * 99}</Patient></contained>").issues) == 20


def test_many_attributes_are_refused_without_reading_each() -> None:
    attributes = " ".join(f"a{number}='x'" for number in range(150_000))
    (issue,) = refused("", f" {attributes}").issues
    assert issue.diagnostics == "Patient: has more than 16 attributes"
    (issue,) = refused(f"<active value='true' {attributes}/>").issues[:1]
    assert issue.expression == "Patient.active"


@pytest.mark.parametrize("declared", ["encoding='utf-8' " * 100_000, " " * 1_000_000])
def test_a_declaration_without_end_is_refused_at_once(declared: str) -> None:
    assert "line 1 column" in malformed(f"<?xml version='1.0' {declared}")


def test_a_root_of_no_resource_type_is_left_to_the_check() -> None:
    document = read_xml(f"<Foo {FHIR}><bar/></Foo>".encode(), R4)
    with pytest.raises(HubError, match="no resource type"):
        Validator(R4).check(document)


def test_what_does_not_matter_is_passed_over() -> None:
    text = (
        '<?xml version="1.0" encoding="utf-8" standalone="yes"?><!-- a --><?b c?>\n'
        f'<Patient {FHIR} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://hl7.org/fhir patient.xsd">\n'
        '<!-- <active value="false"/> --><name><family value="b"/></name> <active value="true"/>'
        '<?x?><name><family value="a"/></name></Patient>\n<!-- end -->\n'
    )
    assert read_xml(text.encode(), R4).value == {
        "resourceType": "Patient",
        "name": [{"family": "b"}, {"family": "a"}],
        "active": True,
    }
