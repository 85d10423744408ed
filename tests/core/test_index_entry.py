"""What is kept of one resource so that it can be found."""

from __future__ import annotations

import re
from decimal import Decimal
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease, Resource
from hub.core.search_index import content_entry, index_entry
from hub.core.search_parameter import INDEXING
from hub.core.search_term import kind_term
from tests.core.test_search_index import (
    BASE,
    CODING,
    CONCEPT,
    DATES,
    R4,
    RESOURCES,
    TEXTS,
    maybe,
    merged,
)
from tests.support.searches import TASK


def test_every_term_is_a_word_of_digits_and_letters() -> None:
    patient = {"resourceType": "Patient", "id": "1", "name": [{"family": "Mülller-Ömer" * 20}]}
    terms = index_entry(R4, patient).text.split()
    assert all(re.fullmatch(r"[khs][0-9a-f]{16}([0-9a-f]{2}){0,60}", term) for term in terms)
    assert kind_term("Patient") in terms


def test_an_entry_holds_what_each_parameter_has() -> None:
    task = {"resourceType": "Task", "status": "ready", "authoredOn": "2024"}
    entry = index_entry(R4, task)
    assert (
        len(entry.text.split()) == 1 + 2 + 1
    )  # kind, status and its presence, authored-on's presence
    ((_, low, high),) = entry.ranges
    assert 0 < low < high < 2**63
    assert index_entry(R4, {}).text == kind_term("None")


MORE = {
    "Task": {
        "label": {"type": "token", "url": "http://l", "path": "meta.tag|code"},
        "number": {"type": "token", "form": "bare", "url": "http://n", "path": "meta.versionId"},
        "marked": {"type": "token", "url": "http://m", "path": "?meta.marked|marked"},
        "touched": {"type": "date", "url": "http://t", "path": "meta.lastUpdated|authoredOn"},
    }
}
WITH_MORE = search_parameters(FhirRelease.R4, BASE, added=MORE)
VERSIONED = merged(
    maybe("versionId", st.sampled_from(["1", "2"])),
    maybe("lastUpdated", DATES),
    maybe("tag", st.lists(CODING, max_size=2) | CONCEPT),
    maybe("profile", st.lists(TEXTS, max_size=2)),
    maybe("marked", st.booleans()),
)


@given(RESOURCES, maybe("marked", st.booleans()), VERSIONED, VERSIONED)
def test_an_entry_can_begin_before_there_is_a_version(
    resource: Resource, more: Resource, sent: Resource, kept: Resource
) -> None:
    content = content_entry(WITH_MORE, {**resource, **more, "id": "sent", "meta": sent})
    stored = {**resource, **more, "id": "stored", "meta": kept}
    assert index_entry(WITH_MORE, stored, content) == index_entry(WITH_MORE, stored)


def test_whoever_changes_what_is_kept_says_so_in_the_fingerprint() -> None:
    """Else databases keep what was indexed before: raise ``INDEXING`` beside this digest."""
    kept = [
        TASK,
        {
            "resourceType": "Observation",
            "code": {"coding": [{"system": "s", "code": "c", "display": "d"}], "text": "t"},
            "subject": {"reference": "Patient/1", "identifier": {"system": "s", "value": "v"}},
            "valueQuantity": {"value": Decimal("1.5"), "system": "u", "code": "mg"},
            "effectivePeriod": {"start": "2024-05"},
        },
        {"resourceType": "Patient", "name": [{"family": "Müller"}], "deceasedBoolean": True},
        {"resourceType": "Location", "position": {"latitude": 46, "longitude": Decimal("7.4")}},
        {"resourceType": "ValueSet", "url": "http://v/s", "version": "1"},
        {"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": Decimal("0.1")}]},
    ]
    entries = [index_entry(R4, resource) for resource in kept]
    text = str([(sorted(entry.text.split()), sorted(entry.ranges)) for entry in entries])
    digest = blake2b(text.encode(), digest_size=8).hexdigest()
    assert (digest, INDEXING) == ("2abf9d7bd4406bd7", 2)


def test_a_fingerprint_changes_with_the_parameters_of_the_type_and_the_base() -> None:
    more = {"Task": {"floor": {"type": "string", "url": "http://g/floor", "path": "description"}}}
    other = search_parameters(FhirRelease.R4, BASE, added=more)
    assert other.fingerprint("Task") != R4.fingerprint("Task")
    assert other.fingerprint("Patient") == R4.fingerprint("Patient")
    common = search_parameters(FhirRelease.R4, BASE, added={"Resource": more["Task"]})
    assert common.fingerprint("Patient") != R4.fingerprint("Patient")
    moved = search_parameters(FhirRelease.R4, "http://moved")
    assert moved.fingerprint("Patient") != R4.fingerprint("Patient")
    assert search_parameters(FhirRelease.R4, BASE).fingerprint("Task") == R4.fingerprint("Task")
