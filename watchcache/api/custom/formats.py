"""The formats of strings that kube-apiserver checks in custom resources; others are only remarked upon.

Source: kube-openapi pkg/validation/strfmt, and apiextensions-apiserver pkg/apiserver/validation/formats.go.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from watchcache.api import names

Check = Callable[[str], bool]


def _readable(read: Callable[[str], Any]) -> Check:
    def check(text: str) -> bool:
        try:
            read(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


def _matches(pattern: str) -> Check:
    form = re.compile(pattern, re.ASCII)
    return lambda text: form.fullmatch(text) is not None


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _uuid(version: int | None) -> Check:
    def check(text: str) -> bool:
        try:
            found = uuid.UUID(text)
        except ValueError:
            return False
        return version is None or found.version == version

    return check


def _uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _cidr(text: str) -> bool:
    return "/" in text and _readable(lambda each: ipaddress.ip_network(each, strict=False))(text)


_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([zZ]|[+-][0-9]{2}:?[0-9]{2})"
_moment = _matches(rf"{_DATE}[tT]{_TIME}")
_HOST: Final = (
    r"([a-zA-Z0-9_]([-a-zA-Z0-9_]{0,62}[a-zA-Z0-9])?)(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,62}[a-zA-Z0-9])?)*\.?"
)
_UNIT: Final = "(ns|us|µs|μs|ms|s|m|h|d|w|nanoseconds?|nano|nanos|microseconds?|micros?|milliseconds?|millis?|seconds?|secs?|minutes?|mins?|hours?|days?|weeks?)"

_CHECKS: Final[dict[str, Check]] = {
    "bsonobjectid": _matches("[0-9a-fA-F]{24}"),
    "byte": _readable(_base64),
    "cidr": _cidr,
    "date": lambda text: len(text) == 10 and _readable(datetime.fromisoformat)(text),
    "datetime": _moment,
    "duration": _matches(rf"-?([0-9]+(\.[0-9]*)? ?{_UNIT} ?)+|0"),
    "email": _matches(r"[^@\s]+@[^@\s]+"),
    "hexcolor": _matches("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "hostname": _matches(_HOST),
    "ipv4": _readable(ipaddress.IPv4Address),
    "ipv6": _readable(ipaddress.IPv6Address),
    "k8s-long-name": lambda text: not names.subdomain(text),
    "k8s-short-name": lambda text: not names.label(text),
    "mac": _matches("([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}|([0-9a-fA-F]{4}[.]){2}[0-9a-fA-F]{4}"),
    "password": lambda _: True,
    "rgbcolor": _matches(r"rgb\((\s*[0-9]{1,3}\s*,){2}\s*[0-9]{1,3}\s*\)"),
    "ssn": _matches("[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}"),
    "uri": _uri,
    "uuid": _uuid(None),
    "uuid3": _uuid(3),
    "uuid4": _uuid(4),
    "uuid5": _uuid(5),
}
_UNCHECKED: Final = frozenset({"creditcard", "isbn", "isbn10", "isbn13", "int32", "int64", "float", "double"})


def is_known(name: str) -> bool:
    """Whether kube-apiserver knows the format."""
    return _plain(name) in _CHECKS or name in _UNCHECKED


def fits(name: str, text: str) -> bool:
    """Whether a text has the format; so has any when the format is unknown."""
    check = _CHECKS.get(_plain(name))
    return check is None or check(text)


def _plain(name: str) -> str:
    return "datetime" if name == "date-time" else name
