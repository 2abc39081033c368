"""Strategic merge patch: a merge patch that merges lists by the keys the schema names, with directives.

Rules, measured on kube-apiserver 1.36:
- A field merges by its schema: maps by key; lists with patch strategy `merge` by `patch_merge_key`, or as a set when they hold scalars;
  all other lists and all scalars are replaced. null deletes.
- A value for a field that was absent is taken as it is, without its nulls and without every map that carries `$patch`.
- `$patch: replace` in a map makes the map the rest of the patch, `$patch: delete` empties it. In an element of a merging list,
  `delete` removes what has its key; one `replace` anywhere makes the list the elements without a directive.
- `$deleteFromPrimitiveList/x` removes scalars from list x, `$setElementOrder/x` orders it, `$retainKeys` lists the keys that a map may keep.
- Order of a merged list: elements that the patch names (by `$setElementOrder`, else by its own order); among them, the
  others keep their place before the named ones they stood in front of.

The document is never changed: what the patch touches is copied, the rest is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from watchcache.api.patch.errors import TOO_DEEP, DirectiveError, MalformedPatch
from watchcache.api.patch.gotext import json_type, printed
from watchcache.api.schema import Schema

_PATCH: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_ORDER: Final = "$setElementOrder/"
_DELETE: Final = "$deleteFromPrimitiveList/"
_DROPPED: Final = object()

Key = Callable[[Any], str]
"""What identifies an element of a merging list: its merge key's value as text, or a scalar's own text."""


def strategic(document: dict[str, Any], patch: Any, schema: Schema) -> dict[str, Any]:
    """The document with the patch merged in by the schema's strategies.

    Raises `MalformedPatch` (400) for a patch that is no object and `DirectiveError` (500) for one that contradicts itself.
    The result may have values of wrong types: `conform` finds them.
    """
    if patch is None:
        return dict(document)
    if type(patch) is not dict:
        raise MalformedPatch(
            f"json: cannot unmarshal {json_type(patch)} into Go value of type map[string]interface {{}}"
        )
    try:
        return _merge_map(document, patch, schema)
    except RecursionError:
        raise MalformedPatch(TOO_DEEP) from None


def _merge_map(original: dict[str, Any], patch: dict[str, Any], schema: Schema | None) -> dict[str, Any]:
    if _PATCH in patch:
        return _directed_map(patch)
    merged = _retained(original, patch) if _RETAIN in patch else dict(original)
    ordered = _merge_ordered_lists(merged, patch, schema)
    for name, change in patch.items():
        if name in ordered or name == _RETAIN or name.startswith(_ORDER):
            continue
        if name.startswith(_DELETE):
            _delete_scalars(merged, name.removeprefix(_DELETE), change)
        else:
            _merge_field(merged, name, change, _field(schema, name))
    return merged


def _field(schema: Schema | None, name: str) -> Schema | None:
    """Schema of a map's field or value; None below what the schema does not describe."""
    if schema is None:
        return None
    return schema.properties.get(name) or schema.additional


def _directed_map(patch: dict[str, Any]) -> dict[str, Any]:
    match patch[_PATCH]:
        case "replace":
            return {name: value for name, value in patch.items() if name != _PATCH}
        case "delete":
            return {}
        case other:
            raise DirectiveError(f"unknown patch type: {_directive_text(other)} in map: {printed(patch)}")


def _directive_text(value: Any) -> str:
    return value if type(value) is str else f"%!s({_GO_TYPES.get(type(value), 'string')}={printed(value)})"


_GO_TYPES: Final[dict[type, str]] = {int: "int64", float: "float64", bool: "bool"}


