"""Selections: what they cover, and what a change is to them (W15)."""

import pytest

from watchcache.cacher import Entry, EventType, Selection

from .scene import FIELDS, HasLabel


def entry(key: str = "pods/a/x", label: str = "", node: str = "n1") -> Entry:
    """Make an entry of a pod."""
    return Entry(key, 1, b"{}", {"app": label}, (node, ""))


@pytest.mark.parametrize(
    ("selection", "key", "covered"),
    [
        (Selection(), "pods/a/x", True),
        (Selection(prefix="a/"), "pods/a/x", True),
        (Selection(prefix="a/"), "pods/a-b/x", False),
        (Selection(name="a/x"), "pods/a/x", True),
        (Selection(name="a/x"), "pods/a/xy", False),
        (Selection(prefix="b/", name="a/x"), "pods/a/x", False),
        (Selection(index=("node", "n1")), "pods/a/x", True),
        (Selection(index=("node", "n2")), "pods/a/x", False),
        (Selection(predicate=HasLabel("app", "web")), "pods/a/x", False),
    ],
)
def test_every_part_of_a_selection_must_hold(selection: Selection, key: str, covered: bool) -> None:
    """Prefix, name, index and predicate narrow what is covered."""
    assert selection.bind("pods/", FIELDS).matches(entry(key)) is covered


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, "web", EventType.ADDED),
        (None, "db", None),
        ("db", "web", EventType.ADDED),
        ("web", "web", EventType.MODIFIED),
        ("web", "db", EventType.DELETED),
        ("db", "db", None),
        ("web", None, EventType.DELETED),
        ("db", None, None),
    ],
)
def test_a_change_is_what_it_is_to_the_selection(before, after, expected) -> None:
    """An object that crosses a selector is added or deleted for its watchers."""
    scope = Selection(predicate=HasLabel("app", "web")).bind("pods/", FIELDS)
    states = [None if label is None else entry(label=label) for label in (before, after)]
    assert scope.crossing(*states) is expected


def test_equal_selections_are_one_group() -> None:
    """Scopes of equal selections are equal and hash alike."""
    one, two = (Selection("a/", predicate=HasLabel("app", "web")).bind("pods/", FIELDS) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
