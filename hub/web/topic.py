"""Topics written by an administrator: SubscriptionTopic in R4B and R5, ``Basic`` in R4.

Source: http://hl7.org/fhir/R5/subscriptiontopic.html; backport IG, "Topics" ("FHIR R4").
"""

from __future__ import annotations

from hub.codecs.topic import from_json
from hub.core.json_text import parse
from hub.core.release import FhirRelease
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.core.version import ResourceKey
from hub.engine.write import Written
from hub.errors import Conflict, InvalidValue
from hub.web.call import Call
from hub.web.service import Service, is_topic_in
from hub.web.target import Target


def is_topic_write(call: Call, target: Target) -> bool:
    """Tell whether an administrator sends or deletes what is a topic by its address or content."""
    if not call.is_administrator or call.method not in {"POST", "PUT", "DELETE"}:
        return False
    if target.resource_type == "SubscriptionTopic":
        return True
    return call.document is not None and is_topic_in(call.release, call.document.value)


async def concerns_topic(service: Service, call: Call, target: Target) -> bool:
    """Tell whether a write is an administrator's and of a topic, also of a stored ``Basic``."""
    if is_topic_write(call, target):
        return True
    is_basic = call.release is FhirRelease.R4 and target.resource_type == "Basic"
    if not (call.is_administrator and is_basic and target.id and call.method != "PATCH"):
        return False
    key = ResourceKey(call.release, "Basic", target.id)
    head = await service.hub.store.read(lambda reader: reader.head(key))
    return (
        head is not None
        and head.body is not None
        and is_topic_in(call.release, parse(head.body).value)
    )


async def write_topic(service: Service, call: Call, target: Target) -> Written:
    """Create, update or delete a topic.

    Raises:
        InvalidResource, TopicRefused: it is no topic, or the hub can't compute it.
        Conflict: it contradicts what is there.
    """
    topics, id = service.hub.topics, target.id
    if call.method == "DELETE":
        return await topics.delete(call.release, id, if_match=call.if_match, author=call.client)
    if call.if_none_exist is not None:
        raise InvalidValue("If-None-Exist is not offered for topics: url and version identify one")
    topic = _topic(service, call, target)
    if id:
        return await topics.update(
            call.release, id, topic, if_match=call.if_match, author=call.client
        )
    return await topics.create(call.release, topic, author=call.client)


def _topic(service: Service, call: Call, target: Target) -> SubscriptionTopic:
    kind = target.resource_type
    document = service.validated(call.release, call.document, kind, target.id or None)
    if not is_topic_in(call.release, document.value):
        raise Conflict(
            f"{kind}/{target.id} is a topic and stays one; delete it first", expression="Basic.code"
        )
    return parse_topic(from_json(document.value))
