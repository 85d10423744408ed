"""A change tells which state counts for filters."""

from __future__ import annotations

import pytest

from hub.core.change import Change, Interaction
from hub.core.release import FhirRelease, Resource

BEFORE: Resource = {"resourceType": "Task", "id": "1", "status": "requested"}
AFTER: Resource = {"resourceType": "Task", "id": "1", "status": "accepted"}


@pytest.mark.parametrize(
    ("interaction", "previous", "current", "subject"),
    [
        (Interaction.CREATE, None, AFTER, AFTER),
        (Interaction.UPDATE, BEFORE, AFTER, AFTER),
        (Interaction.DELETE, BEFORE, None, BEFORE),
        (Interaction.DELETE, None, None, {}),
    ],
)
def test_filters_look_at_the_state_after_and_on_delete_before(
    interaction: Interaction,
    previous: Resource | None,
    current: Resource | None,
    subject: Resource,
) -> None:
    change = Change(
        release=FhirRelease.R4,
        resource_type="Task",
        id="1",
        interaction=interaction,
        previous=previous,
        current=current,
    )
    assert change.subject == subject
