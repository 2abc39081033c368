"""From a CustomResourceDefinition to what is served: one `Resource` for each served version.

All versions are kept alike: conversion changes the apiVersion only, which stored values do not have. So each version is its own storage version, and the
one that is kept leads, where it is served: it stands for all where one is wanted for each storage prefix. Where a definition names a conversion webhook, what is
kept is of the storage version, and the others are what the webhook makes of it (`converts`).

Source: apiextensions-apiserver pkg/apiserver/customresource_{handler,discovery_controller}.go.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec

from watchcache.api.catalog import Catalog, GroupVersion, Resource, Subresource, version_order
from watchcache.api.codec import revision_of, stamp, value_of
from watchcache.api.custom.defaulting import set_defaults
from watchcache.api.custom.pruning import drop_nulls, prune
from watchcache.api.custom.structural import Document, Node, storage_version
from watchcache.api.facts import CRDS
from watchcache.api.schema import Definitions, Schema

_VERBS: Final = frozenset({"delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"})
VERBS_WHILE_ENDING: Final = frozenset({"delete", "deletecollection", "get", "list", "watch"})
"""What discovery names while the definition is being deleted; changes are taken, too, so that finalizers can go."""
_PART_VERBS: Final = frozenset({"get", "patch", "update"})
OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_CONVENTIONS: Final = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_API_VERSION: Final = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal "
    "value, and may reject unrecognized values."
)
_KIND: Final = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits "
    "requests to. Cannot be updated. In CamelCase."
)
_MARK: Final = re.compile(rb',"apiVersion":"([^"\\]+)"\}\Z')
"""At the end of a value; no document has a member of that name, and within a text the quotes are escaped."""
_NO_SCHEMA: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

Printer = Callable[[Document, float], list[Any]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Custom:
    """What the definition says of one of its versions."""

    definition: str
    """The definition's name."""
    raw_schema: Document
    raw_stored_schema: Document
    """The schema of the version that objects are kept in: what is written in another version gets its shape, too."""
    scale: Document | None
    added_columns: tuple[Document, ...]
    storage_version: str
    storage_head: bytes
    """What stands before a value in the version that it is kept in."""
    leads: bool
    ending: bool
    """Whether the definition is being deleted: nothing new is taken."""
    conversion: Document | None
    """The webhook that converts between versions, as the definition has it; None: versions differ in their name only."""
    converts: bool
    """Whether what is kept has to be converted to be of this version."""
    mixed: bool
    """Whether what is kept may be of other versions than `storage_version`: values then say theirs, unless it is `first_stored`."""
    first_stored: str
    deprecation: str | None
    reshapes: bool
    """Whether values that were written up to revision `since` may be of another shape."""
    since: int

    def reshaped(self, value: bytes) -> bytes:
        """A stored value with what the schema has come to say since it was written."""
        if not self.reshapes or revision_of(value) > self.since:
            return value
        document = msgspec.json.decode(value)
        shaped = msgspec.json.decode(value)
        self.shape_stored(shaped)
        return value if shaped == document else stamp(value_of(shaped), revision_of(value))

    def version_of(self, value: bytes) -> str:
        """The version that a stored value is of."""
        found = _MARK.search(value) if self.mixed else None
        if found is not None:
            return found[1].decode().rpartition("/")[2]
        return self.first_stored

    def complete(self, document: Document) -> None:
        """Drop the nulls that may not be and set the defaults, in place; fields are sorted, as Go keeps what has no type."""
        drop_nulls(document, self.schema)
        set_defaults(document, self.schema)
        if self.stored_schema is not self.schema and self.conversion is None:
            self.shape_stored(document)
        for name in sorted(document.keys() - {"metadata"}):
            document[name] = _sorted(document.pop(name))

    def shape(self, document: Document) -> None:
        """Take what this version does not have out of a document that somebody has converted, in place; there are no defaults for it."""
        prune(document, self.schema)

    def shape_stored(self, document: Document) -> None:
        """Give a document the shape of the version that it is kept in, in place and without a word."""
        prune(document, self.stored_schema)
        drop_nulls(document, self.stored_schema)
        set_defaults(document, self.stored_schema)

    @cached_property
    def stored_schema(self) -> Node:
        """The same of the version that objects are kept in."""
        return self.schema if self.raw_stored_schema is self.raw_schema else Node(self.raw_stored_schema)

    @cached_property
    def schema(self) -> Node:
        """The schema, compiled when the first instance is written: a definition may be of thousands of lines."""
        return Node(self.raw_schema)

    @cached_property
    def column_definitions(self) -> list[dict[str, Any]]:
        """The columns behind the name."""
        from watchcache.api.custom.columns import definitions  # noqa: PLC0415 - when a table is first asked for

        return definitions(self.added_columns)

    @cached_property
    def printer(self) -> Printer:
        """Makes the cells of a row."""
        from watchcache.api.custom.columns import cells  # noqa: PLC0415 - as above

        return cells(self.added_columns)


def marked(value: bytes, api_version: str) -> bytes:
    """A stored value that says which version it is of."""
    return b'%b,"apiVersion":%b}' % (value[:-1], msgspec.json.encode(api_version))


def unmarked(value: bytes) -> tuple[bytes, bytes]:
    """A stored value as all others are, and the apiVersion that it says, as JSON; b"" for none."""
    found = _MARK.search(value)
    return (value, b"") if found is None else (value[: found.start()] + b"}", b'"%b"' % found[1])


def definitions_of(catalog: Catalog) -> Resource:
    """The resource of definitions."""
    resource = catalog.find(CRDS[0], "v1", CRDS[1])
    assert resource is not None, "the catalog has definitions"
    return resource


