"""The hubs that bad input is sent to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest

from hub.core.subscription import PayloadContent
from hub.guard_settings import read_task_guard
from hub.settings import packaged_topics
from hub.web.limits import Limits
from hub.web.protocol import InboundLimits
from tests.conformance.topics import write_topics
from tests.journeys.hosting import RunningHub, running_hub
from tests.journeys.mailing import mail_settings
from tests.web.clients import CLIENTS
from tests.web.topics import administered

_LIMITED: dict[str, Any] = {
    "allow_http": False,
    "egress_allow": (),
    "email_domains": ("example.org",),
    "email_content": PayloadContent.ID_ONLY,
}


class Hubs:
    """The hubs by name.

    ``plain`` is usual, ``hurried`` waits less, ``limited`` sends to few and not everything,
    ``guarded`` lets nobody change a Task blindly, or against FHIR's state machine, ``asking`` asks
    who calls, and lets nobody move another one's Task.
    """

    def __init__(self, stack: ExitStack, paths: pytest.TempPathFactory) -> None:
        self._stack = stack
        self._paths = paths
        self.named = cache(self._start)

    def _start(self, name: str) -> RunningHub:
        if name == "limited":
            return self._stack.enter_context(running_hub(**mail_settings(9) | _LIMITED))
        if name == "guarded":
            return self._stack.enter_context(
                running_hub(
                    require_if_match=frozenset({"Task"}), task_guard=read_task_guard("fhir")
                )
            )
        if name == "asking":
            return self._stack.enter_context(
                running_hub(clients=CLIENTS, task_guard=read_task_guard("order"))
            )
        if name == "hurried":
            return self._stack.enter_context(
                running_hub(
                    inbound=InboundLimits(header_seconds=0.3, body_seconds=0.3),
                    limits=Limits(bind_seconds=0.3),
                )
            )
        topics = self._paths.mktemp("topics")
        write_topics(topics)
        token = administered(self._paths.mktemp("token")).admin_token_file
        return self._stack.enter_context(
            running_hub(topics=(packaged_topics(), topics), admin_token_file=token)
        )


@pytest.fixture(scope="session")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    """Return the hubs, each started when it is first asked for."""
    with ExitStack() as stack:
        yield Hubs(stack, tmp_path_factory)
