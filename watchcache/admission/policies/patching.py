"""What a mutation makes of a document: what it states is merged into it as an apply patch would be, or a JSON patch is carried out.

Source: k/k apiserver pkg/admission/plugin/policy/mutating/patch/{smd,json_patch}.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from watchcache.api.custom.initializers import WrongTypes, check_types, plain
from watchcache.api.fields import Misfit, Shape
from watchcache.api.fields.fitting import check
from watchcache.api.fields.merging import merge
from watchcache.api.patch import PatchError, PatchFailed, json_patch, parse_operations

Document = dict[str, Any]


class Unfit(Exception):
    """A mutation cannot be carried out; the text is kube-apiserver's."""


def applied(document: Document, stated: Any, shape: Shape) -> Document:
    """The document with what a mutation states of it. Raises Unfit."""
    if not isinstance(stated, dict):
        raise Unfit("type mismatch: ApplyConfiguration.expression should evaluate to Object")
    try:
        check_types(stated)
    except WrongTypes as problem:
        raise Unfit(f"type mismatch: {problem}") from None
    head = {"apiVersion": document.get("apiVersion"), "kind": document.get("kind")}
    config = {**plain(stated), **head}
    try:
        check(config, shape)
    except Misfit as problem:
        raise Unfit(
            f"error applying patch: failed to convert patch object to typed object: {problem}"
        ) from None
    atomics = list(_atomics(config, shape, ""))
    if atomics:
        text = f"may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
        raise Unfit(f"error applying patch: invalid ApplyConfiguration: {text}")
    try:
        merged: Document = merge(document, config, shape)
    except Misfit as problem:
        raise Unfit(f"error applying patch: failed to merge patch: {problem}") from None
    return merged


def _atomics(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(value, dict) and shape.is_map:
        if shape.atomic_map:
            yield path
        for name, item in value.items():
            if shape.named(name):
                member = shape.member(name)
                assert member is not None, name
                yield from _atomics(item, member, f"{path}.{name}")
    elif isinstance(value, list) and shape.is_list:
        if shape.atomic_list:
            yield path
        for index, item in enumerate(value):
            yield from _atomics(item, shape.item, f"{path}[{index}]")


def patched(document: Document, stated: Any) -> Document:
    """The document after a JSON patch; itself where a test of the patch does not hold. Raises Unfit."""
    if not isinstance(stated, list):
        raise Unfit("type mismatch: JSONPatchType.expression should evaluate to array")
    operations = []
    for each in stated:
        if not isinstance(each, dict):
            raise Unfit("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch")
        value = each.get("value")
        if isinstance(value, dict) and "\x00" in value:
            try:
                check_types(value, value["\x00"])
            except WrongTypes as problem:
                raise Unfit(f"type mismatch: {problem}") from None
        operations.append(plain(each))
    try:
        return json_patch(document, parse_operations(operations)[0])
    except PatchFailed as problem:
        if problem.reason.endswith("test failed"):
            return document
        raise Unfit(f"JSON Patch: {problem.reason}") from None
    except PatchError as problem:
        raise Unfit(f"JSON Patch: {problem}") from None
