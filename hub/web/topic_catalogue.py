"""The topics that this hub has now, under the names of their pages, and their truth tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from hub.core.canonical import joined_canonical, split_canonical, version_order
from hub.core.compiled_topic import CompiledTopic
from hub.core.registry import Registry
from hub.core.release import FhirRelease, Json
from hub.core.search_parameter import SearchParameters
from hub.core.topic import SubscriptionTopic
from hub.core.topic_description import Compiled, compile_all
from hub.errors import NotFound

_TOPIC, _CASES = "topic.json", "cases.json"
_SHOWN: Final = ("name", "interaction", "release", "previous", "current", "fires", "filters")


class TopicCatalogue:
    """The topics of a registry as they are at this moment, also those that a client wrote."""

    def __init__(self, registry: Registry) -> None:
        self._compiled: dict[str, dict[FhirRelease, CompiledTopic]] = {}
        versions: dict[str, dict[str, SubscriptionTopic]] = {}
        for release in FhirRelease:
            for each in registry.topics(release):
                topic = each.topic
                self._compiled.setdefault(topic.canonical, {})[release] = each
                versions.setdefault(topic.url, {})[topic.canonical] = topic
        self._versions = {
            url: sorted(versions[url].values(), key=_rank, reverse=True) for url in sorted(versions)
        }
        self._urls: dict[str, list[str]] = {}
        for url in self._versions:
            self._urls.setdefault(last_part(url), []).append(url)

    def newest(self) -> list[SubscriptionTopic]:
        """Return each topic in its newest version, an active one if there is any, by url."""
        return [versions[0] for versions in self._versions.values()]

    def versions(self, url: str) -> list[SubscriptionTopic]:
        """Return every version of a topic, the one that a Subscription would get first."""
        return self._versions[url]

    def name(self, url: str) -> str:
        """Return what a topic is called: the end of its url, or all of it where others end so."""
        last = last_part(url)
        return last if last and len(self._urls[last]) == 1 else url

    def page(self, topic: SubscriptionTopic) -> str:
        """Return the path of a topic's page."""
        name = self.name(topic.url)
        if self._versions[topic.url][0] is not topic:
            name = joined_canonical(name, topic.version)
        return f"/topics/{quote(name, safe='')}"

    def find(self, name: str) -> SubscriptionTopic:
        """Return a topic by its name or url, with ``|version`` or without.

        Raises:
            NotFound: there is none, or several are called so.
        """
        called, version = split_canonical(name)
        urls = [called] if called in self._versions else self._urls.get(called, [])
        if len(urls) > 1:
            raise NotFound(f"several topics are called so: {', '.join(urls)}")
        for url in urls:
            for topic in self._versions[url]:
                if version in (None, topic.version):
                    return topic
        raise NotFound("there is no such topic; GET /topics lists them")

    def releases(self, topic: SubscriptionTopic) -> list[FhirRelease]:
        """Return the releases that have a topic."""
        return list(self._compiled[topic.canonical])

    def compiled(
        self, topic: SubscriptionTopic, parameters: Mapping[FhirRelease, SearchParameters]
    ) -> Compiled:
        """Return a topic in each release, or why it does not compute there."""
        found = self._compiled[topic.canonical]
        missing = {release: parameters[release] for release in FhirRelease if release not in found}
        told: Compiled = {**found, **compile_all(topic, missing)}
        return {release: told[release] for release in FhirRelease}


class TruthTables:
    """The ``cases.json`` beside each ``topic.json`` in some folders, read when asked for."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._paths: Mapping[str, Path] | None = None

    def rows(self, topic: SubscriptionTopic) -> list[Json]:
        """Return the rows of a topic's truth table, none where it has no readable one."""
        if self._paths is None:
            self._paths = _tables(self._folders)
        path = self._paths.get(topic.canonical)
        rows = None if path is None else _read(path)
        return [
            {name: row[name] for name in _SHOWN if name in row}
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict)
        ]


def last_part(url: str) -> str:
    """Return the end of a url, after its last slash, colon or hash."""
    return url.rstrip("/").replace(":", "/").replace("#", "/").rpartition("/")[2]


def _rank(topic: SubscriptionTopic) -> tuple[bool, tuple[tuple[int, int, str], ...]]:
    return topic.status == "active", version_order(topic.version)


def _tables(folders: Sequence[Path]) -> dict[str, Path]:
    """Return where truth tables stand, by the canonical of their topic."""
    found: dict[str, Path] = {}
    for folder in folders:
        for cases in sorted(folder.rglob(_CASES)) if folder.is_dir() else ():
            topic = _read(cases.with_name(_TOPIC))
            if isinstance(topic, dict):
                found[joined_canonical(str(topic.get("url")), topic.get("version"))] = cases
    return found


def _read(path: Path) -> Json:
    """Return what a JSON file holds, None where it can't be read."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
