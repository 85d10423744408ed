from __future__ import annotations

import json

import fhir.resources.operationoutcome
import fhir.resources.R4B.operationoutcome
import pytest

from hub.codecs.outcome import information, outcome
from hub.codecs.r4 import R4Codec
from hub.core.release import Resource
from hub.error_catalogue import catalogue
from hub.errors import ContentNotSupported, HubError, InvalidResource, Issue

ISSUE_TYPES = {
    "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown",
    "expired", "forbidden", "suppressed", "processing", "not-supported", "duplicate",
    "multiple-matches", "not-found", "deleted", "too-long", "code-invalid", "extension",
    "too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store", "exception",
    "timeout", "incomplete", "throttled", "informational",
}  # fmt: skip


def check(resource: Resource) -> None:
    for model in (fhir.resources.operationoutcome, fhir.resources.R4B.operationoutcome):
        model.OperationOutcome.model_validate_json(json.dumps(resource))
    assert {issue["code"] for issue in resource["issue"]} <= ISSUE_TYPES


@pytest.mark.parametrize("kind", catalogue().values(), ids=catalogue())
def test_every_refusal_is_an_outcome_of_every_release(kind: type[HubError]) -> None:
    check(outcome(kind("it went wrong")))


def test_a_refusal_says_what_where_and_what_to_do() -> None:
    error = ContentNotSupported("content is missing.", expression="Subscription.content")
    assert outcome(error, R4Codec().element) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "not-supported",
                "details": {
                    "coding": [{"system": "urn:fhir-hub:errors", "code": "content-not-supported"}]
                },
                "diagnostics": "content is missing. Choose empty, id-only or full-resource.",
                "expression": ["Subscription.channel.payload"],
            }
        ],
    }


def test_each_complaint_is_an_issue_and_the_hint_is_told_once() -> None:
    error = InvalidResource(
        "two",
        issues=[Issue("required", "no status", "Task.status"), Issue("value", "bad intent")],
    )
    resource = outcome(error)
    check(resource)
    first, second = resource["issue"]
    assert (first["code"], first["expression"]) == ("required", ["Task.status"])
    assert InvalidResource.hint in first["diagnostics"]
    assert second["diagnostics"] == "bad intent"
    assert "expression" not in second


def test_a_refusal_without_hint_has_its_words_only() -> None:
    assert outcome(HubError("no."))["issue"][0]["diagnostics"] == "no."


def test_information_is_no_error() -> None:
    resource = information("all is well")
    check(resource)
    assert resource["issue"][0]["severity"] == "information"
