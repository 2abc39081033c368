"""The catalog of kinds: what is served, where it is stored and which rules each kind follows.

Everything that needs to know about a kind (discovery, pruning, defaults, the registry, tables) reads a `Resource`; a new kind is a row.
The built-in rows come from `data/resources.json` (published facts, made by scripts/build_catalog.py) and `facts.py` (what is not
published). Rows of custom resources are added and removed while the server runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from watchcache.api import facts
from watchcache.api.schema import Definitions, Schema

if TYPE_CHECKING:
    from watchcache.api.custom.resources import Custom

DATA_FILES: Final = Path(__file__).parent / "data"


class GroupVersion(NamedTuple):
    """A group and one of its versions; the core group is ""."""

    group: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class Subresource(msgspec.Struct, frozen=True):
    """A path below an object: `pods/{name}/status`."""

    name: str
    kind: str
    verbs: frozenset[str]
    group: str = ""
    version: str = ""
    """Group and version of the documents it takes; "" both when they are the resource's own."""


class Column(msgspec.Struct, frozen=True):
    """A column of the kind's Table, as `columnDefinitions` states it (without its description)."""

    name: str
    type: str
    format: str
    priority: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Resource:
    """One served resource: a plural name in one version of a group. Compared by identity."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    schema: Schema
    namespaced: bool
    verbs: frozenset[str]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    storage_prefix: str = ""
    """Where objects lie, without slashes at its ends; "" for kinds that are not stored (reviews, bindings)."""
    storage: GroupVersion
    """The group and version that objects are kept in; differs from the served one for events and autoscaling."""
    storage_version_hash: str = ""
    field_labels: tuple[str, ...] = ()
    """What field selectors may name beyond metadata.name and metadata.namespace, in this version's spelling."""
    field_aliases: Mapping[str, str] = field(default_factory=dict)
    selects_namespace: bool = True
    field_label_error: str = facts.FieldLabels().error
    manages_generation: bool = True
    unconditional_update: bool = False
    create_on_update: bool = False
    returns_object_on_delete: bool = False
    name_rule: str = "subdomain"
    """Which names objects may have: a key of `names.RULES`."""
    listed_as: str = ""
    """Kind of the list document where it is not `KindList`."""
    builtin: bool = False
    custom: Custom | None = None
    """What the definition of a custom resource says; None for built-in kinds."""

    @cached_property
    def group_version(self) -> GroupVersion:
        """Group and version, printed as apiVersion."""
        return GroupVersion(self.group, self.version)

    @cached_property
    def api_version(self) -> str:
        """What `apiVersion` says in documents: `v1`, `apps/v1`."""
        return str(self.group_version)

    @cached_property
    def group_resource(self) -> str:
        """The plural with its group, as messages have it: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @cached_property
    def list_kind(self) -> str:
        """Kind of the list document: `PodList`."""
        return self.listed_as or f"{self.kind}List"

    @cached_property
    def head(self) -> bytes:
        """The bytes that turn a stored value into a document when put in the place of its first brace."""
        kind, api_version = (msgspec.json.encode(text) for text in (self.kind, self.api_version))
        return b'{"kind":%b,"apiVersion":%b,' % (kind, api_version)

    @property
    def has_status(self) -> bool:
        """Whether the status is written through its own path."""
        return "status" in self.subresources

    @property
    def stored(self) -> bool:
        """Whether objects of it are kept."""
        return bool(self.storage_prefix)

    @cached_property
    def is_storage_version(self) -> bool:
        """Whether objects are kept in just this group and version."""
        return self.stored and self.group_version == self.storage

    @cached_property
    def converted(self) -> bool:
        """Whether a webhook makes its objects of what is kept."""
        return self.custom is not None and self.custom.converts

    @cached_property
    def cached_as(self) -> str:
        """Names the cache of its objects: all versions share one, but for those that a webhook makes."""
        return f"{self.storage_prefix}@{self.version}" if self.converted else self.storage_prefix

    @cached_property
    def verbatim(self) -> bool:
        """Whether stored values are answered as they are, without being decoded."""
        return self.is_storage_version and (
            self.custom is None or not (self.custom.reshapes or self.converted)
        )


class Group(msgspec.Struct, frozen=True):
    """A group and its served versions, the preferred one first."""

    name: str
    versions: tuple[str, ...]


class Catalog:
    """All served resources, in the order of discovery."""

    def __init__(self, groups: tuple[Group, ...] = (), definitions: Definitions | None = None) -> None:
        """`groups` fixes order and preferred versions of the built-in groups; others come after them as they are added."""
        self.definitions = definitions or Definitions({})
        self._groups = {group.name: group.versions for group in groups}
        self._first = tuple(self._groups)
        self._by_plural: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str, str], Resource] = {}

    def add(self, resource: Resource) -> None:
        """Serve a resource; it takes the place of one of the same group, version and plural."""
        self._by_plural[resource.group, resource.version, resource.plural] = resource
        self._by_kind[resource.group, resource.version, resource.kind] = resource
        versions = self._groups.get(resource.group, ())
        if resource.version not in versions:
            self._groups[resource.group] = tuple(sorted((*versions, resource.version), key=version_order))
        if not resource.builtin and not versions:
            self._sort_groups()

    def _sort_groups(self) -> None:
        """Groups that definitions added come last, by name."""
        added = sorted(name for name in self._groups if name not in self._first)
        self._groups = {
            name: self._groups[name]
            for name in (*(name for name in self._first if name in self._groups), *added)
        }

    def remove(self, resource: Resource) -> None:
        """Serve it no more; the version and group go with their last resource."""
        del self._by_plural[resource.group, resource.version, resource.plural]
        del self._by_kind[resource.group, resource.version, resource.kind]
        left = {other.version for other in self._by_plural.values() if other.group == resource.group}
        self._groups[resource.group] = tuple(v for v in self._groups[resource.group] if v in left)
        if not left:
            del self._groups[resource.group]

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource that a path names."""
        return self._by_plural.get((group, version, plural))

    def of_kind(self, group: str, version: str, kind: str) -> Resource | None:
        """The resource whose documents have that apiVersion and kind."""
        return self._by_kind.get((group, version, kind))

    def groups(self) -> list[Group]:
        """Groups with their versions, the preferred version first; the core group is first and named ""."""
        return [Group(name, versions) for name, versions in self._groups.items()]

    def versions(self, group: str) -> tuple[str, ...]:
        """The served versions of a group, the preferred one first; () for a group that is not served."""
        return self._groups.get(group, ())

    def resources(self) -> Iterator[Resource]:
        """Every served resource, each version by itself."""
        return iter(self._by_plural.values())

    def stored(self) -> Iterator[Resource]:
        """One resource for each storage prefix: the one in whose version objects are kept."""
        return (
            resource
            for resource in self._by_plural.values()
            if resource.is_storage_version and (resource.custom is None or resource.custom.leads)
        )

    def storage_of(self, resource: Resource) -> Resource:
        """The resource in whose version objects of this one are kept; KeyError when it is not stored."""
        return self._by_kind[resource.storage.group, resource.storage.version, resource.kind]

    def schema_of(self, group: str, version: str, kind: str) -> Schema | None:
        """Schema of a kind that may have no resource of its own, as the Scale and TokenRequest of subresources."""
        resource = self.of_kind(group, version, kind)
        if resource is not None:
            return resource.schema
        name = _published().kinds.get(f"{GroupVersion(group, version)}/{kind}")
        return self.definitions.find(name) if name is not None and name in self.definitions else None


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sort key of versions, best first: stable before beta before alpha, higher numbers first, other words last by name.

    Source: apimachinery/pkg/version.CompareKubeAwareVersionStrings.
    """
    major, stability, minor = _split_version(version)
    if stability < 0:
        return (3, 0, 0, version)
    return (stability, -major, -minor, version)


def _split_version(version: str) -> tuple[int, int, int]:
    for rank, word in enumerate(("", "beta", "alpha")):
        major, found, minor = version.removeprefix("v").partition(word) if word else (version[1:], "", "")
        numbers = (major, minor) if found else (major,)
        if (
            version.startswith("v")
            and (found or not word)
            and all(n.isascii() and n.isdigit() for n in numbers)
        ):
            return int(major), rank, int(minor or 0)
    return 0, -1, 0


class _Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A resource as `data/resources.json` has it."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: frozenset[str]
    schema: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    columns: tuple[Column, ...] = ()
    storage_version_hash: str = ""


class _Published(msgspec.Struct, frozen=True):
    """`data/resources.json`: groups and resources in discovery's order, and the definition of each kind (`apps/v1/Deployment`)."""

    groups: tuple[Group, ...]
    resources: tuple[_Row, ...]
    kinds: dict[str, str]


