"""XML that others have written, read and written again."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.codecs.validation import Validator
from hub.codecs.xml_reader import read_xml
from hub.codecs.xml_writer import write_xml
from hub.core.json_text import parse, same
from hub.core.release import FhirRelease
from tests.reference.conftest import reference_data

FOLDER = reference_data() or Path()
PAIRS = sorted((FOLDER / "cow-examples").rglob("*.xml"))
OTHERS = [
    *sorted((FOLDER / "real-topics" / "hl7-fhir-core").glob("subscriptiontopic-*.xml")),
    *sorted((FOLDER / "spec-examples").rglob("*.xml")),
]


def test_the_examples_are_there() -> None:
    assert len(PAIRS) == 10
    assert len(OTHERS) == 3


@pytest.mark.parametrize("file", PAIRS, ids=lambda file: file.stem)
def test_each_pair_says_the_same(file: Path) -> None:
    in_json = parse(file.with_suffix(".json").read_bytes())
    in_xml = read_xml(file.read_bytes(), FhirRelease.R4)
    assert same(in_xml.value, in_json.value)
    written = write_xml(in_json.text, FhirRelease.R4)
    assert same(read_xml(written, FhirRelease.R4).value, in_json.value)


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: file.stem)
def test_resources_of_the_standard_are_read_whole(file: Path) -> None:
    document = read_xml(file.read_bytes(), FhirRelease.R5)
    Validator(FhirRelease.R5).check(document)
    written = write_xml(document.text, FhirRelease.R5, is_pretty=True)
    assert same(read_xml(written, FhirRelease.R5).value, document.value)
