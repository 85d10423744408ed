"""``/health``: how the hub fares, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from hub.core.instant import format_instant
from hub.core.release import FhirRelease, Json
from hub.engine.backlog import read_backlog
from hub.settings import Settings
from hub.web import health_page
from hub.web.home import Page, either
from hub.web.metadata import software_version
from hub.web.service import Service


def pages(service: Service, settings: Settings) -> dict[str, ASGIApp]:
    """Return what answers at each path."""
    return {"/health": Page(service, _Health(service, settings).health)}


@dataclass(frozen=True, slots=True)
class _Health:
    service: Service
    settings: Settings

    async def health(self, request: Request) -> Response:
        """Answer how the hub fares; its figures and settings only to who is known."""
        callers = self.service.callers
        caller = callers.caller(request.headers.getlist("authorization"))
        value = self._open()
        if caller is not None or not callers.asked:
            value |= await self._figures()
        return either(request, value, health_page.health)

    def _open(self) -> dict[str, Json]:
        hub, now = self.service.hub, self.service.hub.clock.now()
        started = self.service.started
        return {
            "version": software_version(),
            "status": "stopping" if hub.draining else "ok",
            "started": format_instant(started),
            "uptime": _seconds(now - started),
            "ready": f"{hub.public_url}/readyz",
            "asks": self.service.callers.asked,
            "bases": [self._base(release) for release in FhirRelease],
        }

    async def _figures(self) -> dict[str, Json]:
        now = self.service.hub.clock.now()
        return {
            "delivery": await self._delivery(now),
            "store": await self._store(now),
            "subscriptions": self._subscriptions(),
            "processes": [
                {"name": each.name, "pid": each.pid, "starts": each.starts}
                for each in self.service.hub.processes
            ],
            "settings": _settings(self.settings),
        }

    def _base(self, release: FhirRelease) -> dict[str, Json]:
        hub = self.service.hub
        base = hub.base_url(release)
        return {
            "release": release.value,
            "url": base,
            "metadata": f"{base}/metadata",
            "status": f"{base}/Subscription/$status",
            "topics": len(hub.registry.topics(release)),
        }

    async def _delivery(self, now: datetime) -> dict[str, Json]:
        hub = self.service.hub
        backlog = await read_backlog(hub.store, hub.subscribers)
        return {
            "undelivered": backlog.events,
            "waiting": backlog.subscriptions,
            "failing": backlog.failing,
            "oldest": None if backlog.oldest is None else format_instant(backlog.oldest),
            "oldestAge": None if backlog.oldest is None else _seconds(now - backlog.oldest),
            "lanesBusy": hub.lanes_busy(),
        }

    async def _store(self, now: datetime) -> dict[str, Json]:
        store = self.service.hub.store
        facts = store.facts()
        # What is committed in this very instant counts, too.
        changes = await store.read(lambda reader: reader.seq_at(now + timedelta(days=1)))
        return {
            "kind": facts.kind,
            "layout": facts.layout,
            "bytes": facts.size,
            "changes": changes,
            "topics": len(self.service.hub.registry.every_topic()),
        }

    def _subscriptions(self) -> dict[str, Json]:
        alive = [
            each.subscription
            for each in self.service.hub.subscribers
            if not (each.deleted or each.subscription.administrative)
        ]
        by_status = Counter(each.status.value for each in alive)
        by_channel = Counter(each.channel_type.value for each in alive)
        return {
            "total": len(alive),
            "status": dict(sorted(by_status.items())),
            "channel": dict(sorted(by_channel.items())),
        }


def _settings(settings: Settings) -> dict[str, Json]:
    """Return what users may want to know; nothing in it is secret."""
    email: dict[str, Json] = {"offered": settings.smtp is not None}
    if settings.smtp is not None:
        email |= {
            "content": settings.email_content.value,
            "optIn": settings.email_opt_in,
            "domains": list(settings.email_domains),
        }
    return {
        "egress": {
            "http": settings.allow_http,
            "allow": [str(network) for network in settings.egress_allow],
        },
        "cors": list(settings.cors_origins),
        "guards": {
            "ifMatch": sorted(settings.require_if_match),
            "task": settings.task_guard is not None,
        },
        "retainEvents": _seconds(max(settings.retain_events, settings.give_up_after)),
        "retrySchedule": [_seconds(each) for each in settings.retry_schedule],
        "giveUpAfter": _seconds(settings.give_up_after),
        "largestBody": settings.max_body,
        "administrator": settings.admin_token_file is not None,
        "email": email,
    }


def _seconds(period: timedelta) -> int | float:
    seconds = period.total_seconds()
    return int(seconds) if seconds == int(seconds) else round(seconds, 3)
