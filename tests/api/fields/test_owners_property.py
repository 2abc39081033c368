"""Documents of any shape, written by several managers in any order: what must hold of them and of their owners."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from watchcache.api.fields import Conflicts, FieldSet, Owner, Shape, Tracker
from watchcache.api.fields.comparison import compare, same
from watchcache.api.fields.merging import merge
from watchcache.api.fields.owned import fields_of
from watchcache.api.fields.ownership import Change
from watchcache.api.fields.removal import remove
from watchcache.api.schema import Schema

TEXT = {"type": "string"}
SCHEMA = Schema(
    {
        "type": "object",
        "properties": {
            "text": TEXT,
            "number": {"type": "integer"},
            "labels": {"type": "object", "additionalProperties": TEXT},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": TEXT},
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
            "list": {"type": "array", "items": TEXT},
            "items": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object",
                    "properties": {
                        "name": TEXT,
                        "text": TEXT,
                        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
                    },
                },
            },
            "inner": {
                "type": "object",
                "properties": {"text": TEXT, "list": {"type": "array", "items": TEXT}},
            },
        },
    }
)
SHAPE = Shape.of(SCHEMA)

WORDS = st.sampled_from(["a", "b", "c"])
SETS = st.lists(WORDS, min_size=1, max_size=3, unique=True)
ITEMS = st.lists(
    st.fixed_dictionaries({"name": WORDS}, optional={"text": WORDS, "set": SETS}),
    min_size=1,
    max_size=3,
    unique_by=lambda item: item["name"],
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "text": WORDS,
        "number": st.integers(0, 2),
        "labels": st.dictionaries(WORDS, WORDS, min_size=1, max_size=3),
        "whole": st.dictionaries(WORDS, WORDS, min_size=1, max_size=2),
        "set": SETS,
        "list": st.lists(WORDS, min_size=1, max_size=3),
        "items": ITEMS,
        "inner": st.fixed_dictionaries({"text": WORDS}, optional={"list": st.lists(WORDS, min_size=1)}),
    },
)
MANAGERS = st.sampled_from(["one", "two", "three"])


class OneVersion:
    """A kind that is served in one version."""

    def shape(self, version):
        return SHAPE if version == "v1" else None

    def convert(self, document, source, target):
        raise AssertionError(f"there is one version: {source}, {target}, {document}")


CHANGE = Change(OneVersion(), "v1", FieldSet())
EMPTIED = {("f:labels",), ("f:set",), ("f:items",), ("f:inner",)}
"""Who owns such a place by itself owns it also when an applier has taken away all that was in it, as in kube-apiserver."""
ONE = Owner.of("one", "Apply", "v1", "")


def applied(live, config, managed, manager):
    """A forced apply: the document, and the owners."""
    document, owners = CHANGE.apply(live, config, managed, Owner.of(manager, "Apply", "v1", ""), force=True)
    return (live if document is None else _decoded(document)), owners


def _decoded(document):
    """Without the nulls that are left of what was taken away: decoding into the kind's type drops them."""
    if isinstance(document, dict):
        return {name: _decoded(value) for name, value in document.items() if value is not None}
    return [_decoded(value) for value in document] if isinstance(document, list) else document


def places(document):
    """All that can be owned of a document: what differs from one with nothing in it, and what it states."""
    return compare({}, document, SHAPE).added.union(fields_of(document, SHAPE))


@given(DOCUMENTS, DOCUMENTS)
def test_merging(live, config):
    """What the patch states is there, what it does not state stays; twice is once; arguments stay as they are."""
    before = copy.deepcopy((live, config))
    merged = merge(live, config, SHAPE)
    assert not set(fields_of(config, SHAPE)) - set(fields_of(merged, SHAPE))
    assert same(merge(merged, config, SHAPE), merged)
    changed = compare(live, merged, SHAPE)
    assert not changed.removed
    assert not set(changed.modified) - set(fields_of(config, SHAPE))
    assert (live, config) == before


@given(DOCUMENTS, DOCUMENTS)
def test_comparing(one, other):
    """Nothing differs from itself; what one side has added the other has removed; nothing is said twice."""
    assert not compare(one, copy.deepcopy(one), SHAPE)
    forth, back = compare(one, other, SHAPE), compare(other, one, SHAPE)
    assert (forth.added, forth.removed, forth.modified) == (back.removed, back.added, back.modified)
    assert not set(forth.added) & set(forth.modified)
    assert not set(forth.added) & set(forth.removed)
    assert bool(forth) == (not _equal_but_order(one, other))


def _equal_but_order(one, other):
    """The order of items that are found by their elements is nobody's."""
    return same(_sorted(one), _sorted(other))


def _sorted(document):
    made = copy.deepcopy(document)
    for holder in (made, *made.get("items", [])):
        if "set" in holder:
            holder["set"].sort()
    if "items" in made:
        made["items"].sort(key=lambda item: item["name"])
    return made


@given(DOCUMENTS)
def test_removing_all_fields_leaves_nothing(document):
    """And removing none leaves all."""
    fields = fields_of(document, SHAPE).with_named(SHAPE)
    assert not remove(document, fields, SHAPE)
    assert remove(document, FieldSet(), SHAPE) == (document or None)


