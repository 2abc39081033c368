r"""Reads JSON just as Go's encoding/json does, errors included, for the bodies that the fast decoder refuses.

The fast path (`codec.decode_json`) is msgspec. It is stricter than Go about invalid UTF-8, lone surrogates and depth, and
words its errors in another way; whatever it refuses is read again here, to get Go's value or Go's words. Rules:

- Nothing recurses: containers being read lie on a stack, so that 10,000 levels need no more of Python's than one.
- Errors name the first offending *byte*, read as Latin-1, as Go does (`\xc3` is `'Ã'`); the text is therefore scanned as Latin-1.
- Go feeds one space at the end of the input to let numbers and literals finish, and so do we: an error at that place is reported with `' '`.
- Strings turn each invalid UTF-8 byte and each lone surrogate into U+FFFD.

Source of the wording: encoding/json/scanner.go; measured on kube-apiserver 1.36.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from typing import Any, Final

from watchcache.api.quoting import quoted_character

MAX_DEPTH: Final = 10_000
TYPE_NAMES: Final[dict[type, str]] = {
    dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number", type(None): "null",
}  # fmt: skip
"""What Go's errors call the JSON that a value was read from."""

_REPLACEMENT: Final = "\ufffd"
_WHITESPACE: Final = re.compile(r"[ \t\r\n]*")
_STRING: Final = re.compile(r'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_SURROGATES: Final = re.compile(r"[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_EXPONENT: Final = re.compile(r"[eE][+-]?")
_SPACE: Final = r"[ \t\r\n]*"
_PLAIN: Final = r'(?:"[ !#-\[\]-~]*"|-?(?:0|[1-9][0-9]{0,17})|true|false|null|\[\]|\{\})'
_PLAIN_ITEMS: Final = re.compile(rf"(?>{_SPACE}{_PLAIN}{_SPACE},)+")
_PLAIN_MEMBERS: Final = re.compile(rf'(?>{_SPACE}"[ !#-\[\]-~]*"{_SPACE}:{_SPACE}{_PLAIN}{_SPACE},)+')
_LITERALS: Final[dict[str, tuple[str, Any]]] = {
    "t": ("true", True),
    "f": ("false", False),
    "n": ("null", None),
}
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_UNESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

DuplicateFound = Callable[[str], None]


class MalformedJSONError(ValueError):
    """The text is not JSON; the message is Go's."""


def replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: every invalid byte by itself becomes U+FFFD, as in Go (Python's own joins some)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _REPLACEMENT, error.start + 1


codecs.register_error("watchcache.go", replace_each_byte)


def read_json(data: bytes, duplicate: DuplicateFound | None = None) -> Any:
    """The document in `data`; of repeated keys the last counts, and `duplicate` is told their paths (`spec.a[0].b`).

    Raises MalformedJSONError with Go's message.
    """
    return _Reader(data, duplicate).document()


class _Reader:
    """One pass over one text. `open` holds the containers being read, innermost last, each with its step (`.key`, `[1]`) from the one around it.

    Paths are joined only when a duplicate is reported: kept for each level they would be quadratic in the depth.
    """

    def __init__(self, data: bytes, duplicate: DuplicateFound | None) -> None:
        self.text = data.decode("latin-1") + " "
        self.at = 0
        self.duplicate = duplicate
        self.open: list[tuple[dict[str, Any] | list[Any], str]] = []

    def document(self) -> Any:
        """Reads the whole text."""
        value = self.value()
        while self.open:
            self.next_member(self.open[-1][0])
        self.space()
        if self.at < len(self.text):
            raise self.unexpected("after top-level value")
        return value

    def next_member(self, container: dict[str, Any] | list[Any]) -> None:
        """Reads on in the innermost container: one member, or its end."""
        character = self.space()
        is_object = isinstance(container, dict)
        if character == ("}" if is_object else "]"):
            self.at += 1
            self.open.pop()
            return
        if container:
            if character != ",":
                raise self.unexpected("after object key:value pair" if is_object else "after array element")
            self.at += 1
            self.space()
        if self.duplicate is None:
            self.plain_run(container)
        if isinstance(container, dict):
            key = self.member_key()
            if self.duplicate is not None and key in container:
                self.duplicate(self.path(key))
            container[key] = self.value(f".{key}")
        else:
            container.append(self.value(f"[{len(container)}]"))

    def plain_run(self, container: dict[str, Any] | list[Any]) -> None:
        """Hands a run of plain members, each with its comma, to the C parser: three megabytes of `1,` before a fault would else hold up everyone."""
        pattern = _PLAIN_MEMBERS if isinstance(container, dict) else _PLAIN_ITEMS
        match = pattern.match(self.text, self.at)
        if match is None:
            return
        run = match.group()[:-1]
        if isinstance(container, dict):
            container.update(json.loads(f"{{{run}}}"))
        else:
            container.extend(json.loads(f"[{run}]"))
        self.at = match.end()
        self.space()

    def path(self, key: str) -> str:
        """Path of a member of the innermost container."""
        return "".join((*(step for _, step in self.open), f".{key}")).removeprefix(".")

    def member_key(self) -> str:
        if self.character() != '"':
            raise self.unexpected("looking for beginning of object key string")
        key = self.string()
        if self.space() != ":":
            raise self.unexpected("after object key")
        self.at += 1
        return key

    def value(self, step: str = "") -> Any:
        """Reads a scalar, or opens a container: its members are read by `next_member`."""
        character = self.space()
        if character in ("{", "["):
            return self.container(character, step)
        if character == '"':
            return self.string()
        if character in _LITERALS:
            return self.literal(*_LITERALS[character])
        if character and character in "-0123456789":
            return self.number()
        raise self.unexpected("looking for beginning of value")

    def container(self, character: str, step: str) -> dict[str, Any] | list[Any]:
        if len(self.open) >= MAX_DEPTH:
            raise self.unexpected("exceeded max depth")
        self.at += 1
        container: dict[str, Any] | list[Any] = {} if character == "{" else []
        self.open.append((container, step))
        return container

    def literal(self, word: str, value: Any) -> Any:
        for expected in word:
            if self.character() != expected:
                raise self.unexpected(f"in literal {word} (expecting '{expected}')")
            self.at += 1
        return value

    def number(self) -> int | float:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            self.at += 1
            raise self.unexpected("in numeric literal")
        text, self.at = match.group(), match.end()
        if self.character() == "." and not set(text) & set(".eE"):
            self.at += 1
            raise self.unexpected("after decimal point in numeric literal")
        exponent = _EXPONENT.match(self.text, self.at)
        if exponent is not None and not set(text) & set("eE"):
            self.at = exponent.end()
            raise self.unexpected("in exponent of numeric literal")
        return _number(text)

    def string(self) -> str:
        match = _STRING.match(self.text, self.at + 1)
        assert match is not None
        self.at = match.end()
        if self.character() != '"':
            raise self.broken_string()
        self.at += 1
        return _unescape(match.group())

    def broken_string(self) -> MalformedJSONError:
        """What is wrong where the string stopped: an escape, a control character or the end of the text."""
        if self.character() != "\\":
            return self.unexpected("in string literal")
        self.at += 1
        if self.character() != "u":
            return self.unexpected("in string escape code")
        self.at += 1
        while self.character() in _HEX:
            self.at += 1
        return self.unexpected("in \\u hexadecimal character escape")

    def space(self) -> str:
        """Skips white space; the character after it, "" at the end."""
        match = _WHITESPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.character()

    def character(self) -> str:
        return self.text[self.at : self.at + 1]

    def unexpected(self, where: str) -> MalformedJSONError:
        character = self.character()
        if not character:
            return MalformedJSONError("unexpected end of JSON input")
        return MalformedJSONError(f"invalid character {quoted_character(character)} {where}")


def _number(text: str) -> int | float:
    """Integers stay exact as far as int64 goes; the rest are floats, and what no float holds is an error."""
    if not set(text) & set(".eE"):
        return int(text) if len(text) < 20 else _bounded(text)
    return _finite(text)


def _bounded(text: str) -> int | float:
    if len(text) < 400 and -(2**63) <= int(text) < 2**64:
        return int(text)
    return _finite(text)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise MalformedJSONError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return number


def _unescape(raw: str) -> str:
    """The string that the Latin-1 text between two quotes stands for."""
    text = raw.encode("latin-1").decode("utf-8", "watchcache.go")
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(
        lambda match: chr(int(match[1], 16)) if match[1] else _UNESCAPED.get(match[2], match[2]), text
    )
    return _SURROGATES.sub(_pair, text)


def _pair(match: re.Match[str]) -> str:
    """The character of a surrogate pair; U+FFFD for half of one."""
    pair = match.group()
    return pair.encode("utf-16", "surrogatepass").decode("utf-16") if len(pair) == 2 else _REPLACEMENT
