"""Somebody who takes part in a scenario: writes, reads and subscribes as any client does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, Self

from hub.cli.arrival import short_reference
from hub.cli.client import Answer, HubClient
from hub.cli.request import subscription_resource
from hub.cli.scenario.inbox import EndpointInbox, Inbox, SocketInbox
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import ChannelType, PayloadContent
from hub.ports import Clock

IF_MATCH = "If-Match"
JSON_PATCH = "application/json-patch+json"


class Setting(Protocol):
    """What an actor needs of the stage."""

    clock: Clock
    release: FhirRelease

    def step(self, who: str, whom: str, what: str, **more: Any) -> None:
        """Tell one step."""


class Actor:
    """A client of one hub, known there as an Organization.

    Args:
        setting: where the steps are told.
        name: as the steps call them.
        url: of the hub.
        hub: what the hub is called in the steps.
        token: to show there, None where nobody is asked.
    """

    def __init__(
        self, setting: Setting, name: str, url: str, hub: str, token: str | None = None
    ) -> None:
        self.name = name
        self.reference = ""
        self.client = HubClient(url, setting.release, setting.clock, token=token)
        self._setting = setting
        self._hub = hub
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def base(self) -> str:
        """The base URL that the actor talks to."""
        return self.client.base

    async def registers(self, organization: str, id: str | None = None) -> None:
        """Make the actor known as an Organization; ``reference`` names it from then on.

        Args:
            organization: its name.
            id: under which it is put; the hub chooses one where None.
        """
        written: Resource = {"resourceType": "Organization", "active": True, "name": organization}
        if id is not None:
            self.reference = f"Organization/{id}"
            await self.client.expect("PUT", self.reference, written | {"id": id})
            return
        answer = await self.client.expect("POST", "Organization", written)
        self.reference = f"Organization/{answer.created_id}"

    async def creates(
        self, resource: Resource, what: str = "", *, if_none_exist: str | None = None
    ) -> Resource:
        """Create a resource and return what was stored, or what ``if_none_exist`` found."""
        headers = {} if if_none_exist is None else {"If-None-Exist": if_none_exist}
        answer = await self.client.expect(
            "POST", resource["resourceType"], resource, headers=headers
        )
        stored = answer.resource or {}
        self._told(answer, what or f"creates {_shown(stored)}")
        return stored

    async def puts(self, resource: Resource, what: str = "") -> Resource:
        """Put a resource under its id, whatever is there."""
        answer = await self.client.expect("PUT", reference(resource), resource)
        stored = answer.resource or {}
        self._told(answer, what or f"puts {_shown(stored)}")
        return stored

    async def changes(self, resource: Resource, what: str = "", **elements: Any) -> Resource:
        """Change elements of a resource as it was last seen (If-Match); None takes one away.

        Raises:
            CommandError: the hub refuses, as when somebody was faster.
        """
        answer = await self.client.expect(
            "PUT", reference(resource), changed(resource, elements), headers=match(resource)
        )
        stored = answer.resource or {}
        self._told(
            answer, what or f"changes {_shown(stored)}, If-Match {match(resource)[IF_MATCH]}"
        )
        return stored

    async def tries(
        self,
        method: str,
        path: str,
        resource: Resource | None = None,
        what: str = "",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request that may be refused, and return the answer."""
        answer = await self.client.ask(method, path, resource, headers=headers)
        self._told(answer, what or f"{method} {path}")
        return answer

    async def tries_change(self, resource: Resource, what: str = "", **elements: Any) -> Answer:
        """Change a resource as it was last seen, which may be refused."""
        body = changed(resource, elements)
        what = what or f"changes {_shown(body)} with If-Match {match(resource)[IF_MATCH]}"
        return await self.tries("PUT", reference(resource), body, what, headers=match(resource))

    async def tries_patch(self, resource: Resource, what: str, **elements: Any) -> Answer:
        """Patch elements of a resource, whatever its version is; that may be refused."""
        patch = [
            {"op": "add", "path": f"/{name}", "value": each} for name, each in elements.items()
        ]
        answer = await self.client.ask(
            "PATCH", reference(resource), patch, headers={"Content-Type": JSON_PATCH}
        )
        self._told(answer, what)
        return answer

    async def reads(self, path: str, what: str = "") -> Resource:
        """Read a resource, a search or an operation."""
        answer = await self.client.expect("GET", path)
        self._told(answer, what or f"reads {path}")
        return answer.resource or {}

    async def finds(self, query: str, what: str = "") -> list[Resource]:
        """Search, and return what matched."""
        bundle = await self.reads(query, what or f"searches {query}")
        entries = bundle.get("entry", [])
        return [
            each["resource"] for each in entries if each.get("search", {}).get("mode") == "match"
        ]

    async def deletes(self, path: str, what: str = "") -> None:
        """Delete a resource."""
        self._told(await self.client.expect("DELETE", path), what or f"deletes {path}")

    async def transacts(self, *resources: Resource, what: str = "") -> list[Resource]:
        """Write resources in one transaction and return them as they were stored.

        One with an id is put.  A reference to another of them is its ``urn`` (see ``urn``).
        """
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [_entry(number, each) for number, each in enumerate(resources)],
        }
        prefer = {"Prefer": "return=representation"}
        answer = await self.client.expect("POST", "", bundle, headers=prefer)
        stored = [each.get("resource", {}) for each in (answer.resource or {}).get("entry", [])]
        shown = " and ".join(reference(each) for each in stored[:3])
        more = f" and {len(stored) - 3} more" if len(stored) > 3 else ""
        self._told(answer, what or f"writes {shown}{more}, in one transaction")
        return stored

    async def subscribes(
        self,
        topic: str,
        *filters: str,
        content: PayloadContent = PayloadContent.ID_ONLY,
        **elements: Any,
    ) -> EndpointInbox:
        """Subscribe by rest-hook; return the endpoint's inbox once the handshake has come.

        Args:
            topic: the name of a topic of the hub, or a canonical.
            filters: each ``Type?parameter=value``; all must hold.
            content: how much a notification holds.
            elements: of the resource, beside the usual ones.
        """
        inbox = EndpointInbox(self._setting, self.name, self._hub, self.client)
        await self._stack.enter_async_context(inbox)
        resource = subscription_resource(
            self.client.release,
            reason=f"{self.name}: {topic}",
            topic=topic,
            channel=ChannelType.REST_HOOK,
            content=content,
            filters=filters,
            endpoint=inbox.url,
        )
        await inbox.opens(await self._subscribed(resource | elements, topic, filters))
        return inbox

    async def watches(
        self,
        topic: str,
        *filters: str,
        content: PayloadContent = PayloadContent.ID_ONLY,
        **elements: Any,
    ) -> SocketInbox:
        """Subscribe by websocket; return its inbox once the handshake has come."""
        inbox = SocketInbox(self._setting, self.name, self._hub, self.client)
        await self._stack.enter_async_context(inbox)
        resource = subscription_resource(
            self.client.release,
            reason=f"{self.name}: {topic}",
            topic=topic,
            channel=ChannelType.WEBSOCKET,
            content=content,
            filters=filters,
        )
        await inbox.opens(await self._subscribed(resource | elements, topic, filters))
        return inbox

    async def forwards(
        self,
        topic: str,
        *filters: str,
        to: str,
        content: PayloadContent = PayloadContent.FULL_RESOURCE,
    ) -> Inbox:
        """Subscribe by message to the ``$process-message`` of another hub's base.

        What arrives there is that hub's; the inbox only asks for the Subscription's status.
        """
        inbox = Inbox(self._setting, self.name, self._hub, self.client)
        resource = subscription_resource(
            self.client.release,
            reason=f"{self.name}: {topic}",
            topic=topic,
            channel=ChannelType.MESSAGE,
            content=content,
            filters=filters,
            endpoint=to,
        )
        await inbox.opens(await self._subscribed(resource, topic, filters))
        return inbox

    async def _subscribed(self, resource: Resource, topic: str, filters: Sequence[str]) -> str:
        answer = await self.client.expect("POST", "Subscription", resource)
        wanted = " and ".join(filters)
        self._told(answer, f"subscribes to {topic}{': ' * bool(wanted)}{wanted}")
        return answer.created_id

    def _told(self, answer: Answer, what: str) -> None:
        self._setting.step(
            self.name,
            self._hub,
            what,
            status=str(answer.status),
            milliseconds=answer.milliseconds,
        )


