"""Documents against schemas: what is dropped, what is set, and what is said to be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from watchcache.api.custom.defaulting import set_defaults
from watchcache.api.custom.lists import check_lists
from watchcache.api.custom.pruning import DEEPEST, copied, drop_nulls, prune
from watchcache.api.custom.rules import check_rules, evaluate
from watchcache.api.custom.shape import check_schema
from watchcache.api.custom.structural import Node
from watchcache.api.custom.values import check

TEXT = {"type": "string"}
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def fields(**properties: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "value", "left", "dropped"),
    [
        (fields(a=TEXT), {"a": "1", "b": 2}, {"a": "1"}, ["b"]),
        (fields(a=OPEN), {"a": {"b": [{}]}}, {"a": {"b": [{}]}}, []),
        ({**OPEN, "properties": {"a": fields(b=TEXT)}}, {"a": {"c": 1}, "d": 1}, {"a": {}, "d": 1}, ["a.c"]),
        (fields(a={"type": "array", "items": fields(b=TEXT)}), {"a": [{"b": "x"}, {"c": 1}]}, {"a": [{"b": "x"}, {}]}, ["a[1].c"]),
        (fields(a={"type": "object", "additionalProperties": fields(b=TEXT)}), {"a": {"k": {"c": 1}}}, {"a": {"k": {}}}, ["a.k.c"]),
        (fields(a={"type": "object", "additionalProperties": True}), {"a": {"k": {"c": 1}}}, {"a": {"k": {"c": 1}}}, []),
        (fields(), {"kind": "K", "apiVersion": "v", "metadata": {"x": 1}, "z": 1}, {"kind": "K", "apiVersion": "v", "metadata": {"x": 1}}, ["z"]),
        (fields(e={**fields(), "x-kubernetes-embedded-resource": True}), {"e": {"kind": "K", "z": 1}}, {"e": {"kind": "K"}}, ["e.z"]),
        (fields(a=TEXT), {"a": {"not": "a text"}}, {"a": {}}, ["a.not"]),
    ],
)  # fmt: skip
def test_pruning(schema: dict[str, Any], value: Any, left: Any, dropped: list[str]):
    """What the schema does not have goes, and is named."""
    assert prune(value, Node(schema)) == dropped
    assert value == left


def test_nulls_that_may_not_be_are_absent():
    """Those that may be stay; in a list they are somebody else's business."""
    value = {"a": None, "n": None, "l": [None], "o": {"a": None}, "free": {"a": None}}
    schema = fields(
        a=TEXT, n={**TEXT, "nullable": True}, l={"type": "array", "items": TEXT}, o=fields(a=TEXT), free=OPEN
    )
    drop_nulls(value, Node(schema))
    assert value == {"n": None, "l": [None], "o": {}, "free": {"a": None}}


def test_defaults():
    """Outer before inner, in lists and maps, and not instead of a null that may be; what is set is nobody else's."""
    inner = fields(b={**TEXT, "default": "x"})
    schema = fields(
        a={**inner, "default": {}},
        n={**TEXT, "nullable": True, "default": "n"},
        l={"type": "array", "items": inner},
        m={"type": "object", "additionalProperties": inner},
        d={**OPEN, "default": {"k": []}},
    )
    first: dict[str, Any] = {"n": None, "l": [{}, {"b": "y"}], "m": {"k": {}}}
    set_defaults(first, Node(schema))
    assert first == {
        "a": {"b": "x"},
        "n": None,
        "l": [{"b": "x"}, {"b": "y"}],
        "m": {"k": {"b": "x"}},
        "d": {"k": []},
    }
    second: dict[str, Any] = {}
    node = Node(schema)
    set_defaults(second, node)
    second["d"]["k"].append(1)
    assert node.properties["d"].default == {"k": []}


def test_numbers_as_go_writes_them():
    """Whole ones without a fraction; those that no int64 holds with one."""
    found = copied({"a": [1.0, 1.5], "b": {"c": 2.0}, "d": 2**70, "e": True})
    assert found == {"a": [1, 1.5], "b": {"c": 2}, "d": float(2**70), "e": True}
    assert [type(each) for each in found["a"]] == [int, float]
    assert type(found["d"]) is float


MAP = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["k", "p"],
    "items": fields(k=TEXT, p={"type": "integer"}, v={**TEXT, "enum": ["ok"]}),
}


def test_what_did_not_change_is_not_judged_anew():
    """Ratcheting: in objects by name, in maps by key; in other lists everything is."""
    schema = fields(
        a={**TEXT, "maxLength": 1},
        b={**TEXT, "maxLength": 1},
        m=MAP,
        l={"type": "array", "items": {**TEXT, "maxLength": 1}},
    )
    old = {"a": "long", "b": "long", "m": [{"k": "x", "v": "bad"}], "l": ["long"]}
    new = {"a": "long", "b": "longer", "m": [{"k": "y"}, {"k": "x", "v": "bad"}], "l": ["long", "x"]}
    assert {cause.field for cause in check(new, schema, old=old)} == {"b", "l[0]"}
    assert {cause.field for cause in check(new, schema)} == {"a", "b", "m[1].v", "l[0]"}


