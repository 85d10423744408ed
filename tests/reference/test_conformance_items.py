"""Every item of the checklist has a test, or a reason why there is none."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tests.conformance.item import Strength, without_test
from tests.reference.conftest import REPOSITORY, reference_data

SECTIONS = {str(number) for number in (*range(1, 16), 17, 19, 21)}
TABLES = {"2", "6", "7"}
"""Sections whose own table is an item."""

_ITEM = re.compile(r"^(?:### )?(\d+(?:\.\d+)+[a-z]?) ", re.MULTILINE)
_SECTION = re.compile(r"^## (\d+)\. ", re.MULTILINE)
_MARK = re.compile(r'^@item\("([^"]+)"', re.MULTILINE)


def listed_items() -> set[str]:
    """Return the numbers of the items that the checklist has."""
    text = ((reference_data() or Path()) / "spec.md").read_text(encoding="utf-8")
    starts = [(found[1], found.start(), found.end()) for found in _SECTION.finditer(text)]
    ends = [start for _, start, _ in starts[1:]] + [len(text)]
    bodies = {
        section: text[begin:end] for (section, _, begin), end in zip(starts, ends, strict=True)
    }
    found = set(TABLES)
    for section in SECTIONS:
        numbers = {each for each in _ITEM.findall(bodies[section]) if each != "1.7"}
        if section == "21":
            numbers = {f"21.{row}" for row in re.findall(r"^\| (\d+) \|", bodies["21"], re.M)}
        assert numbers, section
        assert all(each.split(".")[0] == section for each in numbers)
        found |= numbers
    return found


def items_with_test() -> Counter[str]:
    """Return the numbers of the items that tests prove."""
    files = (REPOSITORY / "tests" / "conformance").glob("test_section_*.py")
    return Counter(number for file in files for number in _MARK.findall(file.read_text("utf-8")))


def test_every_item_of_the_checklist_has_a_test_or_a_reason() -> None:
    listed, tested = listed_items(), set(items_with_test())
    reasons = {each["number"] for each in without_test()}
    assert listed - tested - reasons == set()
    assert (tested | reasons) - listed == set()
    assert tested & reasons == set()


def test_what_has_no_test_has_a_reason_and_nothing_that_must_be_is_unsupported() -> None:
    numbers = Counter(each["number"] for each in without_test())
    assert set(numbers.values()) == {1}
    for each in without_test():
        assert set(each) == {"number", "strength", "why", "reason"}
        assert each["strength"] in set(Strength)
        assert each["why"] in ("untestable", "unsupported")
        assert each["reason"].endswith(".")
        assert (each["why"], each["strength"]) != ("unsupported", "SHALL")
