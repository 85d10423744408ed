from __future__ import annotations

import pytest

from hub.codecs.tables import elements
from hub.codecs.tables.summary import summary_elements
from hub.core.release import FhirRelease


@pytest.mark.parametrize("release", FhirRelease)
def test_every_type_has_a_summary_of_elements_that_it_has(release: FhirRelease) -> None:
    known = elements(release)
    for resource_type in known.resource_types:
        found = summary_elements(release, resource_type)
        assert {"id", "meta", "implicitRules"} <= found
        assert found <= {element.name for element in known.of(resource_type)}
        assert "text" not in found


@pytest.mark.parametrize("release", FhirRelease)
def test_summaries_are_those_of_the_standard(release: FhirRelease) -> None:
    patient = summary_elements(release, "Patient")
    assert {"name", "deceased[x]", "link", "managingOrganization"} <= patient
    assert not {"photo", "contact", "communication", "maritalStatus"} & patient
    task = summary_elements(release, "Task")
    assert {"status", "owner", "for", "lastModified"} <= task
    assert not {"input", "output", "note", "restriction", "authoredOn"} & task
    assert "value[x]" in summary_elements(release, "Observation")


def test_an_unknown_type_has_none() -> None:
    with pytest.raises(KeyError):
        summary_elements(FhirRelease.R4, "SubscriptionTopic")
