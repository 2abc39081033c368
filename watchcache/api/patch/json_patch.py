"""JSON patch, RFC 6902, with the liberties that kube-apiserver's implementation takes.

Rules measured on kube-apiserver 1.36, where they differ from the RFC:
- `replace` of an absent object member adds it; `add` and `replace` without `value` set null.
- `test` for null (or without `value`) holds for an absent member; numbers are equal only when spelled alike (1 is not 1.0).
- A list index may be negative: -1 is the last element, for `add` the end. `-` is only for adding.
- An index may have a sign or leading zeros (`+1`, `01`).
- `copy` of an absent member copies null; all copies together may not exceed 3 MiB.
- `replace` is the only operation that may name the whole document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from watchcache.api.patch.errors import TOO_DEEP, MalformedPatch, NoDocument, PatchFailed, TooManyOperations
from watchcache.api.patch.gotext import json_type

MAX_OPERATIONS: Final = 10_000
MAX_COPIED_BYTES: Final = 3 * 1024 * 1024
"""Bytes that the `copy` operations of one patch may add up to: the limit of a request's body."""

_ABSENT: Final = object()
_INDEX: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_ROOT: Final = "document"
_END: Final = "-"


_WAYS: Final = {
    "plain": "doc is missing path: {0}",
    "quoted": 'doc is missing path: "{0}"',
    "tested": "is missing path: {0}",
    "from": "doc is missing from path: {1}",
    "destination": "doc is missing destination path: {0}",
}
"""How the library says, by operation, that a path leads nowhere."""


class _Nowhere(Exception):
    """A path has nothing on its way; `way` is a key of `_WAYS`."""

    def __init__(self, way: str) -> None:
        super().__init__(way)
        self.way = way


class _Misplaced(Exception):
    """The last step of a path names nothing, or no place to put something."""

    def __init__(self, text: str, token: str, *, is_word: bool = False) -> None:
        super().__init__(text)
        self.token = token
        self.is_word = is_word


class Operation(msgspec.Struct, frozen=True):
    """One step of a JSON patch. `value` is None also when the patch states none: there is no difference."""

    op: str
    path: str | None
    from_: str | None
    value: Any


def parse_operations(patch: Any) -> tuple[list[Operation], list[str]]:
    """The steps of a decoded JSON patch, and its unknown fields as `json patch unknown field "[0].bogus"`.

    Raises `MalformedPatch` for what is no list of objects with texts, `TooManyOperations` beyond 10,000 steps.
    """
    if type(patch) is not list:
        raise MalformedPatch(_mismatch(patch, "value of type []handlers.jsonPatchOp"))
    operations = [_operation(step) for step in patch]
    if len(operations) > MAX_OPERATIONS:
        limit = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise TooManyOperations(f"Request entity too large: {limit}")
    return operations, _unknown_fields(patch)


def json_patch(document: dict[str, Any], operations: Sequence[Operation]) -> dict[str, Any]:
    """The document after all steps, or `PatchFailed` at the first that does not fit: a patch applies whole or not at all."""
    # One holder above the document makes the document itself a member like any other.
    holder = {_ROOT: _copied(document)[0]}
    budget = MAX_COPIED_BYTES
    try:
        for operation in operations:
            budget -= _apply(holder, operation, budget)
    except RecursionError:
        raise MalformedPatch(TOO_DEEP) from None
    patched = holder[_ROOT]
    if type(patched) is not dict:
        raise NoDocument(patched)
    return patched


def _operation(step: Any) -> Operation:
    if step is None:
        step = {}
    if type(step) is not dict:
        raise MalformedPatch(_mismatch(step, "value of type handlers.jsonPatchOp"))
    for name in ("op", "from", "path"):
        if type(step.get(name, "")) not in (str, type(None)):
            raise MalformedPatch(_mismatch(step[name], f"struct field jsonPatchOp.{name} of type string"))
    return Operation(step.get("op") or "", step.get("path"), step.get("from"), step.get("value"))


def _mismatch(value: Any, target: str) -> str:
    return f"error decoding patch: json: cannot unmarshal {json_type(value)} into Go {target}"


def _unknown_fields(patch: list[Any]) -> list[str]:
    known = {"op", "path", "from", "value"}
    return [
        f'json patch unknown field "[{index}].{name}"'
        for index, step in enumerate(patch)
        if step
        for name in step
        if name not in known
    ]


def _apply(holder: dict[str, Any], operation: Operation, budget: int) -> int:
    """Does one step in place; returns the bytes it copied."""
    op, path = operation.op, operation.path
    step = _STEPS.get(op)
    if step is None:
        raise PatchFailed(f"Unexpected kind: {op}")
    try:
        return step(holder, _tokens(path, op), operation, budget)
    except _Nowhere as nowhere:
        raise PatchFailed(
            f"{op} operation does not apply: {_WAYS[nowhere.way].format(path, operation.from_)}: missing value"
        ) from None
    except _Misplaced as problem:
        if op == "replace":
            raise PatchFailed(
                f"replace operation does not apply: doc is missing key: {path}: missing value"
            ) from None
        if op == "add" and problem.is_word:
            raise PatchFailed(
                f"error in add for path: '{path}': value was not a proper array index: '{problem.token}': {problem}"
            ) from None
        raise PatchFailed(f"error in {op} for path: '{path}': {problem}") from None