def test_sets_and_maps():
    """Each repetition is told once, wherever the list is."""
    schema = fields(
        s={"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
        o={"type": "object", "additionalProperties": MAP},
    )
    value = {
        "s": ["a", "b", "a", "a"],
        "o": {"x": [{"k": "1", "p": 1}, {"k": "1", "p": 2}, {"p": 1, "k": "1"}]},
    }
    found = {(cause.field, cause.message) for cause in check_lists(value, Node(schema))}
    assert found == {("s[2]", 'Duplicate value: "a"'), ("o[x][2]", 'Duplicate value: {"k":"1","p":1}')}


def test_rules_speak_of_changes_only_where_there_was_something():
    """In maps an element's value before is found by its keys; what is as it was is not judged by other rules."""
    item = fields(
        k=TEXT,
        n={
            "type": "integer",
            "x-kubernetes-validations": [{"rule": "self >= oldSelf"}, {"rule": "self < 5"}],
        },
    )
    node = Node(fields(m={**MAP, "x-kubernetes-list-map-keys": ["k"], "items": item}))
    old = {"m": [{"k": "a", "n": 9}, {"k": "b", "n": 3}]}
    new = {"m": [{"k": "b", "n": 2}, {"k": "a", "n": 9}, {"k": "c", "n": 1}]}
    assert [(cause.field, cause.message) for cause in evaluate(new, old, node, [])] == [
        ("m[0].n", "Invalid value: 2: failed rule: self >= oldSelf")
    ]
    assert [cause.field for cause in evaluate(new, None, node, [])] == ["m[1].n"]


def test_a_message_of_its_own_falls_back():
    """An expression that fails, or says more than a line, gives way to the message."""
    rule = {"rule": "false", "message": "plain"}
    for text, said in (("'a' + string(self.n)", "a1"), ("string(self.gone)", "plain"), (r"'a\nb'", "plain")):
        node = Node(
            {
                **fields(n={"type": "integer"}),
                "x-kubernetes-validations": [{**rule, "messageExpression": text}],
            }
        )
        (cause,) = evaluate({"n": 1}, None, node, [])
        assert cause.message == f"Invalid value: {said}"


@pytest.mark.parametrize(
    "schema",
    [
        fields(a={"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
        fields(a={"x-kubernetes-int-or-string": True, "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"pattern": "a"}]}),
        fields(a={"x-kubernetes-preserve-unknown-fields": True}),
        fields(metadata={"type": "object", "properties": {"name": {**TEXT, "maxLength": 3}}}, kind=TEXT, apiVersion=TEXT),
        fields(a={**OPEN, "x-kubernetes-embedded-resource": True}),
        fields(a={**TEXT, "default": "x", "enum": ["x", "y"]}, b={**fields(c={**TEXT, "default": "d"}), "default": {}, "required": ["c"]}),
    ],
)  # fmt: skip
def test_schemas_that_are_fine(schema: dict[str, Any]):
    """What generators of definitions write."""
    assert list(check_schema(schema, "s", has_status=False)) == []


@pytest.mark.parametrize(
    ("rule", "unknown"),
    [
        ("self.z == 1", "z"),
        ("has(self.a) && has(self.o.q)", "q"),
        ("self.a == 'self.q' && self.a.size() > 1", ""),
        ("self.o.x > oldSelf.o.x && self.m.any == ''", ""),
        ("self.__namespace__ == '' && self.metadata.name != ''", ""),
        ("self.l.all(x, x.anything == 1)", ""),
    ],
)
def test_rules_name_fields_that_there_are(rule: str, unknown: str):
    """Paths from `self` are followed through the schema, as far as that knows."""
    schema = fields(
        a=TEXT,
        namespace=TEXT,
        o=fields(x={"type": "integer"}),
        m={"type": "object", "additionalProperties": TEXT},
        l={"type": "array", "items": TEXT},
    )
    found = list(check_rules({**schema, "x-kubernetes-validations": [{"rule": rule}]}, "s"))
    assert [f"undefined field '{unknown}'" in cause.message for cause in found] == ([True] if unknown else [])


def test_a_rule_that_goes_through_too_much_fails():
    """It neither runs on nor takes the request with it."""
    rule = {"rule": "self.all(x, self.all(y, x == y))"}
    node = Node({"type": "array", "items": {"type": "integer"}, "x-kubernetes-validations": [rule]})
    (cause,) = evaluate([1] * 1000, None, node, [])  # type: ignore[arg-type]
    assert "call cost exceeds limit for rule: self.all(x" in cause.message


def test_depth_is_bounded():
    """What would be too deep to be walked through is refused: of schemas, and of what nobody has a schema for."""
    deep: dict[str, Any] = {"type": "object"}
    value: Any = 1
    for _ in range(DEEPEST + 1):
        deep = fields(a=deep)
        value = {"a": value}
    (cause,) = check_schema(deep, "s", has_status=False)
    assert cause.message == "Forbidden: must not be nested in more than 150 levels"
    with pytest.raises(RecursionError):
        copied(value)
    assert list(check_schema(fields(a=fields(b=TEXT)), "s", has_status=False)) == []
