"""What must hold of every answer to bad input."""

from __future__ import annotations

import json

from fhir.resources.R4B.operationoutcome import OperationOutcome

from hub.codecs.conformance import issues_of
from hub.core.release import FhirRelease, Resource
from tests.bad_input.sending import Answered
from tests.bad_input.table import Row
from tests.support.builders import BACKPORT, TOPICS

LONGEST_ECHO = 64
"""Bytes of the input that an answer may repeat in one piece."""

_OWN_WORDS = (BACKPORT, TOPICS, "http://example.org/conformance/SubscriptionTopic")
"""What is long, and stands in messages because it is the hub's or the guide's own word."""


def check_outcome(answered: Answered, row: Row, release: FhirRelease) -> None:
    """Assert that an answer is the OperationOutcome that a row asks for."""
    outcome: Resource = json.loads(answered.body)
    assert outcome["resourceType"] == "OperationOutcome"
    assert "json" in answered.headers["content-type"]
    assert list(issues_of(outcome, release)) == []
    OperationOutcome.model_validate(outcome)
    for issue in outcome["issue"]:
        assert issue["severity"] == "error"
        assert issue["code"]
        assert issue["diagnostics"].strip()
    first = outcome["issue"][0]
    slug = first["details"]["coding"][0]["code"]
    if row.code is not None:
        assert (first["code"], slug) == (row.code, row.slug), first
    path = row.path(release)
    if path is not None:
        assert first["expression"][0].startswith(path), first


def check_silence(text: bytes, sent: bytes) -> None:
    """Assert that an answer shows nothing of the hub's inside and little of what was sent."""
    for trace in (b"Traceback", b'File "', b".py", b"hub.web", b"object at 0x"):
        assert trace not in text, text
    for word in _OWN_WORDS:
        text = text.replace(word.encode(), b"")
        sent = sent.replace(word.encode(), b"")
    # An answer is JSON: what it repeats may be escaped there, as it may be in what was sent.
    length = LONGEST_ECHO + 1
    for at in range(len(text) - length + 1):
        assert text[at : at + length] not in sent, text[at : at + length]
