"""An administrator and a topic that they write, in the form of each release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.codecs.topic import to_release
from hub.core.release import FhirRelease, Resource
from hub.settings import Settings

TOKEN = "t0ken-of-the-administrator-0123456789"
ADMIN: dict[str, Any] = {"authorization": f"Bearer {TOKEN}"}
URL = "http://example.org/topics/mine"


def administered(folder: Path) -> Settings:
    """Return settings with an administrator, whose token is in a file of ``folder``."""
    path = folder / "admin.token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return Settings(admin_token_file=path)


def a_topic(release: FhirRelease = FhirRelease.R5, **more: Any) -> Resource:
    """Return a topic that fires on every write of a Task."""
    topic: Resource = {
        "resourceType": "SubscriptionTopic",
        "url": URL,
        "version": "1.0.0",
        "status": "active",
        "title": "Mine",
        "resourceTrigger": [{"resource": "Task"}],
        "canFilterBy": [
            {"resource": "Task", "filterParameter": "owner", "modifier": ["not"]},
        ],
    }
    return to_release(topic | more, release)


def kind(release: FhirRelease) -> str:
    """Return the type of resource that a topic is in a release."""
    return "Basic" if release is FhirRelease.R4 else "SubscriptionTopic"
