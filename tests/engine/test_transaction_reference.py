"""References between the entries of one transaction."""

from __future__ import annotations

import pytest

from hub.core.change import Interaction
from hub.core.json_text import parse
from hub.core.release import FhirRelease
from hub.engine.write import Outcome, Write
from hub.errors import UnresolvedReference
from tests.support.rig import Rig, on_rig
from tests.support.rig_resources import a_task, body_of, text_of
from tests.support.rig_writes import post, put, query, submit

R4 = FhirRelease.R4


def test_a_matched_entry_lends_its_name_to_the_others() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.write(a_task(id="there", identifier=[{"system": "urn:x", "value": "7"}]))
        answers = await submit(
            rig,
            post(
                a_task(),
                if_none_exist=query(identifier="urn:x|7"),
                full_url="urn:uuid:parent",
            ),
            post(a_task(partOf=[{"reference": "urn:uuid:parent"}])),
        )
        assert answers[0].outcome is Outcome.MATCHED
        assert body_of(answers[1])["partOf"] == [{"reference": "Task/there"}]

    on_rig(scenario)


def test_references_to_other_entries_are_rewritten_and_numbers_keep_their_spelling() -> None:
    text = (
        b'{"resourceType":"Task","status":"ready","intent":"order",'
        b'"input":[{"type":{"text":"x"},"valueDecimal":1.10}],'
        b'"for":{"reference":"urn:uuid:p"},"owner":{"reference":"Organization/lab"},'
        b'"partOf":[{"reference":"Task/x"},{"reference":"urn:uuid:other"}]}'
    )

    async def scenario(rig: Rig) -> None:
        writes = [
            Write(interaction=Interaction.CREATE, resource_type="Task", document=parse(text)),
            post({"resourceType": "Patient"}, full_url="urn:uuid:p"),
            put(a_task(id="o"), full_url="urn:uuid:other"),
        ]
        task, patient, _ = await submit(rig, *writes)
        assert b"1.10" in text_of(task)
        resource = body_of(task)
        assert patient.version is not None
        assert resource["for"] == {"reference": patient.version.key.reference}
        assert resource["owner"] == {"reference": "Organization/lab"}
        assert [each["reference"] for each in resource["partOf"]] == ["Task/x", "Task/o"]

    on_rig(scenario)


def test_a_reference_to_no_entry_refuses_the_unit() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(UnresolvedReference, match="urn:uuid:missing"):
            await submit(
                rig,
                post({"resourceType": "Patient"}, full_url="urn:uuid:p"),
                post(a_task(partOf=[{"reference": "urn:uuid:missing"}])),
            )
        assert rig.hub.store.writer.history(R4, "Patient", None, count=10) == []

    on_rig(scenario)
