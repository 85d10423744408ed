"""The engine as one object: what the web floor talks to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.engine.binding_token import BindingTokens
from hub.engine.condition import Fares
from hub.engine.dry_run import DryRun
from hub.engine.explain import Explain
from hub.engine.intake import Intake
from hub.engine.messages import Messages
from hub.engine.opt_in import OptIn
from hub.engine.resend import Resends
from hub.engine.sockets import Sockets
from hub.engine.subscribers import Subscribers
from hub.engine.subscription_status import SubscriptionStatuses
from hub.engine.subscriptions import Subscriptions
from hub.engine.topics import Topics
from hub.engine.trace import Tracing
from hub.engine.verification import Verification
from hub.ports import Clock, Codec, Store


class OtherProcess(Protocol):
    """A process that does a part of the hub's work."""

    name: ClassVar[str]
    starts: int
    """How often it was started; more than once if it died."""

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""


@dataclass(slots=True, kw_only=True)
class Hub:
    """All parts of a running hub.

    ``public_url`` has no slash at its end; references and links are built from it, never from
    what a request says.  ``lanes_busy`` tells how many lanes send now.
    ``opt_in`` is None where nobody is asked before mails are sent.
    ``processes`` are those that run beside this one.
    ``draining`` is true from the moment when the hub is told to stop.
    """

    store: Store
    clock: Clock
    registry: Registry
    intake: Intake
    subscribers: Subscribers
    subscriptions: Subscriptions
    dry_run: DryRun
    topics: Topics
    messages: Messages
    statuses: SubscriptionStatuses
    fares: Fares
    resends: Resends
    tokens: BindingTokens
    sockets: Sockets
    verification: Verification
    explain: Explain
    tracing: Tracing
    codecs: Mapping[FhirRelease, Codec]
    parameters: Mapping[FhirRelease, SearchParameters]
    public_url: str
    lanes_busy: Callable[[], int]
    opt_in: OptIn | None = None
    processes: list[OtherProcess] = field(default_factory=list)
    draining: bool = False

    def base_url(self, release: FhirRelease) -> str:
        """Return the base URL of a release, without a slash at its end."""
        return base_url(self.public_url, release)

    @property
    def websocket_url(self) -> str:
        """Where websockets connect."""
        scheme, _, rest = self.public_url.partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws"


def base_url(public_url: str, release: FhirRelease) -> str:
    """Return the base URL of a release under ``public_url``."""
    return f"{public_url}/fhir/{release.path}"
