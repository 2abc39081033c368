"""Reads YAML just as kube-apiserver does (sigs.k8s.io/yaml: YAML to JSON, then JSON), errors included.

The document is built here from the parser's events, not by a loader of PyYAML, because:

- Only JSON's types may come out. Plain words follow YAML 1.1 as go-yaml has it (`yes` and `on` are booleans, `010` is eight), timestamps
  stay texts, keys become texts, and a float without a fraction becomes an integer, as it would on its way through JSON.
- Aliases are copied, for documents are changed in place later; how much they may add is bounded by go-yaml's rule (`_allowed_ratio`), so that
  a few lines cannot become a billion nodes.
- Nothing recurses.

Only the first document of a stream counts; what follows it is not even read. Source: go.yaml.in/yaml/v2 (decode.go, resolve.go);
measured on kube-apiserver 1.36.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import yaml

MAX_DEPTH: Final = 10_000
_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE: Final = {
    **dict.fromkeys((".nan", ".NaN", ".NAN"), "NaN"),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), "+Inf"),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), "-Inf"),
}
_INTEGER: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES: Final = {"x": 16, "b": 2, "o": 8}
_MERGE: Final = object()

DuplicateFound = Callable[[str], None]


class MalformedYAMLError(ValueError):
    """The text is no YAML that JSON could hold; the message is go-yaml's."""