@cache
def _published() -> _Published:
    return msgspec.json.decode((DATA_FILES / "resources.json").read_bytes(), type=_Published)


def load_catalog() -> Catalog:
    """A catalog of the built-in kinds, of the caller's own: rows may be added to it."""
    published = _published()
    definitions = Definitions.from_json((DATA_FILES / "schemas.json").read_bytes())
    catalog = Catalog(published.groups, definitions)
    for row in published.resources:
        catalog.add(_builtin(row, definitions.find(row.schema)))
    return catalog


def _builtin(row: _Row, schema: Schema) -> Resource:
    name = (row.group, row.plural)
    stored = not row.verbs.isdisjoint({"watch", "delete"})
    labels = facts.FIELD_LABELS.get(name, facts.UNCONVERTED)
    return Resource(
        group=row.group,
        version=row.version,
        kind=row.kind,
        plural=row.plural,
        singular=row.singular,
        schema=schema,
        namespaced=row.namespaced,
        verbs=row.verbs,
        short_names=row.short_names,
        categories=row.categories,
        subresources={subresource.name: subresource for subresource in row.subresources},
        columns=row.columns,
        storage_prefix=facts.STORAGE_PREFIXES.get(name, row.plural) if stored else "",
        storage=GroupVersion(*facts.STORAGE_VERSIONS.get(name, (row.group, row.version))),
        storage_version_hash=row.storage_version_hash,
        field_labels=labels.fields,
        field_aliases=facts.FIELD_ALIASES.get(name, {}),
        selects_namespace=labels.namespace,
        field_label_error=labels.error,
        manages_generation=name in facts.GENERATIONS,
        unconditional_update=name not in facts.CONDITIONAL_UPDATES,
        create_on_update=name in facts.CREATED_BY_UPDATE,
        returns_object_on_delete=name in facts.RETURNED_WHEN_DELETED,
        name_rule=facts.NAME_RULES.get(name, "subdomain"),
        builtin=True,
    )
