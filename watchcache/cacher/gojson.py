"""Whether a text is JSON, and if not, what Go's decoder says about it.

kube-apiserver puts the words of Go's `encoding/json` into its answers to a broken continue token (L14), so they are
part of what clients see. This is a scanner of the grammar alone: it yields no values. It reads bytes, as
Go does, and names a byte above 0x7F as the Latin-1 character of that number. A text that ends early inside a
literal or number is read as if a space followed, which is why Go then complains about ' '.
"""

from __future__ import annotations

from typing import NoReturn

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_ESCAPES = b'bfnrt\\/"'
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_CLOSING = {ord("{"): ord("}"), ord("["): ord("]")}
MAX_DEPTH = 10_000


class GoSyntaxError(ValueError):
    """The text is not JSON; the message is Go's."""


def check(text: bytes) -> None:
    """Raise `GoSyntaxError` unless the text is exactly one JSON value."""
    _Scanner(text).document()


class _Scanner:
    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0
        self.open: list[int] = []  # the brackets around the present place

    def document(self) -> None:
        """One value, then nothing; nesting is kept on a list, so that depth cannot exhaust the stack."""
        self._value()
        while self.open:
            self._after_value()
        self._skip_space()
        if self.at < len(self.text):
            self._fail("after top-level value")

    def _value(self) -> None:
        """A scalar in full, or a container's opening up to its first scalar or its end."""
        while True:
            byte = self._peek()
            if byte in _CLOSING:
                if not self._enter(byte):
                    return None
            elif byte == ord('"'):
                return self._string()
            elif byte in _LITERALS:
                return self._literal(_LITERALS[byte])
            elif byte == ord("-") or byte in _DIGITS:
                return self._number()
            else:
                self._fail("looking for beginning of value")

    def _enter(self, bracket: int) -> bool:
        """Step into a container; False when it is empty and has been left again."""
        self.at += 1
        if len(self.open) >= MAX_DEPTH:
            raise GoSyntaxError("exceeded max depth")
        if self._peek() == _CLOSING[bracket]:
            self.at += 1
            return False
        self.open.append(bracket)
        if bracket == ord("{"):
            self._name()
        return True

    def _after_value(self) -> None:
        """What follows a value in a container: its end, or a comma and the next value."""
        bracket = self.open[-1]
        byte = self._peek()
        if byte == _CLOSING[bracket]:
            self.open.pop()
            self.at += 1
            return
        if byte != ord(","):
            self._fail("after object key:value pair" if bracket == ord("{") else "after array element")
        self.at += 1
        if bracket == ord("{"):
            self._name()
        self._value()

    def _name(self) -> None:
        if self._peek() != ord('"'):
            self._fail("looking for beginning of object key string")
        self._string()
        if self._peek() != ord(":"):
            self._fail("after object key")
        self.at += 1

    def _string(self) -> None:
        self.at += 1
        while (byte := self._next()) != ord('"'):
            if byte == ord("\\"):
                self._escape()
            elif byte < 0x20:
                self._fail("in string literal", back=1)

    def _escape(self) -> None:
        byte = self._next()
        if byte == ord("u"):
            for _ in range(4):
                if self._next() not in _HEX:
                    self._fail("in \\u hexadecimal character escape", back=1)
        elif byte not in _ESCAPES:
            self._fail("in string escape code", back=1)

    def _literal(self, word: bytes) -> None:
        for expected in word:
            if self._here() != expected:
                self._fail(f"in literal {word.decode()} (expecting {_quoted(expected)})")
            self.at += 1

    def _number(self) -> None:
        if self._here() == ord("-"):
            self.at += 1
        if self._here() == ord("0"):
            self.at += 1
        else:
            self._digits("in numeric literal")
        if self._here() == ord("."):
            self.at += 1
            self._digits("after decimal point in numeric literal")
        if self._here() in b"eE":
            self.at += 1
            if self._here() in b"+-":
                self.at += 1
            self._digits("in exponent of numeric literal")

    def _digits(self, where: str) -> None:
        if self._here() not in _DIGITS:
            self._fail(where)
        while self._here() in _DIGITS:
            self.at += 1

    def _here(self) -> int:
        """The byte at this place; a space after the end."""
        return self.text[self.at] if self.at < len(self.text) else ord(" ")

    def _peek(self) -> int:
        """The next byte that is not white space, without taking it; there must be one."""
        self._skip_space()
        if self.at >= len(self.text):
            raise GoSyntaxError("unexpected end of JSON input")
        return self.text[self.at]

    def _next(self) -> int:
        if self.at >= len(self.text):
            raise GoSyntaxError("unexpected end of JSON input")
        self.at += 1
        return self.text[self.at - 1]

    def _skip_space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1

    def _fail(self, where: str, back: int = 0) -> NoReturn:
        byte = self.text[self.at - back] if self.at - back < len(self.text) else ord(" ")
        raise GoSyntaxError(f"invalid character {_quoted(byte)} {where}")


def _quoted(byte: int) -> str:
    """A byte as Go's scanner quotes it: a rune of that number, escaped unless it is printable."""
    special = {ord("'"): r"'\''", ord('"'): "'\"'", ord("\\"): r"'\\'"}
    named = {7: r"\a", 8: r"\b", 9: r"\t", 10: r"\n", 11: r"\v", 12: r"\f", 13: r"\r"}
    if byte in special:
        return special[byte]
    if byte in named:
        return f"'{named[byte]}'"
    if byte < 0x20 or byte == 0x7F:
        return f"'\\x{byte:02x}'"
    if 0x80 <= byte <= 0xA0 or byte == 0xAD:
        return f"'\\u{byte:04x}'"
    return f"'{chr(byte)}'"
