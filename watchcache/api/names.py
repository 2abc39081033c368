"""What names, label keys and label values may look like, in kube-apiserver's words.

Each check returns the messages of what is wrong, none when nothing is; a caller puts them behind `Invalid value: "...": `. Formats come from
RFC 1123 (and 1035) by way of apimachinery/pkg/util/validation; which kind has which was measured on kube-apiserver 1.36.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_QUALIFIED})?"
_LABEL_FORM: Final = re.compile(_LABEL, re.ASCII)
_SUBDOMAIN_FORM: Final = re.compile(_SUBDOMAIN, re.ASCII)
_QUALIFIED_FORM: Final = re.compile(_QUALIFIED, re.ASCII)
_VALUE_FORM: Final = re.compile(_VALUE, re.ASCII)

_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
    f" (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, {}'-' or '.', and must start and end with an alphanumeric character"
    " (e.g. 'example.com', regex used for validation is '{}')"
)
_WITH_UNDERSCORES: Final = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*"
_WITH_UNDERSCORES_FORM: Final = re.compile(_WITH_UNDERSCORES, re.ASCII)
_NAME_CHARACTERS: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
    f" (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
    f" (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
)
NO_ADDRESS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

_LEADING_ZERO: Final = re.compile(r"[./]0[0-9]")
_LETTERED: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LETTERED_FORM: Final = re.compile(_LETTERED, re.ASCII)
_LETTERED_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "
    f"alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_LETTERED}')"
)
_IDENTIFIER: Final = "[A-Za-z_][A-Za-z0-9_]*"
_IDENTIFIER_FORM: Final = re.compile(_IDENTIFIER, re.ASCII)
_IDENTIFIER_TEXT: Final = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'"
    f" (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '{_IDENTIFIER}')"
)

_REMEMBERED_LENGTH: Final = 128  # bounds what the caches can hold

_LEADING_ZERO_TEXT: Final = "must not have leading 0s"

Check = Callable[[str], list[str]]


def label(name: str) -> list[str]:
    """A DNS label: names of namespaces, services and stateful sets."""
    problems = _longer_than(63, name)
    if not _LABEL_FORM.fullmatch(name):
        dotted = _SUBDOMAIN_FORM.fullmatch(name)
        problems.append("must not contain dots" if dotted else _LABEL_TEXT)
    return problems


def lettered_label(name: str) -> list[str]:
    """A DNS label that begins with a letter (RFC 1035): versions of APIs."""
    problems = _longer_than(63, name)
    if not _LETTERED_FORM.fullmatch(name):
        problems.append(_LETTERED_TEXT)
    return problems


def c_identifier(name: str) -> list[str]:
    """An identifier as C has them: names of what a device has."""
    return [] if _IDENTIFIER_FORM.fullmatch(name) else [_IDENTIFIER_TEXT]


def subdomain(name: str) -> list[str]:
    """A DNS subdomain: names of most kinds."""
    problems = _longer_than(253, name)
    if not _SUBDOMAIN_FORM.fullmatch(name):
        problems.append(_SUBDOMAIN_TEXT.format("", _SUBDOMAIN))
    return problems


def domain_to_search(name: str) -> list[str]:
    """A DNS subdomain whose labels may have underscores, as those of services do (RFC 2782)."""
    problems = _longer_than(253, name)
    if not _WITH_UNDERSCORES_FORM.fullmatch(name):
        problems.append(_SUBDOMAIN_TEXT.format("'_', ", _WITH_UNDERSCORES))
    return problems


def path_segment(name: str) -> list[str]:
    """What fits between two slashes of a path: the least that every name must have, and all that those of roles, events and API services must."""
    if name in {".", ".."}:
        return [f"may not be '{name}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in name]


def address(name: str) -> list[str]:
    """An IP address in its canonical form: names of IPAddress objects."""
    try:
        canonical = str(ipaddress.ip_address(name))
    except ValueError:
        return [_LEADING_ZERO_TEXT if _is_address_with_leading_zeros(name) else NO_ADDRESS]
    return [] if canonical == name else [f'must be in canonical form ("{canonical}")']


def written_address(text: str) -> list[str]:
    """An IP address as people write it: in any form, but with zeros in front, or as an IPv4 address within IPv6."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return [_LEADING_ZERO_TEXT if _is_address_with_leading_zeros(text) else NO_ADDRESS]
    if found.version == 6 and found.scope_id is not None:
        return [NO_ADDRESS]
    if found.version == 6 and found.ipv4_mapped is not None:
        return ["must not be an IPv4-mapped IPv6 address"]
    return []