def _add(holder: dict[str, Any], path: list[str], operation: Operation, _: int) -> int:
    if len(path) == 1:
        raise PatchFailed("add needs a path")
    _insert(_parent(holder, path, "quoted"), path[-1], _copied(operation.value)[0])
    return 0


def _remove(holder: dict[str, Any], path: list[str], _operation: Operation, _: int) -> int:
    if len(path) == 1:
        raise PatchFailed("remove needs a path")
    _take(_parent(holder, path, "quoted"), path[-1])
    return 0


def _replace(holder: dict[str, Any], path: list[str], operation: Operation, _: int) -> int:
    parent = _parent(holder, path)
    value = _copied(operation.value)[0]
    if isinstance(parent, list):
        parent[_index(path[-1], len(parent))] = value
    else:
        parent[path[-1]] = value
    return 0


def _move(holder: dict[str, Any], path: list[str], operation: Operation, _: int) -> int:
    source = _tokens(operation.from_, "move", "from")
    if len(source) == 1 or len(path) == 1:
        raise PatchFailed("move needs a path")
    value = _take(_parent(holder, source, "from"), source[-1])
    _insert(_parent(holder, path, "destination"), path[-1], value)
    return 0


def _copy(holder: dict[str, Any], path: list[str], operation: Operation, budget: int) -> int:
    source = _tokens(operation.from_, "copy", "from")
    if len(path) == 1:
        raise PatchFailed("copy needs a path")
    found = _member(_parent(holder, source, "from"), source[-1])
    value, size = _copied(None if found is _ABSENT else found)
    if size > budget:
        raise PatchFailed(f"the copies exceed {MAX_COPIED_BYTES} bytes")
    _insert(_parent(holder, path, "destination"), path[-1], value)
    return size


def _test(holder: dict[str, Any], path: list[str], operation: Operation, _: int) -> int:
    found = _member(_parent(holder, path, "tested"), path[-1])
    if not _equal(None if found is _ABSENT else found, operation.value):
        raise PatchFailed(f"testing value {operation.path} failed: test failed")
    return 0


_STEPS: Final[dict[str, Callable[[dict[str, Any], list[str], Operation, int], int]]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _tokens(pointer: str | None, op: str, what: str = "path") -> list[str]:
    """A JSON pointer's steps, below the holder. No pointer at all is an error, an empty one is the document."""
    if pointer is None:
        raise PatchFailed(f"{op} operation failed to decode {what}: missing value")
    if not pointer:
        return [_ROOT]
    if not pointer.startswith("/"):
        raise PatchFailed(f"path {pointer} does not start with /")
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]
    return [_ROOT, *tokens]


def _parent(holder: dict[str, Any], path: list[str], way: str = "plain") -> dict[str, Any] | list[Any]:
    """The object or list that holds the last step of the path."""
    node: Any = holder
    for token in path[:-1]:
        try:
            node = _member(node, token)
        except _Misplaced:
            raise _Nowhere(way) from None
        if type(node) not in (dict, list):
            raise _Nowhere(way)
    parent: dict[str, Any] | list[Any] = node
    return parent


def _member(parent: dict[str, Any] | list[Any], token: str) -> Any:
    """What is at one step: the list's element (PatchFailed when out of range), the object's member or `_ABSENT`."""
    if isinstance(parent, list):
        return parent[_index(token, len(parent))]
    return parent.get(token, _ABSENT)


def _insert(parent: dict[str, Any] | list[Any], token: str, value: Any) -> None:
    if not isinstance(parent, list):
        parent[token] = value
        return
    # A list that grows by one has one more place to insert at, and -1 names the last of those.
    at = len(parent) if token == _END else _index(token, len(parent) + 1)
    parent.insert(at, value)


def _take(parent: dict[str, Any] | list[Any], token: str) -> Any:
    if isinstance(parent, list):
        return parent.pop(_index(token, len(parent)))
    if token not in parent:
        raise _Misplaced(f"Unable to remove nonexistent key: {token}: missing value", token)
    return parent.pop(token)


def _index(token: str, length: int) -> int:
    if _INDEX.fullmatch(token) is None:
        raise _Misplaced(f'strconv.Atoi: parsing "{token}": invalid syntax', token, is_word=True)
    index = int(token)
    if not -length <= index < length:
        raise _Misplaced(f"Unable to access invalid index: {index}: invalid index referenced", token)
    return index + length if index < 0 else index


def _equal(found: Any, wanted: Any) -> bool:
    """Equality of JSON values that tells 1 from 1.0 and from true, as comparing their spelling does."""
    if type(found) is not type(wanted):
        return False
    if type(found) is dict:
        return found.keys() == wanted.keys() and all(
            _equal(value, wanted[key]) for key, value in found.items()
        )
    if type(found) is list:
        return len(found) == len(wanted) and all(map(_equal, found, wanted))
    return bool(found == wanted)


def _copied(value: Any) -> tuple[Any, int]:
    """A copy that shares nothing with the value, and its size as JSON. A round trip is the fastest deep copy there is."""
    encoded = msgspec.json.encode(value)
    return msgspec.json.decode(encoded), len(encoded)
