"""What a demo has to show besides the hub itself."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp

from hub.web import mailbox, receptions
from hub.web.mailbox import Mailbox
from hub.web.receptions import Receptions
from hub.web.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What was caught and received; ``mails`` is None where no mail server is installed.

    ``endpoint`` is a URL of this machine that takes any notification.
    """

    mails: Mailbox | None
    received: Receptions
    endpoint: str

    def addresses(self, public_url: str) -> dict[str, str]:
        """Return where to look, and where notifications can be sent to."""
        found = {"receiver": f"{public_url}/demo/receiver", "endpoint": self.endpoint}
        if self.mails is not None:
            found["mail"] = f"{public_url}/demo/mail"
        return found


def pages(service: Service, demo: Demo) -> dict[str, ASGIApp]:
    """Return what answers at each path."""
    found = receptions.pages(service, demo.received, demo.endpoint)
    return found if demo.mails is None else found | mailbox.pages(service, demo.mails)