def loose_address(text: str) -> list[str]:
    """An IP address as Go once read it: also with zeros in front."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return [] if _is_address_with_leading_zeros(text) else [NO_ADDRESS]
    return []


def loose_network(text: str) -> list[str]:
    """A range of IP addresses as Go once read it: also with zeros in front."""
    address, slash, length = text.partition("/")
    longest = 128 if ":" in address else 32
    if (
        slash
        and not loose_address(address)
        and length.isascii()
        and length.isdigit()
        and int(length) <= longest
    ):
        return []
    return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


def network(text: str) -> list[str]:
    """A range of IP addresses: its first address, and how many bits all have in common."""
    if problems := loose_network(text):
        return problems
    address = text.partition("/")[0]
    if _LEADING_ZERO.search(text if ":" in text else f".{text}"):
        return ["must not have leading 0s in IP or prefix length"]
    if ":" in address and ipaddress.IPv6Address(address).ipv4_mapped is not None:
        return ["must not have an IPv4-mapped IPv6 address"]
    if ipaddress.ip_interface(text).network.network_address != ipaddress.ip_address(address):
        return ["must not have bits set beyond the prefix length"]
    return []


def interface_address(text: str) -> list[str]:
    """An address with the length of its network's prefix, in canonical form: `10.9.8.7/24`."""
    if loose_network(text):
        return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"]
    address, _, length = text.partition("/")
    canonical = f"{_loosely_parsed(address)}/{int(length)}"
    return [] if canonical == text else [f'must be in canonical form ("{canonical}")']


def _loosely_parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address that `loose_address` has nothing against."""
    if ":" not in text:
        text = ".".join(str(int(part)) for part in text.split("."))
    return ipaddress.ip_address(text)


def _is_address_with_leading_zeros(name: str) -> bool:
    parts = name.split(".")
    digits = all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)
    return len(parts) == 4 and digits


def short_subdomain(name: str) -> list[str]:
    """A subdomain that leaves room for the eleven characters a cron job adds to its jobs' names."""
    return subdomain(name) + _longer_than(52, name)


RULES: Final[dict[str, Check]] = {
    "subdomain": subdomain,
    "label": label,
    "path": path_segment,
    "address": address,
    "short-subdomain": short_subdomain,
}
"""The checks that `Resource.name_rule` names."""


def generated_base(base: str, rule: str) -> list[str]:
    """What is wrong with a generateName: it may end with the dash that the suffix goes behind."""
    if len(base) > 1 and base.endswith("-"):
        base = f"{base[:-2]}a"
    return RULES[rule](base)


def label_key(key: str) -> tuple[str, ...]:
    """A qualified name, `[subdomain/]name`: keys of labels and annotations, finalizers."""
    return _remembered_key(key) if len(key) <= _REMEMBERED_LENGTH else tuple(_label_key(key))


@lru_cache(maxsize=8192)
def _remembered_key(key: str) -> tuple[str, ...]:
    """The same few keys are in every object that is written: looking at them anew was half the cost of checking metadata."""
    return tuple(_label_key(key))


def _label_key(key: str) -> list[str]:
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return [
            f"a valid label key {_NAME_CHARACTERS} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    problems = _prefix_problems(prefix) if slash else []
    if not name:
        problems.append("name part must be non-empty")
    problems += [f"name part {problem}" for problem in _longer_than(63, name, "bytes")]
    if not _QUALIFIED_FORM.fullmatch(name):
        problems.append(f"name part {_NAME_CHARACTERS}")
    return problems


def label_value(value: str) -> tuple[str, ...]:
    """A label's value: at most 63 bytes, or empty."""
    return _remembered_value(value) if len(value) <= _REMEMBERED_LENGTH else tuple(_label_value(value))


@lru_cache(maxsize=8192)
def _remembered_value(value: str) -> tuple[str, ...]:
    return tuple(_label_value(value))


def _label_value(value: str) -> list[str]:
    problems = _longer_than(63, value, "bytes")
    if not _VALUE_FORM.fullmatch(value):
        problems.append(_VALUE_TEXT)
    return problems


def _prefix_problems(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    problems = _longer_than(253, prefix, "bytes")
    if not _SUBDOMAIN_FORM.fullmatch(prefix):
        problems.append(_SUBDOMAIN_TEXT.format("", _SUBDOMAIN))
    return [f"prefix part {problem}" for problem in problems]


def _longer_than(limit: int, text: str, unit: str = "characters") -> list[str]:
    length = len(text) if text.isascii() else len(text.encode())
    return [f"must be no more than {limit} {unit}"] if length > limit else []