def resources_of(
    definition: Document,
    revision: int,
    definitions: Definitions,
    *,
    all_versions: bool = False,
    marks: bool = False,
) -> list[Resource]:
    """What a definition serves: nothing until its names are accepted and it is established.

    `revision`: that of the definition since it has had its present spec. `definitions` has the schema of ObjectMeta. `all_versions`: those that
    are not served, too. `marks`: stored values may say their version.
    """
    if not holds(definition, "Established"):
        return []
    spec, conditions = definition["spec"], definition.get("status") or {}
    kept = storage_version(definition)
    served = [version for version in spec["versions"] if all_versions or version.get("served")]
    leader = next((version for version in served if version["name"] == kept), served[0] if served else None)
    return [
        _resource(
            definition,
            conditions["acceptedNames"],
            version,
            kept,
            leads=version is leader,
            marks=marks,
            revision=revision,
            definitions=definitions,
        )
        for version in served
    ]


def holds(definition: Document, condition: str) -> bool:
    """Whether a condition of a definition is true."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


def _resource(
    definition: Document,
    accepted: Document,
    version: Document,
    kept: str,
    *,
    leads: bool,
    marks: bool,
    revision: int,
    definitions: Definitions,
) -> Resource:
    spec = definition["spec"]
    group, name, kind = spec["group"], version["name"], accepted["kind"]
    schema = _schema_of(version)
    stored = next((_schema_of(each) for each in spec["versions"] if each["name"] == kept), schema)
    conversion = spec.get("conversion") or {}
    webhook = conversion.get("webhook") if conversion.get("strategy") == "Webhook" else None
    ever = (definition.get("status") or {}).get("storedVersions") or [kept]
    mixed = marks and webhook is not None and len(ever) > 1
    ending = holds(definition, "Terminating") or bool(definition["metadata"].get("deletionTimestamp"))
    parts = version.get("subresources") or {}
    api_version = msgspec.json.encode(f"{group}/{kept}")
    custom = Custom(
        definition=definition["metadata"]["name"],
        raw_schema=schema,
        raw_stored_schema=stored,
        scale=parts.get("scale"),
        added_columns=tuple(version.get("additionalPrinterColumns") or ()),
        storage_version=kept,
        storage_head=b'{"apiVersion":%b,"kind":%b,' % (api_version, msgspec.json.encode(kind)),
        leads=leads,
        ending=ending,
        conversion=webhook,
        converts=webhook is not None and (name != kept or mixed),
        mixed=mixed,
        first_stored=ever[0] if mixed else kept,
        deprecation=_deprecation(version, spec, kind),
        reshapes=definition["metadata"].get("generation", 1) > 1,
        since=revision,
    )
    return Resource(
        group=group,
        version=name,
        kind=kind,
        plural=accepted["plural"],
        singular=accepted.get("singular") or "",
        schema=Schema(_complete(schema), definitions),
        namespaced=spec["scope"] == "Namespaced",
        verbs=_VERBS,
        short_names=tuple(accepted.get("shortNames") or ()),
        categories=tuple(accepted.get("categories") or ()),
        subresources=_subresources(parts, kind),
        storage_prefix=f"{group}/{accepted['plural']}",
        storage=GroupVersion(group, name),
        storage_version_hash=_hash(f"{group}/{kept}/{kind}"),
        field_labels=tuple(each["jsonPath"].lstrip(".") for each in version.get("selectableFields") or ()),
        custom=custom,
        listed_as=accepted.get("listKind") or "",
    )


def _sorted(value: Any) -> Any:
    if type(value) is dict:
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if type(value) is list else value


def _schema_of(version: Document) -> Document:
    found: Document = (version.get("schema") or {}).get("openAPIV3Schema") or _NO_SCHEMA
    return found


def _complete(schema: Document) -> Document:
    """A schema with what every object has, and what `kubectl explain` says of it."""
    metadata = {"allOf": [{"$ref": f"#/components/schemas/{OBJECT_META}"}]}
    own = {
        "apiVersion": {
            "type": "string",
            "description": f"{_API_VERSION} More info: {_CONVENTIONS}#resources",
        },
        "kind": {"type": "string", "description": f"{_KIND} More info: {_CONVENTIONS}#types-kinds"},
        "metadata": {
            **metadata,
            "description": f"Standard object's metadata. More info: {_CONVENTIONS}#metadata",
        },
    }
    return {**schema, "type": "object", "properties": {**(schema.get("properties") or {}), **own}}


def _deprecation(version: Document, spec: Document, kind: str) -> str | None:
    """The warning of a deprecated version: its own, or one that names the best version that is not deprecated, if it is a better one."""
    if not version.get("deprecated"):
        return None
    if version.get("deprecationWarning"):
        return str(version["deprecationWarning"])
    text = f"{spec['group']}/{version['name']} {kind} is deprecated"
    names = [each["name"] for each in spec["versions"] if each.get("served") and not each.get("deprecated")]
    best = min(names, key=version_order, default="")
    if best and version_order(best) < version_order(version["name"]):
        text += f"; use {spec['group']}/{best} {kind}"
    return text


def _subresources(parts: Document, kind: str) -> dict[str, Subresource]:
    found = {}
    if "status" in parts:
        found["status"] = Subresource("status", kind, _PART_VERBS)
    if "scale" in parts:
        found["scale"] = Subresource("scale", "Scale", _PART_VERBS, "autoscaling", "v1")
    return found


def _hash(text: str) -> str:
    """By which clients see that the storage version has changed."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()
