"""Texts in quotes as Go prints them (strconv.Quote, `%q`), for the messages that repeat what a client sent."""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}


def quoted(text: str) -> str:
    """A text in double quotes; what is not printable is escaped."""
    if text.isprintable() and "\\" not in text and '"' not in text:
        return f'"{text}"'
    return '"' + "".join('\\"' if character == '"' else _escaped(character) for character in text) + '"'


def quoted_character(character: str) -> str:
    """A character in single quotes."""
    return "'\\''" if character == "'" else f"'{_escaped(character)}'"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
