"""Sets of fields against sets of paths, and the elements that paths are made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.fields import FieldSet
from watchcache.api.fields.elements import MalformedElement, canonical, key, order_of, shown, value

ELEMENTS = ["f:a", "f:b", 'k:{"name":"x"}', 'k:{"name":"y"}', "v:1", 'v:"1"', "i:0"]
PATHS = st.sets(st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=4).map(tuple), max_size=8)


def below(path, members):
    """Whether a path is below one of the members."""
    return any(path[:length] in members for length in range(1, len(path)))


@given(PATHS, PATHS)
def test_the_algebra_is_that_of_sets_of_paths(one, other):
    """Union, intersection and difference; `without` takes what is below a member, too; arguments stay as they are."""
    first, second = FieldSet.of(*one), FieldSet.of(*other)
    assert set(first.union(second)) == one | other
    assert set(first.intersection(second)) == one & other
    assert set(first.difference(second)) == one - other
    assert set(first.without(second)) == {
        path for path in one if path not in other and not below(path, other)
    }
    assert (set(first), set(second)) == (one, other)


@given(PATHS)
def test_as_json_and_back(paths):
    """FieldsV1 says the same set; each path is in it, and no other."""
    made = FieldSet.of(*paths)
    assert FieldSet.from_json(made.document()) == made
    assert all(path in made for path in paths)
    assert all((*path, "f:z") not in made for path in paths)
    assert bool(made) == bool(paths)


@given(PATHS, PATHS)
def test_no_empty_parts_are_left(one, other):
    """Sets with the same paths are equal, however they came about."""
    left = FieldSet.of(*one).difference(FieldSet.of(*other))
    assert left == FieldSet.of(*(one - other))


@given(PATHS)
def test_members_of_a_place_stand_in_their_order(paths):
    """Fields, keys, values, indexes; within FieldsV1 as in a walk."""
    document = FieldSet.of(*paths).document()
    assert list(document) == sorted(document, key=order_of)


def test_elements_are_read_into_one_form():
    """However a number or a key is written, it is the same element; what is of no known kind is nothing."""
    assert value(80.0) == value(80) == "v:80"
    assert key({"b": 1, "a": "x"}) == 'k:{"a":"x","b":1}'
    assert canonical('k:{ "b": 1, "a": "x" }') == 'k:{"a":"x","b":1}'
    assert canonical("q:x") is None
    assert set(FieldSet.from_json({"q:x": {}, "f:a": {"q:y": {}}})) == {("f:a",)}


@pytest.mark.parametrize("document", [{"k:x": {}}, {"k:[]": {}}, {"v:": {}}, {"i:x": {}}, {"f:a": 1}, []])
def test_what_is_no_set(document):
    """Elements that begin like one and are none, and what is no object."""
    with pytest.raises(MalformedElement):
        FieldSet.from_json(document)


def test_how_messages_show_a_path():
    """As kube-apiserver prints it."""
    path = ("f:spec", 'k:{"containerPort":53,"protocol":"UDP"}', 'v:"x"', "i:2", "v:true", "v:null")
    assert shown(path) == '.spec[containerPort=53,protocol="UDP"][="x"][2][=true][=null]'


def test_values_of_all_kinds_have_an_order():
    """Numbers, texts, booleans, lists, objects, null."""
    texts = ["v:1", "v:2.5", 'v:"a"', "v:false", "v:true", "v:[1]", 'v:{"a":1}', "v:null"]
    assert sorted((texts[place] for place in (5, 0, 7, 3, 1, 6, 2, 4)), key=order_of) == texts