@given(DOCUMENTS, DOCUMENTS, MANAGERS)
def test_applying_twice_is_applying_once(live, config, manager):
    """The second changes neither the document nor the owners."""
    document, owners = applied(live, config, {}, manager)
    again, left = CHANGE.apply(document, config, owners, Owner.of(manager, "Apply", "v1", ""), force=False)
    assert again is None
    assert left == owners


@settings(max_examples=200)
@given(st.lists(st.tuples(MANAGERS, st.booleans(), DOCUMENTS), max_size=6), MANAGERS, DOCUMENTS)
def test_what_holds_after_any_writes(writes, manager, config):
    """Owners own what is there; an applier has what it stated; stating nothing takes away only what is its own alone."""
    document, managed = {}, {}
    for name, applies, wanted in writes:
        if applies:
            document, managed = applied(document, wanted, managed, name)
        else:
            managed = CHANGE.update(document, wanted, managed, Owner.of(name, "Update", "v1", ""))
            document = wanted
        everything = set(places(document)) | EMPTIED
        assert all(set(owned.fields) <= everything for owned in managed.values())

    owner = Owner.of(manager, "Apply", "v1", "")
    document, managed = applied(document, config, managed, manager)
    assert set(fields_of(config, SHAPE)) == set(managed[owner].fields if owner in managed else ())
    assert _equal_but_order(merge(document, config, SHAPE) or {}, document)

    others = FieldSet()
    for each, owned in managed.items():
        if each != owner:
            others = others.union(owned.fields)
    raw, left = CHANGE.apply(document, {}, managed, owner, force=True)
    emptied = document if raw is None else raw
    lost = compare(document, _decoded(emptied), SHAPE)
    assert owner not in left
    items = {path for path in lost.removed if path[-1].startswith("k:") and path not in others}
    for path in set(lost.removed) & set(others) & set(fields_of(document, SHAPE)):
        assert path[:2] in items  # an item that nobody else owns goes with what others have added to it
    stated = fields_of(config, SHAPE).with_named(SHAPE)
    assert set(lost.removed) <= {
        path[:length] for path in stated for length in range(1, len(path) + 1)
    } | _below(stated, lost.removed)
    for each, owned in left.items():
        assert owned.fields == managed[each].fields.difference(compare(document, emptied, SHAPE).removed)


def _below(stated, removed):
    """Paths within an item that went with it."""
    return {path for path in removed if any(path[:length] in set(stated) for length in range(1, len(path)))}


@given(DOCUMENTS, DOCUMENTS)
def test_an_update_owns_just_what_it_changes(first, second):
    """And what it changed nobody else owns."""
    one, two = (Owner.of(name, "Update", "v1", "") for name in ("one", "two"))
    managed = CHANGE.update({}, first, {}, one)
    managed = CHANGE.update(first, second, managed, two)
    changed = compare(first, second, SHAPE)
    assert set(managed[two].fields if two in managed else ()) == set(changed.changed)
    left = managed[one].fields if one in managed else FieldSet()
    assert not set(left) & (set(changed.changed) | set(changed.removed))
    assert (
        CHANGE.update(second, copy.deepcopy(second), managed, Owner.of("three", "Update", "v1", ""))
        == managed
    )


@given(DOCUMENTS, DOCUMENTS)
def test_a_conflict_is_what_force_would_take(first, second):
    """Without a conflict force makes no difference; with one the named fields change their owner."""
    document, managed = applied({}, first, {}, "one")
    forced = CHANGE.apply(document, second, managed, Owner.of("two", "Apply", "v1", ""), force=True)
    before, after = managed.get(ONE), forced[1].get(ONE)
    lost = set(before.fields if before else ()) - set(after.fields if after else ())
    refusal = None
    try:
        plain = CHANGE.apply(document, second, managed, Owner.of("two", "Apply", "v1", ""), force=False)
    except Conflicts as conflicts:
        refusal = conflicts
    if refusal is None:
        assert not lost
        assert plain == forced
    else:
        assert {each.path for each in refusal.conflicts} == lost
        assert str(refusal).startswith("Apply failed with ")


@given(st.lists(st.tuples(st.integers(0, 20), DOCUMENTS), max_size=30))
def test_an_object_has_ten_updaters_at_most(writes):
    """However many write; what the oldest own stays owned, by one entry for all of them."""
    tracker = Tracker(OneVersion(), "v1")
    live, entries = {"metadata": {}}, []
    for number, (manager, document) in enumerate(writes):
        now = f"2026-01-01T00:00:{number:02}Z"
        entries = tracker.updated(live, document, f"m{manager}", now, entries=entries, sent=None, track=True)
        live = document
        assert len(entries) <= 10
        assert len({(entry["manager"], entry["operation"]) for entry in entries}) == len(entries)
        owned = [path for entry in entries for path in FieldSet.from_json(entry["fieldsV1"])]
        assert set(owned) == set(places(document)) - {("f:metadata",)}
