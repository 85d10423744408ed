"""Create, read, vread, update, patch and delete of any resource.

Source: http://hl7.org/fhir/http.html.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hub.codecs.outcome import information
from hub.core.change import Interaction
from hub.core.json_text import dumps, parse
from hub.core.release import FhirRelease
from hub.core.search import Query, parse_query, split_query
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.subscriptions import Stored
from hub.engine.write import Outcome, Write, Written
from hub.errors import Deleted, InvalidValue, NotFound
from hub.web.call import Answer, Call, Return, answer_version
from hub.web.json_patch import patching
from hub.web.service import Service, refuse_topic
from hub.web.target import Target
from hub.web.topic import concerns_topic, write_topic

# Bound here: to look a member up takes long in Python 3.11.
_OUTCOME: Final = Return.OUTCOME
_MINIMAL: Final = Return.MINIMAL
_UPDATE: Final = Interaction.UPDATE
_CREATE: Final = Interaction.CREATE
_STATUS = {
    Outcome.CREATED: 201,
    Outcome.UPDATED: 200,
    Outcome.UNCHANGED: 200,
    Outcome.DELETED: 204,
    Outcome.ABSENT: 204,
    Outcome.MATCHED: 200,
}
_NAMED = frozenset((Outcome.CREATED, Outcome.MATCHED))
"""What the client does not know the address of."""
_WORDS = {
    Outcome.CREATED: "created",
    Outcome.UPDATED: "updated",
    Outcome.UNCHANGED: "unchanged: it says the same already",
    Outcome.DELETED: "deleted",
    Outcome.ABSENT: "there was nothing to delete",
    Outcome.MATCHED: "not created: If-None-Exist found this one",
}


async def read(service: Service, call: Call, target: Target) -> Answer:
    """Answer a read, or that nothing changed since the version or date that the caller has."""
    key = ResourceKey(call.release, target.resource_type, target.id)
    found = await service.read(call, lambda reader: reader.head(key))
    if found is None:
        raise NotFound(f"there is no {key.reference} at this base")
    return _present(call, found)


async def read_version(service: Service, call: Call, target: Target) -> Answer:
    """Answer a read of one version."""
    key = ResourceKey(call.release, target.resource_type, target.id)
    found = await service.read(call, lambda reader: reader.version(key, target.version))
    if found is None:
        raise NotFound(f"there is no version {target.version} of {key.reference} at this base")
    return _present(call, found)


def _present(call: Call, found: ResourceVersion) -> Answer:
    if found.body is None:
        raise Deleted(f"{found.key.reference} was deleted with version {found.version}")
    if call.if_none_match == found.version:
        return answer_version(304, found, None)
    since = call.if_modified_since
    if call.if_none_match is None and since is not None and _second(found.timestamp) <= since:
        return answer_version(304, found, None)
    return answer_version(200, found, found.body)


def _second(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


async def create(service: Service, call: Call, target: Target) -> Answer:
    """Create a resource under a new id, unless If-None-Exist finds one."""
    if target.resource_type == "Subscription":
        if call.if_none_exist is not None:
            raise InvalidValue("If-None-Exist is not offered for Subscription")
        document = service.validated(call.release, call.document, "Subscription")
        stored = await service.hub.subscriptions.create(call.release, document, caller=call.client)
        return _answer_subscription(service, call, stored)
    if call.is_administrator and await concerns_topic(service, call, target):
        return answer_written(service, call, await write_topic(service, call, target))
    return await _submit(service, call, await write_of(service, call, target))


async def update(service: Service, call: Call, target: Target) -> Answer:
    """Replace a resource, or create it under this id."""
    if target.resource_type == "Subscription":
        document = service.validated(call.release, call.document, "Subscription", target.id)
        stored = await service.hub.subscriptions.update(
            call.release,
            target.id,
            document,
            if_match=call.if_match,
            caller=call.client,
        )
        return _answer_subscription(service, call, stored)
    if call.is_administrator and await concerns_topic(service, call, target):
        return answer_written(service, call, await write_topic(service, call, target))
    return await _submit(service, call, await write_of(service, call, target))


async def patch(service: Service, call: Call, target: Target) -> Answer:
    """Change a resource by a JSON Patch."""
    if target.resource_type == "Subscription":
        stored = await service.hub.subscriptions.patch(
            call.release,
            target.id,
            patching(service, call, target),
            if_match=call.if_match,
            caller=call.client,
        )
        return _answer_subscription(service, call, stored)
    return await _submit(service, call, await write_of(service, call, target))


async def delete(service: Service, call: Call, target: Target) -> Answer:
    """Delete a resource; it is no error if there is none."""
    if target.resource_type == "Subscription":
        outcome = await service.hub.subscriptions.delete(
            call.release,
            target.id,
            if_match=call.if_match,
            caller=call.client,
        )
        return _answer(service, call, outcome, None, None)
    if call.is_administrator and await concerns_topic(service, call, target):
        return answer_written(service, call, await write_topic(service, call, target))
    return await _submit(service, call, await write_of(service, call, target))


async def write_of(
    service: Service, call: Call, target: Target, full_url: str | None = None
) -> Write:
    """Return the write that a create, update, patch or delete asks for.

    Args:
        full_url: what other entries of its transaction call it.

    Raises:
        HubError: what was sent is not valid, or may not be written.
    """
    kind, id = target.resource_type, target.id
    if kind == "Basic" and id and call.release is FhirRelease.R4:
        await _refuse_stored_topic(service, call.release, id)
    match call.method:
        case "DELETE":
            return Write(
                interaction=Interaction.DELETE,
                resource_type=kind,
                id=id,
                if_match=call.if_match,
                author=call.client,
            )
        case "PATCH":
            return Write(
                interaction=Interaction.UPDATE,
                resource_type=kind,
                id=id,
                if_match=call.if_match,
                patch=patching(service, call, target),
                full_url=full_url,
                author=call.client,
            )
    document = service.validated(call.release, call.document, kind, id or None)
    refuse_topic(call.release, document.value)
    condition: Query | None = None
    if call.if_none_exist is not None:
        parameters = service.hub.parameters[call.release]
        condition = parse_query(parameters, kind, _criteria(call.if_none_exist))
    return Write(
        interaction=_UPDATE if id else _CREATE,
        resource_type=kind,
        id=id or None,
        document=document,
        if_match=call.if_match,
        if_none_exist=condition,
        full_url=full_url,
        author=call.client,
    )


def _criteria(text: str) -> list[tuple[str, str]]:
    pairs = split_query(text.strip().partition("?")[2] if "?" in text else text.strip())
    if not pairs:
        raise InvalidValue("If-None-Exist must hold search parameters such as identifier=s|1")
    if any("_has:Subscription:" in name for name, _ in pairs):
        raise InvalidValue("If-None-Exist can't ask which Subscriptions refer to a resource")
    return pairs


async def _refuse_stored_topic(service: Service, release: FhirRelease, id: str) -> None:
    key = ResourceKey(release, "Basic", id)
    found = await service.hub.store.read(lambda reader: reader.head(key))
    if found is not None and found.body is not None:
        refuse_topic(release, parse(found.body).value)


async def _submit(service: Service, call: Call, write: Write) -> Answer:
    (written,) = await service.hub.intake.submit(call.release, [write])
    return answer_written(service, call, written)


def answer_written(service: Service, call: Call, written: Written) -> Answer:
    """Return what to answer to a write, as the call prefers it."""
    version = written.version
    body = None if version is None else version.body
    return _answer(service, call, written.outcome, version, body)


def _answer_subscription(service: Service, call: Call, stored: Stored) -> Answer:
    return _answer(service, call, stored.outcome, stored.version, dumps(stored.resource))


def _answer(
    service: Service,
    call: Call,
    outcome: Outcome,
    version: ResourceVersion | None,
    body: bytes | None,
) -> Answer:
    status = _STATUS[outcome]
    returning = call.prefer.returning
    is_told = returning is _OUTCOME
    if is_told:
        status = 200 if status == 204 else status
        name = "" if version is None else f"{version.key.reference} version {version.version} "
        body = dumps(information(f"{name}{_WORDS[outcome]}"))
    elif returning is _MINIMAL or status == 204:
        body = None
    if version is None:
        return Answer(status=status, body=body, is_outcome=is_told)
    location = None
    if outcome in _NAMED:
        base = service.hub.base_url(call.release)
        location = f"{base}/{version.key.reference}/_history/{version.version}"
    return answer_version(status, version, body, location=location, is_outcome=is_told)