def read_yaml(data: bytes, duplicate: DuplicateFound | None = None) -> Any:
    """The first document in `data` in JSON's types; None when there is none. Of repeated keys the last counts.

    `duplicate` is told of repeated keys as go-yaml words it: `line 3: key "b" already set in map`.
    Raises MalformedYAMLError.
    """
    try:
        return _Composer(duplicate).compose(yaml.parse(data, Loader=yaml.CSafeLoader))
    except yaml.reader.ReaderError as error:
        raise MalformedYAMLError(f"yaml: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        raise MalformedYAMLError(f"yaml: {_place(error)}{error.problem}") from None


def _place(error: yaml.MarkedYAMLError) -> str:
    """go-yaml's line: that of the problem, else of its context, none when both are the first; the scanner's count from one, the others from zero."""
    problem = error.problem_mark.line if error.problem_mark else 0
    context = error.context_mark.line if error.context_mark else 0
    scanner = isinstance(error, yaml.scanner.ScannerError)
    line = problem + scanner if problem else context
    return f"line {line}: " if line else ""


class _Frame:
    """A container that is being read."""

    __slots__ = ("anchor", "container", "key", "keys", "nodes")

    def __init__(self, container: dict[str, Any] | list[Any], anchor: str | None, nodes: int) -> None:
        self.container = container
        self.anchor = anchor
        self.nodes = nodes
        self.key: Any = None  # of a mapping: the key whose value comes next, in a tuple
        self.keys: set[Any] = set()  # keys seen, as decoded: 1 and "1" differ here


class _Composer:
    """Builds one document. `nodes` counts what was decoded, `copied` how much of it came out of aliases."""

    def __init__(self, duplicate: DuplicateFound | None) -> None:
        self.duplicate = duplicate
        self.frames: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.nodes = 0
        self.copied = 0
        self.root: Any = None

    def compose(self, events: Iterator[Any]) -> Any:
        for event in events:
            if isinstance(event, yaml.DocumentEndEvent):
                break
            self.take(event)
        return self.root

    def take(self, event: Any) -> None:
        """One event of the parser."""
        line = event.start_mark.line
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self.scalar(event)
        elif kind is yaml.AliasEvent:
            self.alias(event.anchor, line)
        elif kind is yaml.MappingStartEvent:
            self.start({}, event.anchor)
        elif kind is yaml.SequenceStartEvent:
            self.start([], event.anchor)
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            self.end(line)

    def scalar(self, event: Any) -> None:
        self.nodes += 1
        value = _scalar(event.value, event.tag, plain=event.implicit[0])
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self.put(value, event.start_mark.line)

    def alias(self, anchor: str, line: int) -> None:
        if any(frame.anchor == anchor for frame in self.frames):
            raise MalformedYAMLError(f"yaml: anchor '{anchor}' value contains itself")
        if anchor not in self.anchors:
            raise MalformedYAMLError(f"yaml: unknown anchor '{anchor}' referenced")
        value, nodes = self.anchors[anchor]
        self.nodes += nodes
        self.copied += nodes
        if self.copied > 100 and self.nodes > 1000 and self.copied / self.nodes > _allowed_ratio(self.nodes):
            raise MalformedYAMLError("yaml: document contains excessive aliasing")
        self.put(_copy(value), line)

    def start(self, container: dict[str, Any] | list[Any], anchor: str | None) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise MalformedYAMLError(f"yaml: exceeded max depth of {MAX_DEPTH}")
        self.nodes += 1
        self.frames.append(_Frame(container, anchor, self.nodes - 1))

    def end(self, line: int) -> None:
        frame = self.frames.pop()
        if frame.anchor:
            self.anchors[frame.anchor] = (frame.container, self.nodes - frame.nodes)
        self.put(frame.container, line)

    def put(self, value: Any, line: int) -> None:
        """Gives a complete node to the container around it."""
        if not self.frames:
            self.root = None if value is _MERGE else value
            return
        frame = self.frames[-1]
        if isinstance(frame.container, list):
            frame.container.append("<<" if value is _MERGE else value)
        elif frame.key is None:
            self.take_key(frame, value, line)
        else:
            self.take_value(frame, frame.container, "<<" if value is _MERGE else value)

    def take_key(self, frame: _Frame, key: Any, line: int) -> None:
        if isinstance(key, dict | list):
            raise MalformedYAMLError(f"yaml: invalid map key: {_go_value(key)}")
        frame.key = (key,)
        if key is _MERGE:
            return
        typed = (type(key), key)
        if typed in frame.keys and self.duplicate is not None:
            self.duplicate(f"line {line + 1}: key {_go_value(key)} already set in map")
        frame.keys.add(typed)

    def take_value(self, frame: _Frame, mapping: dict[str, Any], value: Any) -> None:
        (key,) = frame.key
        frame.key = None
        if key is not _MERGE:
            mapping[_key_text(key, value)] = value
            return
        sources = list(reversed(value)) if isinstance(value, list) else [value]
        for source in sources:
            if not isinstance(source, dict):
                raise MalformedYAMLError("yaml: map merge requires map or sequence of maps as the value")
            mapping.update(_copy(source))


def _allowed_ratio(nodes: int) -> float:
    """How large a share of a document's nodes may come from aliases: 99 % up to 400,000 nodes, 10 % from 4,000,000 on."""
    low, high = 400_000, 4_000_000
    return 0.99 - 0.89 * min(max(nodes - low, 0) / (high - low), 1)


def _copy(value: Any) -> Any:
    if not isinstance(value, dict | list):
        return value
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except RecursionError:
        raise MalformedYAMLError(f"yaml: exceeded max depth of {MAX_DEPTH}") from None


def _scalar(text: str, tag: str | None, *, plain: bool) -> Any:
    """The value of a scalar; `plain` when neither quotes nor a tag say that it is a text."""
    kind = tag.removeprefix(_TAG) if tag else ""
    plain = plain and kind != "!"
    if kind == "binary":
        return _binary(text)
    if plain or kind in {"bool", "int", "float", "null"}:
        value = _plain(text)
        if kind:
            _check_tag(kind, text, value)
        return value
    return text


def _plain(text: str) -> Any:
    """A plain scalar as go-yaml's resolve reads it."""
    if text in _WORDS:
        return _WORDS[text]
    if text == "<<":
        return _MERGE
    if text in _NOT_FINITE:
        raise MalformedYAMLError(f"json: unsupported value: {_NOT_FINITE[text]}")
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        integer = _integer(digits)
        if -(2**63) <= integer < 2**64:
            return integer
    number = _float(digits) if _FLOAT.fullmatch(digits) else None
    return text if number is None else number


def _integer(digits: str) -> int:
    """Reads Go's integer literals: 0x, 0b, 0o, and a leading zero for octal."""
    sign = -1 if digits.startswith("-") else 1
    body = digits.lstrip("+-").lower()
    if len(body) > 1 and body[0] == "0":
        base = _BASES.get(body[1])
        return sign * (int(body[2:] or "0", base) if base else int(body, 8))
    return sign * int(body)


def _float(digits: str) -> int | float | None:
    """A float as JSON would carry it: without a fraction it is an integer. None when no float holds it."""
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "watchcache.go")
    except binascii.Error:
        raise MalformedYAMLError("yaml: !!binary value contains invalid base64 data") from None


def _check_tag(kind: str, text: str, value: Any) -> None:
    wanted: dict[str, Any] = {
        "bool": bool,
        "int": int,
        "float": (int, float),
        "null": type(None),
        "str": object,
    }
    if kind in wanted and (
        not isinstance(value, wanted[kind]) or (kind == "int" and isinstance(value, bool))
    ):
        found = {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "null")
        raise MalformedYAMLError(f"yaml: cannot decode !!{found} `{text}` as a !!{kind}")


def _key_text(key: Any, value: Any) -> str:
    """A mapping's key as JSON has it."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None:
        shown = _go_value(value)
        raise MalformedYAMLError(f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {shown}")
    return str(key)


def _go_value(value: Any) -> str:
    """A value as Go's %#v prints it in the messages about keys."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_value, value))}}}"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_go_value(k)}:{_go_value(v)}" for k, v in value.items())
        return f"map[interface {{}}]interface {{}}{{{pairs}}}"
    return "<nil>" if value is None else str(value)
