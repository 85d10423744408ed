"""Send what a row of the table says: over HTTP, as raw bytes, or over a websocket."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from hub.core.client import Client
from hub.core.release import FhirRelease, Json, Resource
from tests.journeys.hosting import PATIENCE, Fhir, RunningHub
from tests.support import subscription_changes
from tests.support.builders import BACKPORT, a_subscription
from tests.support.classic import a_classic
from tests.web.clients import shown_by
from tests.web.topics import TOKEN


def _repeat_filter(times: int) -> subscription_changes.Change:
    """Give the only filter several times."""

    def change(resource: Resource) -> None:
        holder, name = (
            (resource["_criteria"], "extension")
            if "channel" in resource
            else (resource, "filterBy")
        )
        holder[name] = holder[name] * times

    return change


_CHANGES: dict[str, Callable[..., subscription_changes.Change]] = {
    "put": subscription_changes.put,
    "drop": subscription_changes.drop,
    "channel": subscription_changes.channel,
    "kind": subscription_changes.kind,
    "canonical": subscription_changes.canonical,
    "header": subscription_changes.header,
    "repeat_filter": _repeat_filter,
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back, and ``sent``: everything of the input that an answer could repeat."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: bytes


def filled(value: Json, words: Mapping[str, str]) -> Json:
    """Return a value with ``{word}`` replaced in every text."""
    if isinstance(value, str):
        for word, meant in words.items():
            value = value.replace(f"{{{word}}}", meant)
        return value
    if isinstance(value, list):
        return [filled(item, words) for item in value]
    if isinstance(value, dict):
        return {name: filled(member, words) for name, member in value.items()}
    return value


def subscription_of(what: Resource, release: FhirRelease) -> Resource:
    """Return the Subscription that a row describes by changes of a sound one.

    ``subscription`` is one to a topic, perhaps sent ``by`` a client, ``classic`` one to a search.
    """
    given = dict(what.get("subscription") or what["classic"])
    changes = given.pop("changes")
    given.setdefault("endpoint", "http://127.0.0.1:9/hook")
    given.pop("by", None)
    if "classic" in what:
        return _changed(a_classic(**given), changes)
    given["headers"] = [tuple(pair) for pair in given.get("headers", ())]
    return _changed(a_subscription(release, **given), changes)


def _changed(resource: Resource, changes: list[list[Any]]) -> Resource:
    for name, *arguments in changes:
        if name == "extension":
            place, url, value = arguments
            url = url.replace("{backport}", BACKPORT)
            subscription_changes.extension(place, url, **value)(resource)
        else:
            _CHANGES[name](*arguments)(resource)
    replaced: Resource = json.loads(json.dumps(resource).replace("{backport}", BACKPORT))
    return replaced


async def send(fhir: Fhir, hub: RunningHub, what: Resource) -> Answered:
    """Send one request; ``what`` has its words filled in."""
    if "raw" in what:
        return await _raw(hub, what)
    headers = dict(what.get("headers", {}))
    if what.get("administrator"):
        headers["authorization"] = f"Bearer {TOKEN}"
    if by := what.get("subscription", {}).get("by"):
        headers |= shown_by(Client(name=by))
    if "subscription" in what or "classic" in what:
        resource = subscription_of(what, fhir.release)
        method = what.get("method", "POST")
        path = f"Subscription/{resource['id']}" if method == "PUT" else "Subscription"
        body = json.dumps(resource).encode()
        headers["content-type"] = "application/fhir+json"
    else:
        method, path = what["method"], what["path"]
        body = (
            bytes.fromhex(what["hex"]) if "hex" in what else "".join(what.get("body", [])).encode()
        )
    if what.get("gzip"):
        body = gzip.compress(body)
    answer = await _request(fhir, method, path, body, headers, chunked=bool(what.get("chunked")))
    sent = b"\n".join([path.encode(), body, *(each.encode() for each in headers.values())])
    return Answered(answer.status_code, answer.headers, answer.content, sent)


async def _request(
    fhir: Fhir, method: str, path: str, body: bytes, headers: Mapping[str, str], *, chunked: bool
) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 65536):
            yield body[at : at + 65536]

    has_body = method in ("POST", "PUT", "PATCH")
    content = (pieces() if chunked else body) if has_body else None
    url = f"{fhir.base}/{path}".rstrip("/")
    return await fhir.http.request(method, url, content=content, headers=dict(headers))


async def _raw(hub: RunningHub, what: Resource) -> Answered:
    """Send bytes as they are; where something drips, go on until the hub closes."""
    host, _, port = hub.url.removeprefix("http://").partition(":")
    sent = "".join(what["raw"]).encode()
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        ended = asyncio.ensure_future(reader.read())
        while "drip" in what and not ended.done():
            writer.write(what["drip"].encode())
            await asyncio.wait([ended], timeout=0.02)
        try:
            received = await ended
        finally:
            writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    return Answered(int(first.split(" ")[1]), headers, _unchunked(headers, body), sent)


def _unchunked(headers: Mapping[str, str], body: bytes) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return body
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        found, body = found + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return found
