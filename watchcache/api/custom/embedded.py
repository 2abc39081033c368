"""Resources within a custom resource (`x-kubernetes-embedded-resource`): their type and metadata are checked as those of a resource.

Source: apiextensions-apiserver pkg/apiserver/schema/objectmeta.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from watchcache.api import causes, names
from watchcache.api.custom.structural import Document, Node, below
from watchcache.api.meta import label_causes
from watchcache.api.schema import Schema
from watchcache.api.status import Cause
from watchcache.api.structure import TypeMismatch, conform


class Misshapen(Exception):
    """What says of what type a resource is, or its metadata, cannot be read; the text names the place."""


def resources_in(value: Any, node: Node, path: str = "") -> Iterator[tuple[str, Document]]:
    """The embedded resources with their paths, the document itself (path "") not among them."""
    if not node.embeds:
        return
    if isinstance(value, list):
        if node.items is not None:
            for index, item in enumerate(value):
                yield from _with_inner(item, node.items, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name in sorted(value):
            child = node.child(name)
            if child is not None:
                place = below(path, name)
                yield from _with_inner(value[name], child, place)


def _with_inner(value: Any, node: Node, path: str) -> Iterator[tuple[str, Document]]:
    if node.embedded and isinstance(value, dict):
        yield path, value
    yield from resources_in(value, node, path)


def settle(value: Document, node: Node, metadata: Schema) -> list[str]:
    """Give the metadata of embedded resources its form, in place; returns what was unknown in it. Raises Misshapen."""
    unknown = []
    for path, resource in resources_in(value, node):
        for name in ("apiVersion", "kind"):
            if not isinstance(resource.get(name, ""), str):
                raise Misshapen(
                    f"{path}.{name}: Invalid value: {causes.shown(resource[name])}: must be a string"
                )
        found = resource.get("metadata")
        if found is None:
            continue
        if not isinstance(found, dict):
            raise Misshapen(f"{path}.metadata: Invalid value: {causes.shown(found)}: must be an object")
        try:
            conformed = conform(found, metadata)
        except TypeMismatch as mismatch:
            raise Misshapen(f"{path}.metadata: {mismatch}") from None
        resource["metadata"] = conformed.document
        unknown += [problem.replace('"', f'"{path}.metadata.', 1) for problem in conformed.problems]
    return unknown


def check_embedded(value: Document, node: Node) -> Iterator[Cause]:
    """What is wrong with the types and metadata of embedded resources."""
    for path, resource in resources_in(value, node):
        for name in ("apiVersion", "kind"):
            if not resource.get(name):
                yield causes.required(f"{path}.{name}")
        metadata = resource.get("metadata") or {}
        if own := metadata.get("name"):
            yield from causes.each_invalid(f"{path}.metadata.name", own, names.path_segment(own))
        yield from label_causes(metadata.get("labels"), f"{path}.metadata.labels")
