"""Whom an author acts for in a resource."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.author import TASK_ROLES, Author
from hub.core.client import Client
from hub.core.release import Resource

BASE = "http://hub.example.org/fhir/r5"
LAB = "Organization/lab"


@pytest.mark.parametrize(
    ("reference", "parties"),
    [
        ({"reference": LAB}, {LAB}),
        ({"reference": f"{LAB}/_history/3"}, {LAB}),
        ({"reference": f"{BASE}/{LAB}", "display": "Lab"}, {LAB}),
        ({"reference": f"http://other.example.org/{LAB}"}, {f"http://other.example.org/{LAB}"}),
        ({"identifier": {"system": "urn:x", "value": "7"}}, {"urn:x|7"}),
        ({"reference": LAB, "identifier": {"value": "7"}}, {LAB, "|7"}),
        ({"identifier": {"system": "urn:x"}}, set()),
        ({"display": "the lab"}, set()),
        (None, set()),
    ],
)
def test_a_reference_names_parties(reference: Any, parties: set[str]) -> None:
    task: Resource = {"resourceType": "Task"} | ({} if reference is None else {"owner": reference})
    assert Author(None, BASE).named(task, ("owner",)) == parties


def test_a_task_names_its_parties_where_its_release_has_them() -> None:
    task: Resource = {
        "requester": {"reference": "Organization/ward"},
        "owner": {"reference": LAB},
        "performer": [{"actor": {"reference": "Device/a"}}, {"function": {"text": "b"}}],
        "restriction": {"recipient": [{"reference": "Group/g"}, {"reference": "Patient/p"}]},
        "for": {"reference": "Patient/p"},
    }
    found = {role: Author(None).named(task, path) for role, path in TASK_ROLES.items()}
    assert found == {
        "requester": {"Organization/ward"},
        "owner": {LAB},
        "performer": {"Device/a"},
        "recipient": {"Group/g", "Patient/p"},
        "for": {"Patient/p"},
    }
    assert Author(None).named(None, ("owner",)) == Author(None).named({"owner": LAB}, ("owner",))


def test_an_author_acts_for_its_parties_alone() -> None:
    lab = Author(Client(name="lab", parties=frozenset({LAB, "urn:x|7"})))
    assert lab.acts_for(frozenset({LAB})) and lab.acts_for(frozenset({"urn:x|7", "Organization/b"}))
    assert not lab.acts_for(frozenset({"Organization/labs"})) and not lab.acts_for(frozenset())
    assert not Author(None).acts_for(frozenset({LAB}))
    assert not lab.is_administrator and not Author(None).is_administrator
    assert Author(Client(name="a", is_administrator=True)).is_administrator