def reference(resource: Resource) -> str:
    """Return ``Type/id`` of a resource that was stored."""
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def to(resource: Resource | str) -> Resource:
    """Return a Reference to a resource, or to what a literal names."""
    return {"reference": resource if isinstance(resource, str) else reference(resource)}


def urn(number: int) -> str:
    """Return what the resource at this place of a transaction is called inside it."""
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def version(resource: Resource) -> int:
    """Return the version of a resource that was stored."""
    return int(resource["meta"]["versionId"])


def match(resource: Resource) -> dict[str, str]:
    """Return the header that only matches the resource as it was last seen."""
    return {IF_MATCH: f'W/"{version(resource)}"'}


def changed(resource: Resource, elements: Mapping[str, Any]) -> Resource:
    """Return a resource with other elements; one that is None is taken away."""
    together = {**resource, **elements}
    return {name: each for name, each in together.items() if each is not None}


def location(answer: Answer) -> str:
    """Return ``Type/id`` of what an answer says was written."""
    return short_reference(answer.location or "")


def _entry(number: int, resource: Resource) -> Resource:
    kind, id = resource["resourceType"], resource.get("id")
    request = {"method": "PUT", "url": f"{kind}/{id}"} if id else {"method": "POST", "url": kind}
    return {"fullUrl": urn(number), "resource": resource, "request": request}


def _shown(resource: Resource) -> str:
    return f"{reference(resource)} {resource.get('status', '')}".rstrip()
