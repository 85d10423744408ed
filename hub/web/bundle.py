"""Batch and transaction: many interactions in one request.

The entries of a batch stand for themselves.  A transaction is one unit: all of its changes are
made, or none.
Source: http://hl7.org/fhir/http.html#transaction.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote

import orjson

from hub.core.instant import format_instant
from hub.core.json_text import Document, document_of
from hub.core.release import FhirRelease, Json, Resource
from hub.core.search import split_query
from hub.errors import (
    HubError,
    InvalidResource,
    InvalidValue,
    Issue,
    MediaTypeNotSupported,
    TooManyEntries,
    Unprocessable,
)
from hub.web.call import Answer, Call, read_entity_tag
from hub.web.internal_error import internal_error, log_bug
from hub.web.json_patch import read_patch
from hub.web.message import PROCESS_MESSAGE
from hub.web.page import bundle_of
from hub.web.resource import answer_written, write_of
from hub.web.service import Service
from hub.web.target import Target
from hub.web.topic import is_topic_write

Resolve = Callable[[Service, FhirRelease, str, tuple[str, ...], bool], tuple[Any, Target]]
Perform = Callable[[Service, Call], Awaitable[Answer]]

_READS: Final = frozenset(("GET", "HEAD"))


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry as a call; ``full_url`` is what other entries call its resource, if anything."""

    index: int
    call: Call
    target: Target
    full_url: str = field(default="", repr=False)

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.call.method in _READS


async def process(service: Service, call: Call, resolve: Resolve, perform: Perform) -> Answer:
    """Answer a batch or transaction, its entries in the order in which they were sent.

    Args:
        resolve: tells what an address names, or refuses it.
        perform: does what one call asks for.
    """
    bundle = _bundle(service, call)
    if bundle["type"] == "batch":
        answers = await _batch(service, call, bundle, resolve, perform)
    else:
        answers = await _transaction(service, call, bundle, resolve, perform)
    entries: list[Json] = [_written(answer) for answer in answers]
    return Answer(status=200, body=orjson.dumps(bundle_of(f"{bundle['type']}-response", entries)))


def _bundle(service: Service, call: Call) -> Resource:
    """Return the Bundle; its resources are not checked yet, each is where it is used."""
    document = call.document
    if document is None or document.value.get("resourceType") != "Bundle":
        raise InvalidResource(
            "only a Bundle can be sent to a base", expression="Bundle.resourceType"
        )
    bundle = document.value
    if bundle.get("type") not in ("batch", "transaction"):
        raise InvalidValue(
            "only a Bundle of type batch or transaction can be sent to a base; "
            f"any other is stored at {service.hub.base_url(call.release)}/Bundle",
            expression="Bundle.type",
        )
    entries = bundle.get("entry", [])
    if isinstance(entries, list) and len(entries) > service.limits.bundle_entries:
        raise TooManyEntries(
            f"the Bundle has {len(entries)} entries; allowed: {service.limits.bundle_entries}",
            expression="Bundle.entry",
        )
    bare = dict(bundle)
    if isinstance(entries, list):
        bare["entry"] = [_without_resource(index, entry) for index, entry in enumerate(entries)]
        if "entry" not in bundle:
            del bare["entry"]
    service.validators[call.release].check(bare)
    return bundle


def _without_resource(index: int, entry: Json) -> Json:
    if not isinstance(entry, dict):
        return entry
    if "request" not in entry:
        words = "is missing: it says what to do with the entry"
        place = f"Bundle.entry[{index}].request"
        raise InvalidResource(
            f"{place} {words}", issues=[Issue("required", f"{place} {words}", place)]
        )
    return {name: value for name, value in entry.items() if name != "resource"}


async def _batch(
    service: Service, call: Call, bundle: Resource, resolve: Resolve, perform: Perform
) -> list[Answer]:
    async def answer(entry: _Entry | HubError) -> Answer:
        if isinstance(entry, HubError):
            return service.refusal(entry, call.release)
        try:
            return await perform(service, entry.call)
        except HubError as error:
            return service.refusal(_of_entry(error, entry.index), call.release)
        except Exception as error:
            return internal_error(log_bug(error))

    entries: list[_Entry | HubError] = []
    for index, raw in enumerate(bundle.get("entry", [])):
        try:
            entries.append(_read_entry(service, call, index, raw, resolve))
        except HubError as error:
            entries.append(_of_entry(error, index))
    answers: dict[int, Answer] = {}
    for reads in (False, True):
        chosen = [
            (index, entry)
            for index, entry in enumerate(entries)
            if (isinstance(entry, _Entry) and entry.is_read) is reads
        ]
        done = await asyncio.gather(*(answer(entry) for _, entry in chosen))
        answers |= {index: one for (index, _), one in zip(chosen, done, strict=True)}
    return [answers[index] for index in range(len(entries))]


