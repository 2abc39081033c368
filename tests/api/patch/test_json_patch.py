"""JSON patch: its limits, and its steps against lists and objects of Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.patch import MalformedPatch, PatchFailed, TooManyOperations, json_patch, parse_operations

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.text(st.sampled_from("ab/~"), max_size=4)


def run(document, *steps):
    """The document after the steps."""
    return json_patch(document, parse_operations(list(steps))[0])


def escaped(key: str) -> str:
    """A key as a JSON pointer has it."""
    return key.replace("~", "~0").replace("/", "~1")


def test_ten_thousand_steps_are_allowed_and_no_more():
    """One step more is too large."""
    step = {"op": "test", "path": "/a", "value": 1}
    assert json_patch({"a": 1}, parse_operations([step] * 10_000)[0]) == {"a": 1}
    with pytest.raises(TooManyOperations, match="in a JSON patch is 10000, got 10001"):
        parse_operations([step] * 10_001)


def test_copies_are_limited_together():
    """A patch cannot blow a document up by copying it into itself."""
    document = {"a": "x" * 200_000}
    steps = [{"op": "copy", "from": "/a", "path": f"/a{n}"} for n in range(15)]
    assert len(run(document, *steps)) == 16
    with pytest.raises(PatchFailed):
        run(document, *steps, {"op": "copy", "from": "/a", "path": "/b"})


def test_doubling_copies_end_early():
    """Copying the whole into itself grows twofold each time and is stopped."""
    steps = [{"op": "copy", "from": "/a", "path": f"/a/k{n}"} for n in range(60)]
    with pytest.raises(PatchFailed):
        run({"a": {"x": "y"}}, *steps)


def test_unknown_fields_of_steps_are_named():
    """They are ignored, with a warning each."""
    _, warnings = parse_operations(
        [{"op": "test", "path": "/a", "bogus": 1}, {"op": "test", "path": "/b", "b": 1}]
    )
    assert warnings == ['json patch unknown field "[0].bogus"', 'json patch unknown field "[1].b"']


@pytest.mark.parametrize("patch", [{}, "x", 1, None, [1], [[]], [{"op": 1}], [{"op": "add", "path": []}]])
def test_what_is_no_patch(patch):
    """A body of another shape is malformed, not failed."""
    with pytest.raises(MalformedPatch, match=r"^error decoding patch: json: cannot unmarshal"):
        parse_operations(patch)


def test_a_failing_step_leaves_nothing_behind():
    """A patch applies whole or not at all."""
    document = {"a": [1]}
    with pytest.raises(PatchFailed):
        run(document, {"op": "add", "path": "/a/-", "value": 2}, {"op": "remove", "path": "/b"})
    assert document == {"a": [1]}


def test_values_are_not_shared_between_steps():
    """A value added twice is two values."""
    steps, _ = parse_operations(
        [
            {"op": "add", "path": "/a", "value": {"x": 1}},
            {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "add", "path": "/b/y", "value": 2},
        ]
    )
    assert json_patch({}, steps) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}
    assert json_patch({}, steps) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}


@given(st.dictionaries(KEYS, VALUES), KEYS, VALUES)
def test_add_then_test_then_remove(document, key, value):
    """What was added is found, and gone after it was removed; keys may hold any character."""
    path = f"/{escaped(key)}"
    steps = [{"op": "add", "path": path, "value": value}, {"op": "test", "path": path, "value": value}]
    assert run(document, *steps) == {**document, key: value}
    expected = {name: member for name, member in document.items() if name != key}
    assert run(document, *steps, {"op": "remove", "path": path}) == expected


@given(st.lists(VALUES, max_size=5), st.integers(-7, 7), VALUES)
def test_inserting_into_lists(items, index, value):
    """An index names a place as Python's insert does when -1 stands behind the last element; others fail."""
    step = {"op": "add", "path": f"/l/{index}", "value": value}
    if -len(items) - 1 <= index <= len(items):
        at = index if index >= 0 else index + len(items) + 1
        assert run({"l": items}, step)["l"] == [*items[:at], value, *items[at:]]
    else:
        with pytest.raises(PatchFailed):
            run({"l": items}, step)


@given(st.lists(VALUES, min_size=1, max_size=5), st.data())
def test_moving_within_a_list_keeps_its_elements(items, data):
    """An element that moves is taken out first, then put in."""
    source, target = (data.draw(st.integers(0, len(items) - 1)) for _ in range(2))
    moved = run({"l": items}, {"op": "move", "from": f"/l/{source}", "path": f"/l/{target}"})["l"]
    expected = list(items)
    expected.insert(target, expected.pop(source))
    assert moved == expected
