"""What a hub knows when it starts: definitions of files and packages, the topics of both, guards.

What a package has and the hub can't use is left out and logged; anything else that is of no use is
an error, and the hub does not start.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from hub.codecs.definitions import Definitions, DefinitionsError, read_definitions
from hub.codecs.tables import resource_types
from hub.core.derived_topic import check_derived
from hub.core.json_text import dumps
from hub.core.registry import Registry, compile_everywhere
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.topic import SubscriptionTopic, may_become, without_status
from hub.engine.guards import Guards
from hub.engine.hub import base_url
from hub.errors import HubError
from hub.ports import Opened
from hub.settings import Settings, SettingsError

log = logging.getLogger(__name__)


def guards_of(settings: Settings, *, knows_callers: bool = False) -> Guards:
    """Return what is asked of writes.

    Args:
        settings: what the guards are made of.
        knows_callers: whether the hub asks callers who they are.

    Raises:
        SettingsError: a type to be guarded is there in no release, or a guard asks who writes,
            and nobody knows.
    """
    known = frozenset[str]().union(*(resource_types(release) for release in FhirRelease))
    if unknown := sorted(settings.require_if_match - known):
        near = get_close_matches(unknown[0], sorted(known), n=1)
        hint = f"did you mean {near[0]}?" if near else "write one such as Task"
        raise SettingsError(f"--require-if-match: {unknown[0]!r} is no resource type; {hint}")
    tasks = settings.task_guard
    if tasks is not None and tasks.asks_who and not knows_callers:
        raise SettingsError(
            "--task-guard says who may move a Task, but this hub asks nobody who they are; "
            "name those who may call it with --clients FILE"
        )
    return Guards(if_match=settings.require_if_match, tasks=tasks)


def loaded_definitions(settings: Settings) -> Definitions:
    """Read what the settings name; say what is left out.

    Raises:
        SettingsError: a file or package can't be used.
    """
    try:
        definitions = read_definitions(settings.topics)
    except DefinitionsError as error:
        raise SettingsError(f"topics: {error}") from None
    for line in definitions.left_out:
        log.warning("left out: %s", line)
    return definitions


def parameters_of(
    definitions: Definitions, public_url: str
) -> Mapping[FhirRelease, SearchParameters]:
    """Return the search parameters of every release, for a hub at ``public_url``."""
    return {
        release: definitions.search_parameters(release, base_url(public_url, release))
        for release in FhirRelease
    }


def computable_topics(
    definitions: Definitions, parameters: Mapping[FhirRelease, SearchParameters], opened: Opened
) -> Mapping[str, SubscriptionTopic]:
    """Return the topics of files by canonical, without those of packages that are of no use.

    Raises:
        SettingsError: the topic of a file has no id.
    """
    stored = {topic.canonical for topic in opened.topics}
    found: dict[str, SubscriptionTopic] = {}
    for loaded in definitions.topics:
        topic = loaded.topic
        if "id" not in topic.source:
            complaint = f"{loaded.where}: a topic needs an id: clients read it under that"
            if not loaded.of_package:
                raise SettingsError(complaint)
            log.warning("left out: %s", complaint)
            continue
        if loaded.of_package and topic.canonical not in stored:
            try:
                compile_everywhere(topic, parameters)
                check_derived(topic, [each.topic for each in definitions.topics])
            except HubError as error:
                log.warning("left out: %s: %s", loaded.where, error.diagnostics)
                continue
        found[topic.canonical] = topic
    return found


def all_topics(
    from_files: Mapping[str, SubscriptionTopic], opened: Opened
) -> list[SubscriptionTopic]:
    """Return the topics of files and those that only the store has, at their latest status.

    Raises:
        SettingsError: a topic is stored with other content.
    """
    found = dict(from_files)
    for topic in opened.topics:
        there = found.setdefault(topic.canonical, topic)
        if dumps(without_status(there).source) == dumps(without_status(topic).source):
            if may_become(there.status, topic.status):
                found[topic.canonical] = topic
        else:
            raise SettingsError(
                f"topic {topic.canonical} was changed; give it another version, "
                "so that running Subscriptions keep the one they were made for"
            )
    return list(found.values())


def registry_of(
    topics: Sequence[SubscriptionTopic], parameters: Mapping[FhirRelease, SearchParameters]
) -> Registry:
    """Compile topics.

    Raises:
        SettingsError: one of them computes in no release.
    """
    registry = Registry()
    for topic in topics:
        try:
            check_derived(topic, topics)
            registry.add_topic(topic, parameters)
        except HubError as error:
            raise SettingsError(f"topic {topic.canonical}: {error.diagnostics}") from None
    return registry
