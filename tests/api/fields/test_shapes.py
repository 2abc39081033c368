"""Shapes as schemas state them, those of custom resources above all, and what does not fit them."""

from __future__ import annotations

import pytest

from watchcache.api.catalog import load_catalog
from watchcache.api.fields import FieldSet, Misfit, Shape
from watchcache.api.fields.comparison import compare
from watchcache.api.fields.fitting import check
from watchcache.api.fields.merging import merge
from watchcache.api.fields.owned import fields_of
from watchcache.api.fields.reconciling import reconciled
from watchcache.api.schema import Schema

TEXT = {"type": "string"}


def shape(**properties) -> Shape:
    """An object with these fields."""
    return Shape.of(Schema({"type": "object", "properties": properties}))


def built_in(group: str, version: str, kind: str) -> Shape:
    """A kind of Kubernetes."""
    schema = load_catalog().schema_of(group, version, kind)
    assert schema is not None
    return Shape.of(schema)


def paths(document, of: Shape) -> set[str]:
    """The fields of a document, as text without marks."""
    return {".".join(element[2:] for element in path) for path in fields_of(document, of)}


@pytest.mark.parametrize(
    ("node", "refused"),
    [
        ({"type": "object", "properties": {"a": TEXT}}, True),
        ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": False}, True),
        ({"type": "object", "additionalProperties": False}, True),
        ({"type": "object"}, False),
        ({"type": "object", "additionalProperties": True}, False),
        ({"type": "object", "properties": {"a": TEXT}, "x-kubernetes-preserve-unknown-fields": True}, False),
    ],
)
def test_fields_that_are_not_named(node, refused):
    """They are refused, unless the schema names none, allows any or preserves unknown ones."""
    if not refused:
        check({"z": {"y": [1]}}, Shape.of(Schema(node)))
        return
    with pytest.raises(Misfit, match=r"^\.z: field not declared in schema$"):
        check({"z": {"y": [1]}}, Shape.of(Schema(node)))


def test_preserving_holds_further_in():
    """Where unknown fields are preserved they are so below, too."""
    inner = {"type": "object", "properties": {"b": TEXT}}
    node = {"type": "object", "properties": {"a": inner}, "x-kubernetes-preserve-unknown-fields": True}
    check({"a": {"b": "x", "z": 1}}, Shape.of(Schema(node)))
    with pytest.raises(Misfit):
        check({"a": {"b": "x", "z": 1}}, shape(a=inner))


def test_what_has_no_schema_is_deduced():
    """Maps are granular and lists atomic."""
    free = shape(free={"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    assert paths({"free": {"a": {"b": 1}, "c": [{"d": 1}]}}, free) == {"free.a", "free.a.b", "free.c"}
    assert merge({"free": {"a": {"b": 1}}}, {"free": {"a": {"c": 2}}}, free) == {
        "free": {"a": {"b": 1, "c": 2}}
    }


def test_a_number_or_a_text():
    """Custom resources state such a place without a type."""
    either = shape(port={"x-kubernetes-int-or-string": True})
    assert paths({"port": 80}, either) == paths({"port": "http"}, either) == {"port"}
    assert set(compare({"port": 80}, {"port": "80"}, either).modified) == {("f:port",)}


def test_lists_of_built_in_kinds():
    """What only a patch strategy states is a map or a set, too; the others are atomic."""
    pod = built_in("", "v1", "Pod")
    document = {
        "metadata": {"finalizers": ["a"], "ownerReferences": [{"uid": "u", "name": "n"}]},
        "spec": {
            "containers": [{"name": "c", "ports": [{"containerPort": 80}], "command": ["x"]}],
            "tolerations": [{"key": "k"}],
        },
    }
    assert paths(document, pod) == {
        'metadata.finalizers."a"',
        'metadata.ownerReferences.{"uid":"u"}',
        'spec.containers.{"name":"c"}',
        'spec.containers.{"name":"c"}.name',
        'spec.containers.{"name":"c"}.command',
        'spec.containers.{"name":"c"}.ports.{"containerPort":80,"protocol":"TCP"}',
        'spec.containers.{"name":"c"}.ports.{"containerPort":80,"protocol":"TCP"}.containerPort',
        "spec.tolerations",
    }


def test_atomic_structs_of_built_in_kinds():
    """A selector is one value, however little of it changes."""
    deployment = built_in("apps", "v1", "Deployment")
    old = {"spec": {"selector": {"matchLabels": {"a": "b"}}}}
    new = {"spec": {"selector": {"matchLabels": {"a": "c"}}}}
    assert set(compare(old, new, deployment).modified) == {("f:spec", "f:selector")}


def test_items_that_are_there_twice():
    """A stored list may have them: together they are one field, and a patch replaces them."""
    ports = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"]}
    twice = shape(ports=ports | {"items": {"type": "object", "properties": {"n": TEXT, "v": TEXT}}})
    stored = {"ports": [{"n": "a", "v": "1"}, {"n": "a", "v": "2"}]}
    assert fields_of(stored, twice) == FieldSet.of(("f:ports", 'k:{"n":"a"}'))
    assert merge(stored, {"ports": [{"n": "a", "v": "3"}]}, twice) == {"ports": [{"n": "a", "v": "3"}]}
    changed = compare(stored, {"ports": [{"n": "a", "v": "1"}]}, twice)
    assert ("f:ports", 'k:{"n":"a"}') in changed.removed
    assert ("f:ports", 'k:{"n":"a"}', "f:v") in changed.added
    with pytest.raises(Misfit, match="duplicate entries for key"):
        check(stored, twice)


def test_what_became_atomic():
    """Who owned something within owns it as a whole; unknown fields stay."""
    selector = shape(selector={"type": "object", "x-kubernetes-map-type": "atomic"}, text=TEXT)
    owned = FieldSet.of(("f:selector", "f:a"), ("f:selector", "f:b", "f:c"), ("f:text",), ("f:bogus", "f:x"))
    assert reconciled(owned, selector) == FieldSet.of(("f:selector",), ("f:text",), ("f:bogus", "f:x"))