async def _transaction(
    service: Service, call: Call, bundle: Resource, resolve: Resolve, perform: Perform
) -> list[Answer]:
    entries: list[_Entry] = []
    writes = []
    for index, raw in enumerate(bundle.get("entry", [])):
        try:
            entry = _read_entry(service, call, index, raw, resolve)
            _refuse_in_transaction(entry)
            entries.append(entry)
            if not entry.is_read:
                write = await write_of(service, entry.call, entry.target, entry.full_url)
                writes.append((entry, write))
        except HubError as error:
            raise _of_entry(error, index) from None
    written = await service.hub.intake.submit(call.release, [write for _, write in writes])
    answers = {
        entry.index: answer_written(service, entry.call, one)
        for (entry, _), one in zip(writes, written, strict=True)
    }
    for entry in entries:
        if entry.is_read:
            try:
                answers[entry.index] = await perform(service, entry.call)
            except HubError as error:
                answers[entry.index] = service.refusal(_of_entry(error, entry.index), call.release)
    return [answers[entry.index] for entry in entries]


def _refuse_in_transaction(entry: _Entry) -> None:
    if entry.is_read:
        return
    if entry.target.resource_type == "Subscription":
        raise Unprocessable(
            "a Subscription can't be changed in a transaction; send it on its own or in a batch"
        )
    if is_topic_write(entry.call, entry.target):
        raise Unprocessable(
            "a topic can't be changed in a transaction; send it on its own or in a batch"
        )
    is_write = entry.target.resource_type and not entry.target.operation
    if not is_write or (entry.call.method == "POST" and entry.call.segments[1:]):
        raise Unprocessable(
            "a transaction holds creates, updates, patches, deletes, reads and searches by GET"
        )


def _read_entry(
    service: Service, call: Call, index: int, raw: Resource, resolve: Resolve
) -> _Entry:
    """Return an entry as a call.

    Raises:
        HubError: there is no such address, or nothing that can be done there.
    """
    request: Resource = raw["request"]
    path, query = _split(service, call.release, request.get("url", ""))
    method: str = request.get("method", "")
    if not path or not method:
        raise InvalidValue(
            "request must have a method, and a url that names a resource type or resource",
            expression="Bundle.entry.request",
        )
    _, target = resolve(service, call.release, method, path, call.is_administrator)
    if target.operation == PROCESS_MESSAGE:
        raise Unprocessable(f"{PROCESS_MESSAGE} can't be invoked in a Bundle; send it on its own")
    resource = raw.get("resource")
    document: Document | None = None
    patch: Sequence[Json] | None = None
    if method == "PATCH":
        patch = _patch(service, resource)
    elif isinstance(resource, dict) and method not in _READS:
        document = document_of(resource)
    entry_call = Call(
        release=call.release,
        method=method,
        segments=path,
        query=query,
        document=document,
        patch=patch,
        if_match=read_entity_tag(request.get("ifMatch"), "request.ifMatch"),
        if_none_match=read_entity_tag(request.get("ifNoneMatch"), "request.ifNoneMatch"),
        if_none_exist=request.get("ifNoneExist"),
        prefer=call.prefer,
        client=call.client,
    )
    return _Entry(index, entry_call, target, raw.get("fullUrl", ""))


def _split(
    service: Service, release: FhirRelease, url: str
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    path, _, query = url.partition("?")
    if "://" in path:
        path = path.removeprefix(service.hub.base_url(release))
    path = path.removeprefix("/")
    try:
        segments = tuple(unquote(part, errors="strict") for part in path.split("/") if part)
    except UnicodeDecodeError:
        raise InvalidValue("request.url is not UTF-8 when percent-decoded") from None
    return segments, tuple(split_query(query))


def _patch(service: Service, resource: Json) -> Sequence[Json]:
    """Return the JSON Patch that a Binary holds: JSON has no other place for it in a Bundle."""
    found = resource if isinstance(resource, dict) else {}
    is_patch = found.get("contentType") == "application/json-patch+json"
    if found.get("resourceType") != "Binary" or not is_patch:
        raise MediaTypeNotSupported(
            "PATCH in a Bundle takes a Binary with contentType application/json-patch+json",
            expression="Bundle.entry.resource",
        )
    try:
        body = base64.b64decode(str(found.get("data", "")), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue("Binary.data must be base64", expression="Binary.data") from None
    return read_patch(body, service.limits.patch_operations)


def _of_entry(error: HubError, index: int) -> HubError:
    """Return a refusal that says in which entry its element stands."""
    place = f"Bundle.entry[{index}]"
    issues = [
        replace(
            issue,
            diagnostics=f"{place}: {issue.diagnostics}",
            expression=_inside(place, issue.expression),
        )
        for issue in error.issues
    ]
    return type(error)(
        f"{place}: {error.diagnostics}", issues=issues, retry_after=error.retry_after
    )


def _inside(place: str, expression: str | None) -> str:
    if expression is None:
        return place
    if expression.startswith("Bundle.entry"):
        return place + expression.removeprefix("Bundle.entry")
    _, dot, rest = expression.partition(".")
    return f"{place}.resource{dot}{rest}"


def _written(answer: Answer) -> Json:
    response: dict[str, Json] = {"status": str(answer.status)}
    if answer.location is not None:
        response["location"] = answer.location
    if answer.etag is not None:
        response["etag"] = answer.etag
    if answer.last_modified is not None:
        response["lastModified"] = format_instant(answer.last_modified)
    if answer.body is None:
        return {"response": response}
    told = orjson.Fragment(answer.body)
    if answer.is_outcome:
        return {"response": response | {"outcome": told}}
    return {"resource": told, "response": response}
