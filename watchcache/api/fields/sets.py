"""A set of fields: a tree of elements, in which each place may be a member, have members below it, or both.

The rules that hold:

- A set is never changed once others can see it; only `insert`, while it is being made, changes it.
- No child is empty, so that two sets with the same members are equal.
- `difference` takes away members only; `without` takes away what is below them as well.

Its JSON is FieldsV1: `{"f:data":{".":{},"f:a":{}}}` holds `data` and `data.a`. Source: structured-merge-diff
fieldpath/{set,serialize}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from watchcache.api.fields.elements import SELF, MalformedElement, canonical, order_of

if TYPE_CHECKING:
    from watchcache.api.fields.shapes import Shape

Path = tuple[str, ...]


class FieldSet:
    """Paths, each a tuple of elements. The empty path is never in a set."""

    __slots__ = ("children", "members")

    def __init__(self, members: Iterable[str] = (), children: Iterable[tuple[str, FieldSet]] = ()) -> None:
        """`members` are elements of the first level; what is below them comes as `children`, of which empty ones are left out."""
        self.members = set(members)
        self.children = {element: child for element, child in children if child}

    @classmethod
    def of(cls, *paths: Path) -> FieldSet:
        """The set of some paths."""
        made = cls()
        for path in paths:
            made.insert(path)
        return made

    @classmethod
    def from_json(cls, document: Any) -> FieldSet:
        """The set that FieldsV1 says. Raises MalformedElement; elements of unknown kinds are dropped."""
        return _read(document)[0]

    def __bool__(self) -> bool:
        return bool(self.members or self.children)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FieldSet) and self.members == other.members and self.children == other.children
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"FieldSet({self.document()})"

    def __contains__(self, path: Path) -> bool:
        node = self
        for element in path[:-1]:
            child = node.children.get(element)
            if child is None:
                return False
            node = child
        return bool(path) and path[-1] in node.members

    def __iter__(self) -> Iterator[Path]:
        """All paths: the members of a place in their order, then what is below them."""
        return self._walk(())

    def _walk(self, outer: Path) -> Iterator[Path]:
        for element in sorted(self.members, key=order_of):
            yield (*outer, element)
        for element in sorted(self.children, key=order_of):
            yield from self.children[element]._walk((*outer, element))

    def insert(self, path: Path) -> None:
        """Add a path to a set that is being made; the empty one is left out."""
        if not path:
            return
        node = self
        for element in path[:-1]:
            child = node.children.get(element)
            if child is None:
                child = node.children[element] = FieldSet()
            node = child
        node.members.add(path[-1])

    def union(self, other: FieldSet) -> FieldSet:
        """What is in either."""
        if not other:
            return self
        children = dict(self.children)
        for element, child in other.children.items():
            own = children.get(element)
            children[element] = child if own is None else own.union(child)
        return FieldSet(self.members | other.members, children.items())

    def intersection(self, other: FieldSet) -> FieldSet:
        """What is in both."""
        if not other:
            return other
        shared = self.children.keys() & other.children.keys()
        return FieldSet(
            self.members & other.members,
            ((element, self.children[element].intersection(other.children[element])) for element in shared),
        )

    def difference(self, other: FieldSet) -> FieldSet:
        """What is not in the other. Members below one of its members stay."""
        if not other:
            return self
        return FieldSet(
            self.members - other.members,
            (
                (element, child.difference(other.children[element]) if element in other.children else child)
                for element, child in self.children.items()
            ),
        )

    def without(self, other: FieldSet) -> FieldSet:
        """What is neither in the other nor below one of its members."""
        if not other:
            return self
        return FieldSet(
            self.members - other.members,
            (
                (element, child.without(other.children[element]) if element in other.children else child)
                for element, child in self.children.items()
                if element not in other.members
            ),
        )

    def with_named(self, shape: Shape | None) -> FieldSet:
        """The set with the fields that a struct names as members, where only something below them is: `spec` of `spec.replicas`."""
        named = set(self.members)
        children = []
        for element, child in self.children.items():
            if shape is not None and shape.names(element):
                named.add(element)
            inner = None if shape is None else shape.below(element)
            children.append((element, child.with_named(inner)))
        return FieldSet(named, children)

    def document(self) -> dict[str, Any]:
        """The set as FieldsV1, elements in their order."""
        children = self.children
        return {
            element: children[element]._within(element in self.members) if element in children else {}
            for element in sorted(self.members | children.keys(), key=order_of)
        }

    def _within(self, itself: bool) -> dict[str, Any]:
        return {SELF: {}, **self.document()} if itself else self.document()


def _read(document: Any) -> tuple[FieldSet, bool]:
    """The set below a place, and whether the place itself is a member: it says so, or nothing else."""
    if not isinstance(document, dict):
        raise MalformedElement(str(document))
    made, itself = FieldSet(), False
    for text, inner in document.items():
        if text == SELF:
            itself = True
            continue
        element = canonical(text)
        if element is None:
            continue
        child, member = _read(inner)
        if member:
            made.members.add(element)
        if child:
            made.children[element] = child
    return made, itself or not made
