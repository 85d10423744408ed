"""Changes to a Subscription of any release, named as R4 names the elements."""

from __future__ import annotations

import copy
from collections.abc import Callable

from hub.core.release import Json, Resource
from tests.support.builders import BACKPORT

Change = Callable[[Resource], None]


def put(path: str, value: Json) -> Change:
    """Set a member by its path of names."""

    def change(resource: Resource) -> None:
        *holders, name = path.split(".")
        for holder in holders:
            resource = resource.setdefault(holder, {})
        resource[name] = copy.deepcopy(value)

    return change


def drop(path: str) -> Change:
    """Remove a member by its path of names."""

    def change(resource: Resource) -> None:
        *holders, name = path.split(".")
        for holder in holders:
            resource = resource[holder]
        del resource[name]

    return change


def channel(name: str, value: Json) -> Change:
    """Set an element that R4 has in the channel and R5 at the top."""
    in_r5 = {"payload": "contentType"}.get(name, name)

    def change(resource: Resource) -> None:
        place = resource.get("channel", resource)
        place[name if "channel" in resource else in_r5] = value

    return change


def kind(code: str) -> Change:
    """Set the channel's type."""

    def change(resource: Resource) -> None:
        if "channel" in resource:
            resource["channel"]["type"] = code
        else:
            resource["channelType"]["code"] = code

    return change


def canonical(text: str) -> Change:
    """Set the topic."""

    def change(resource: Resource) -> None:
        resource["criteria" if "channel" in resource else "topic"] = text

    return change


def filtered(text: str, **r5: str) -> Change:
    """Set the only filter, in R5 by its elements."""

    def change(resource: Resource) -> None:
        if "channel" in resource:
            resource["_criteria"] = {
                "extension": [{"url": f"{BACKPORT}/backport-filter-criteria", "valueString": text}]
            }
        else:
            resource["filterBy"] = [r5]

    return change


def header(name: str, value: str) -> Change:
    """Set the only header."""

    def change(resource: Resource) -> None:
        if "channel" in resource:
            resource["channel"]["header"] = [f"{name}: {value}"]
        else:
            resource["parameter"] = [{"name": name, "value": value}]

    return change


def extension(place: str, url: str, **value: Json) -> Change:
    """Add an extension."""

    def change(resource: Resource) -> None:
        *holders, name = place.split(".")
        for holder in filter(None, holders):
            resource = resource[holder]
        if name:
            resource = resource.setdefault(name, {})
        resource.setdefault("extension", []).append({"url": url, **value})

    return change


def websocket(*changes: Change) -> Change:
    """Make it a websocket Subscription, then change that."""

    def change(resource: Resource) -> None:
        kind("websocket")(resource)
        (resource.get("channel", resource)).pop("endpoint")
        for each in changes:
            each(resource)

    return change
