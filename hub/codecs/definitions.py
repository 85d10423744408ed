"""Everything that folders, files and packages define: topics, parameters, ValueSets, profiles.

A folder gives ``*/topic.json`` and ``*.json``, a ``.tgz`` is a FHIR package.  What a package has
and the hub can't use is left out and told; a file that somebody put into a folder must be usable.
Source: http://hl7.org/fhir/R5/conformance-module.html; http://hl7.org/fhir/packages.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub.codecs.package import MAX_UNPACKED, Package, PackageError, read_package
from hub.codecs.parameter_definition import ParameterDefinition, added_parameters
from hub.codecs.tables.search import Entries, search_parameters
from hub.codecs.topic import from_json, is_topic
from hub.core.canonical import joined_canonical
from hub.core.json_text import dumps, parse
from hub.core.profile import NO_PROFILES, Profiles
from hub.core.release import FhirRelease, Resource
from hub.core.search_parameter import SearchParameters
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.core.value_set import ValueSets
from hub.errors import HubError

PACKAGE_SUFFIX: Final = ".tgz"
_DEFINED: Final = ("SearchParameter", "ValueSet", "CodeSystem", "StructureDefinition")
_TYPES: Final = frozenset(("SubscriptionTopic", "Basic", *_DEFINED))
_CORE: Final = "hl7.fhir."


class DefinitionsError(Exception):
    """A file or package that can't be used; one line that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTopic:
    """A topic and where it stands; one ``of_package`` may turn out not to compute anywhere."""

    topic: SubscriptionTopic
    where: str
    of_package: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """What was read.  ``left_out`` has a line for each resource, or part of one, that isn't used.

    ``added`` are search parameters beside the standard's, per release.
    """

    topics: tuple[LoadedTopic, ...] = ()
    value_sets: ValueSets = field(default_factory=ValueSets)
    profiles: Profiles = NO_PROFILES
    added: Mapping[FhirRelease, Entries] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def search_parameters(self, release: FhirRelease, base_url: str) -> SearchParameters:
        """Return the standard's search parameters with those that were read."""
        return search_parameters(
            release,
            base_url,
            added=self.added.get(release),
            value_sets=self.value_sets,
            profiles=self.profiles,
        )


def read_definitions(paths: Iterable[Path]) -> Definitions:
    """Read folders, JSON files and packages.

    Raises:
        DefinitionsError: a path or file can't be read, a package is broken, or a topic is there
            twice with different content.
    """
    reading = _Reading()
    for path in paths:
        if path.is_dir():
            for file in [*sorted(path.glob("*/topic.json")), *sorted(path.glob("*.json"))]:
                reading.file(file)
        elif path.suffix == PACKAGE_SUFFIX:
            reading.package(path)
        else:
            reading.file(path)
    return reading.result()


class _Reading:
    """What was found so far."""

    def __init__(self) -> None:
        self.topics: dict[str, LoadedTopic] = {}
        self.found: dict[str, dict[str, Resource]] = {kind: {} for kind in _DEFINED}
        self.parameters: list[ParameterDefinition] = []
        self.left_out: list[str] = []
        self.packages: dict[str, Package] = {}

    def file(self, path: Path) -> None:
        """Take one file, which must be of a kind that the hub uses."""
        try:
            resource = parse(_content(path)).value
            self.resource(str(path), resource, tuple(FhirRelease), of_package=False)
        except HubError as error:
            raise DefinitionsError(f"{path}: {error.diagnostics}") from None

    def package(self, path: Path) -> None:
        """Take what a package has for the hub."""
        try:
            package = read_package(_content(path))
        except PackageError as error:
            raise DefinitionsError(f"{path}: {error}") from None
        self.packages[package.name] = package
        for name, resource in package.resources(_TYPES):
            where = f"{path}: {name}"
            try:
                if isinstance(resource, HubError):
                    raise resource
                if resource["resourceType"] in _DEFINED or is_topic(resource):
                    self.resource(where, resource, package.releases, of_package=True)
            except HubError as error:
                self.left_out.append(f"{where}: {error.diagnostics}")

    def resource(
        self,
        where: str,
        resource: Resource,
        releases: tuple[FhirRelease, ...],
        *,
        of_package: bool,
    ) -> None:
        """Take one resource.

        Raises:
            HubError: it is of no use.
        """
        kind = resource.get("resourceType")
        if kind not in _DEFINED:
            self.topic(
                LoadedTopic(
                    topic=parse_topic(from_json(resource)), where=where, of_package=of_package
                )
            )
            return
        url = resource.get("url")
        if not isinstance(url, str):
            self.left_out.append(f"{where}: this {kind} has no url")
            return
        known = self.found[kind]
        named = joined_canonical(url, str(resource.get("version") or ""))
        there = known.setdefault(named, resource)
        if there is not resource:
            if dumps(there) != dumps(resource):
                self.left_out.append(f"{where}: {named} is there already with other content")
        elif kind == "SearchParameter":
            self.parameters.append(ParameterDefinition(where, resource, releases))

    def topic(self, loaded: LoadedTopic) -> None:
        there = self.topics.setdefault(loaded.topic.canonical, loaded)
        if there is loaded or Path(there.where).resolve() == Path(loaded.where).resolve():
            return
        complaint = f"{loaded.where}: {loaded.topic.canonical} is there already"
        if not loaded.of_package:
            raise DefinitionsError(complaint)
        if dumps(there.topic.source) != dumps(loaded.topic.source):
            self.left_out.append(f"{complaint} with other content ({there.where})")

    def result(self) -> Definitions:
        """Return it all, once nothing more comes."""
        for package in self.packages.values():
            for name, version in package.dependencies.items():
                if name not in self.packages and not name.startswith(_CORE):
                    self.left_out.append(
                        f"{package.name}#{package.version}: it depends on {name}#{version}, which "
                        "is not loaded; what needs it is refused"
                    )
        added, left_out = added_parameters(self.parameters)
        return Definitions(
            topics=tuple(self.topics.values()),
            value_sets=ValueSets(
                self.found["ValueSet"].values(), self.found["CodeSystem"].values()
            ),
            profiles=Profiles(self.found["StructureDefinition"].values()),
            added=added,
            left_out=(*self.left_out, *left_out),
        )


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_UNPACKED:
            raise DefinitionsError(f"{path}: larger than {MAX_UNPACKED // 1024**2} MiB")
        return path.read_bytes()
    except OSError as error:
        raise DefinitionsError(f"{path}: {error.strerror}") from None
