"""Finding extensions in a resource, and refusing those that the hub would have to ignore.

An extension that carries a filter and is ignored lets everything through.  So an extension of the
backport guide, or of the hub, must be a known one in its place, an extension of another release's
elements is refused, and so are every modifierExtension and implicitRules.
Sources: backport IG, "Components" (cross-version extensions); http://hl7.org/fhir/extensibility.html;
http://hl7.org/fhir/resource.html (implicitRules).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hub.core.echo import SUPPRESS_ECHO
from hub.core.refusals import Refusals
from hub.core.release import Json, Resource
from hub.errors import ExtensionNotAllowed, SubscriptionRefused

BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport"
IDENTIFIER: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier"
MANAGING_ENTITY: Final = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.managingEntity"
)
_ON_SUBSCRIPTION: Final = (MANAGING_ENTITY, "Subscription")
"""Whether it is taken there depends on who sends it, which is for the engine to say."""

HUB_EXTENSIONS: Final = SUPPRESS_ECHO.rpartition("/")[0]
"""Where the URLs of the hub's own extensions begin."""

_cross_version = re.compile(r"http://hl7\.org/fhir/\d+\.\d+/").match


@dataclass(frozen=True, slots=True)
class Placed:
    """An extension and where it stands.

    ``element`` is the path of what it extends, without indexes (``Subscription.channel.payload``);
    ``path`` its own path with them (``Subscription.channel.payload.extension[0]``).
    """

    value: Resource
    element: str
    path: str
    modifier: bool

    @property
    def url(self) -> str:
        """The URL that says what the extension means, empty where it has none."""
        return str(self.value.get("url") or "")


def placed(value: Json, element: str, path: str | None = None) -> Iterator[Placed]:
    """Yield every extension inside ``value``, nested ones included.

    Args:
        value: a resource or a part of one.
        element: its name, such as ``Subscription``.
        path: its path with indexes where that differs.
    """
    path = path or element
    if not isinstance(value, dict):
        return
    for name, member in value.items():
        bare = name.removeprefix("_")
        for index, item in enumerate(member) if isinstance(member, list) else [(None, member)]:
            here = f"{path}.{bare}" if index is None else f"{path}.{bare}[{index}]"
            if bare in ("extension", "modifierExtension") and isinstance(item, dict):
                yield Placed(item, element, here, bare != "extension")
            yield from placed(item, f"{element}.{bare}", here)


def check_extensions(resource: Resource, places: Mapping[str, str]) -> None:
    """Refuse extensions and rules of a Subscription that can't be honoured.

    Args:
        resource: the Subscription.
        places: the extensions that the hub knows there, with their elements.

    Raises:
        ExtensionNotAllowed: a modifierExtension, an extension of another release's elements
            (except identifier and managingEntity), or one of the guide, or of the hub, that is
            unknown or in the wrong place.
        SubscriptionRefused: it is to be understood by implicitRules.
    """
    refusals = Refusals()
    if "implicitRules" in resource:
        refusals.found.append(
            SubscriptionRefused(
                "Subscription.implicitRules may change what it means; the hub knows no such rules",
                expression="Subscription.implicitRules",
            )
        )
    for extension in placed(resource, "Subscription"):
        url = extension.url
        if extension.modifier:
            complaint = "is a modifierExtension; the hub understands none"
        elif (
            _cross_version(url)
            and url != IDENTIFIER
            and (url, extension.element) != _ON_SUBSCRIPTION
        ):
            complaint = (
                f"is a cross-version extension; use the elements of this release and the "
                f"extensions of {BACKPORT}"
            )
        elif (
            url.startswith((f"{BACKPORT}/", f"{HUB_EXTENSIONS}/"))
            and places.get(url) != extension.element
        ):
            allowed = places.get(url)
            complaint = f"belongs on {allowed}" if allowed else "is not known in this release"
        else:
            continue
        refusals.found.append(
            ExtensionNotAllowed(f"{extension.path} {url!r} {complaint}", expression=extension.path)
        )
    refusals.raise_any()


def values(holder: Json, url: str, value: str, path: str) -> list[tuple[Json, str]]:
    """Return the values of the extensions ``url`` directly in ``holder``, each with its path.

    Args:
        holder: the element, or what stands beside it under the name with an underscore.
        url: which extension.
        value: its member, such as ``valueString``.
        path: the path of the element.

    Raises:
        SubscriptionRefused: an extension has another member, or none.
    """
    extensions = holder.get("extension", []) if isinstance(holder, dict) else []
    found: list[tuple[Json, str]] = []
    for index, extension in enumerate(extensions):
        if extension.get("url") != url:
            continue
        here = f"{path}.extension[{index}]"
        if extension.get(value) is None:
            raise SubscriptionRefused(f"{here} {url!r} must have a {value}", expression=here)
        found.append((extension[value], here))
    return found


def single(holder: Json, url: str, value: str, path: str) -> Json:
    """Return the value of the one extension ``url`` in ``holder``, None where there is none.

    Raises:
        SubscriptionRefused: there are several, or it has another type of value.
    """
    found = values(holder, url, value, path)
    if len(found) > 1:
        raise SubscriptionRefused(
            f"{path} has {len(found)} extensions {url!r}; at most one is allowed",
            expression=found[1][1],
        )
    return found[0][0] if found else None


def with_extension(holder: Resource, url: str, value: str, content: Json) -> Resource:
    """Return ``holder`` with ``content`` in its extension ``url``, added where it has none."""
    sent: list[Resource] = holder.get("extension", [])
    written = {"url": url, value: content}
    if any(extension.get("url") == url for extension in sent):
        extensions = [
            {**extension, **written} if extension.get("url") == url else extension
            for extension in sent
        ]
    else:
        extensions = [*sent, written]
    return {**holder, "extension": extensions}