def _retained(original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The map without what `$retainKeys` does not list; the patch itself may set nothing else."""
    keys = patch[_RETAIN]
    if type(keys) is not list or any(
        value is not None and name not in keys for name, value in patch.items() if not name.startswith("$")
    ):
        raise MalformedPatch("invalid patch format of retainKeys")
    return {name: value for name, value in original.items() if name in keys}


def _delete_scalars(merged: dict[str, Any], name: str, unwanted: Any) -> None:
    current = merged.get(name)
    if type(current) is list and type(unwanted) is list:
        _require_same_types(current, unwanted)
        merged[name] = [element for element in current if element not in unwanted]


def _merge_field(merged: dict[str, Any], name: str, change: Any, schema: Schema | None) -> None:
    current = merged.get(name)
    if change is None:
        merged.pop(name, None)
    elif type(change) is dict and type(current) is dict:
        merged[name] = _merge_map_field(current, change, schema)
    elif type(change) is list and type(current) is list and _merges(schema):
        assert schema is not None
        merged[name] = _merge_list(current, change, schema)
    elif type(change) is list and name in merged:
        merged[name] = change
    else:
        fresh = _fresh(change)
        if fresh is not _DROPPED:
            merged[name] = fresh


def _merge_map_field(
    current: dict[str, Any], change: dict[str, Any], schema: Schema | None
) -> dict[str, Any]:
    if schema is not None and "replace" in schema.patch_strategy:
        return change
    return _merge_map(current, change, schema)


def _merges(schema: Schema | None) -> bool:
    return schema is not None and "merge" in schema.patch_strategy


def _fresh(value: Any) -> Any:
    """A patch's value where nothing was before: no nulls in maps, no maps with a `$patch`; `_DROPPED` when nothing is left to set."""
    if type(value) is list:
        return [fresh for fresh in map(_fresh, value) if fresh is not _DROPPED]
    if type(value) is not dict:
        return value
    if _PATCH in value:
        return _DROPPED
    members = {name: _fresh(member) for name, member in value.items() if member is not None}
    return {name: member for name, member in members.items() if member is not _DROPPED}


# --- lists ---


def _merge_list(
    current: list[Any], patch: list[Any], schema: Schema, order: list[Any] | None = None
) -> list[Any]:
    """A merging list after the patch, ordered by `order`, without one by the patch."""
    if not patch and order is None:
        return current
    if _require_same_types(current, patch) is not dict:
        key: Key = printed
        merged = list(dict.fromkeys([*current, *patch]))
    else:
        key = _merge_key(schema)
        replaced, patch = _without_directives(current, patch, key)
        if replaced is None:
            return patch
        merged = _merge_elements(replaced, patch, schema, key)
    return _ordered(merged, patch if order is None else order, current, key)


def _require_same_types(current: list[Any], patch: list[Any]) -> type:
    """The one type that all elements have; str for empty lists."""
    types = {type(element) for element in current}
    types.update(type(element) for element in patch)
    if len(types) > 1:
        raise DirectiveError(f"list element types are not identical: [{printed(current)} {printed(patch)}]")
    return types.pop() if types else str


def _merge_key(schema: Schema) -> Key:
    name = schema.patch_merge_key

    def key(element: dict[str, Any]) -> str:
        if name not in element:
            raise DirectiveError(f"map: {printed(element)} does not contain declared merge key: {name}")
        return printed(element[name])

    return key


def _without_directives(current: list[Any], patch: list[Any], key: Key) -> tuple[list[Any] | None, list[Any]]:
    """The list without what the patch deletes, and the patch's plain elements; None when these replace the list."""
    plain = [element for element in patch if _PATCH not in element]
    if len(plain) == len(patch):
        return current, patch
    directives = {_list_directive(element) for element in patch if _PATCH in element}
    doomed = {key(element) for element in patch if element.get(_PATCH) == "delete"}
    if "replace" in directives:
        return None, plain
    return [element for element in current if key(element) not in doomed], plain


def _list_directive(element: dict[str, Any]) -> str:
    directive = element[_PATCH]
    if directive == "merge":
        raise DirectiveError("merging lists cannot yet be specified in the patch")
    if directive not in ("replace", "delete"):
        raise DirectiveError(f"unknown patch type: {_directive_text(directive)} in map: {printed(element)}")
    return str(directive)


def _merge_elements(current: list[Any], patch: list[Any], schema: Schema, key: Key) -> list[Any]:
    merged = list(current)
    places = {key(element): place for place, element in reversed(list(enumerate(current)))}
    for element in patch:
        place = places.setdefault(key(element), len(merged))
        if place == len(merged):
            merged.append(_fresh(element))
        else:
            merged[place] = _merge_map(merged[place], element, schema.items)
    return merged


def _ordered(merged: list[Any], named: Sequence[Any], current: list[Any], key: Key) -> list[Any]:
    """Named elements in their order; each other one goes right before the first named one that it stood in front of."""
    rank = {key(element): place for place, element in reversed(list(enumerate(named)))}
    place_before = {key(element): place for place, element in reversed(list(enumerate(current)))}
    first = sorted(
        (element for element in merged if key(element) in rank), key=lambda element: rank[key(element)]
    )
    others = [element for element in merged if key(element) not in rank]
    ordered: list[Any] = []
    at = 0
    for element in first:
        place = place_before.get(key(element), -1)
        while at < len(others) and place_before[key(others[at])] < place:
            ordered.append(others[at])
            at += 1
        ordered.append(element)
    return ordered + others[at:]


def _merge_ordered_lists(merged: dict[str, Any], patch: dict[str, Any], schema: Schema | None) -> set[str]:
    """Merges the fields that `$setElementOrder` orders, in place; returns their names."""
    done: set[str] = set()
    for directive, order in patch.items():
        if not directive.startswith(_ORDER):
            continue
        name = directive.removeprefix(_ORDER)
        field = _ordered_field(schema, name)
        _order_field(merged, patch, name, order, field)
        done.update((name, _DELETE + name))
    return done


def _ordered_field(schema: Schema | None, name: str) -> Schema:
    field = _field(schema, name)
    if field is None:
        kind = "" if schema is None else schema.name.rpartition(".")[2]
        raise DirectiveError(f'unable to find api field in struct {kind} for the json field "{name}"')
    return field


def _order_field(merged: dict[str, Any], patch: dict[str, Any], name: str, order: Any, field: Schema) -> None:
    _delete_scalars(merged, name, patch.get(_DELETE + name))
    current, change = merged.get(name), patch.get(name)
    for value in (order, current or [], change or []):
        if type(value) is not list:
            raise DirectiveError(f"expected a []interface {{}}, but received a {_GO_KINDS[type(value)]}")
    if change and order:
        _check_order(change, order, field)
    if current is None and change is None:
        return
    if name in patch and change is None:
        merged.pop(name, None)
    elif current is None:
        fresh = _fresh(change)
        merged[name] = fresh
    else:
        merged[name] = _merge_list(current, change or [], field, order)


_GO_KINDS: Final[dict[type, str]] = {str: "string", bool: "bool", int: "int64", float: "float64", dict: "map"}


def _check_order(patch: list[Any], order: list[Any], field: Schema) -> None:
    """The elements that a patch sets must stand in `$setElementOrder` in the same order."""
    maps = type(patch[0]) is dict
    key: Key = _merge_key(field) if maps else printed
    kept = [element for element in patch if not (maps and _PATCH in element)]
    remaining = iter([key(element) for element in order])
    # `in` consumes the iterator: each element is looked for behind the one before it.
    if not all(key(element) in remaining for element in kept):
        raise DirectiveError(
            f"The order in patch list:\n{printed(kept)}\n doesn't match $setElementOrder list:\n{printed(order)}\n"
        )
