"""Topics as resources, so that they are found and read like any other.

That is SubscriptionTopic in R4B and R5, and Basic in R4.
Source: backport IG, "Subscription Topics" (discovery).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hub.core.canonical import version_order
from hub.core.change import Interaction
from hub.core.compiled_topic import CompiledTopic
from hub.core.json_text import dumps, parse
from hub.core.release import FhirRelease
from hub.core.topic import SubscriptionTopic
from hub.engine.hub import Hub
from hub.engine.intake import MOST_IN_BATCH
from hub.engine.plan import Plan
from hub.engine.write import Write


async def publish_topics(hub: Hub, topics: Sequence[SubscriptionTopic]) -> None:
    """Store topics, and write each as a resource wherever one of its triggers computes.

    Where several versions share an id, the newest is the resource.
    """

    def keep(plan: Plan) -> None:
        plan.topics += topics

    await hub.intake.register(keep)
    writes: list[tuple[FhirRelease, Write]] = []
    for release in FhirRelease:
        newest: dict[str, CompiledTopic] = {}
        for compiled in hub.registry.topics(release):
            id = compiled.topic.source["id"]
            order = version_order(compiled.topic.version)
            if id not in newest or order > version_order(newest[id].topic.version):
                newest[id] = compiled
        for compiled in newest.values():
            if compiled.topic not in topics:
                continue
            resource = hub.codecs[release].encode_topic(compiled.topic)
            write = Write(
                interaction=Interaction.UPDATE,
                resource_type=resource["resourceType"],
                id=resource["id"],
                document=parse(dumps(resource)),
                unconditional=True,
            )
            writes.append((release, write))
    for start in range(0, len(writes), MOST_IN_BATCH):
        some = writes[start : start + MOST_IN_BATCH]
        await asyncio.gather(*[hub.intake.submit(release, [write]) for release, write in some])
