"""The definitions of the operations as resources, so that they are found and read like any other.

Source: http://hl7.org/fhir/operationdefinition.html; http://hl7.org/fhir/capabilitystatement.html
(rest.resource.operation.definition).
"""

from __future__ import annotations

from hub.codecs.operation_catalogue import operation_definitions
from hub.core.change import Interaction
from hub.core.json_text import dumps, parse
from hub.core.release import FhirRelease
from hub.engine.hub import Hub
from hub.engine.write import Write


async def publish_operations(hub: Hub) -> None:
    """Write the OperationDefinitions of every base; what says the same already stays."""
    for release in FhirRelease:
        writes = [
            Write(
                interaction=Interaction.UPDATE,
                resource_type="OperationDefinition",
                id=definition["id"],
                document=parse(dumps(definition)),
                unconditional=True,
            )
            for definition in operation_definitions(release, hub.base_url(release))
        ]
        await hub.intake.submit(release, writes)
