"""Owners' fields brought to a schema in which lists and maps have become atomic since they were written.

Who owned anything within such a one owns it as a whole now. What became granular, and fields that the schema does not know, stay as
they are. Source: structured-merge-diff typed/reconcile_schema.go; measured on kube-apiserver 1.36.
"""

from __future__ import annotations

from watchcache.api.fields.sets import FieldSet
from watchcache.api.fields.shapes import Shape


def reconciled(owned: FieldSet, shape: Shape) -> FieldSet:
    """The set as the schema has it now."""
    children = {}
    members = owned.members
    changed = False
    for element, child in owned.children.items():
        inner = shape.below(element)
        if inner is not None and inner.atomic:
            members = members | {element}
            changed = True
        else:
            kept = children[element] = child if inner is None else reconciled(child, inner)
            changed |= kept is not child
    return FieldSet(members, children.items()) if changed else owned
