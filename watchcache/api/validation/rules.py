"""What the rules of several kinds are made of.

The checks of a single value give a sequence and are no generators: a pod asks a dozen of them, each of which nearly always finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.status import Cause

Document = dict[str, Any]
Rule = Callable[[Document, Document | None], Iterable[Cause]]
"""(new, old or None at a creation) -> what is wrong."""

PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
"""Of taints."""
_LONGEST_DRIVER: Final = 63
_LARGEST_PORT: Final = 65535
_PORT_NAME_LENGTH: Final = 15
_PORT_NAME: Final = re.compile(r"[-a-z0-9]+")
_PATH: Final = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", re.ASCII)
_PERCENT: Final = re.compile(r"[0-9]+%")
_PERCENT_TEXT: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


def of_content(rule: Rule) -> Rule:
    """The rule, which is not asked when only metadata changes: what an older version stored can be labelled, and let go of."""

    def checked(new: Document, old: Document | None) -> Iterable[Cause]:
        if old is not None and all(
            name == "metadata" or new.get(name) == old.get(name) for name in {*new, *old}
        ):
            return ()
        return rule(new, old)

    return checked


def not_negative(holder: Document, members: Sequence[str], path: str) -> Iterator[Cause]:
    """Each of the members that is there must be zero or more."""
    for member in members:
        value = holder.get(member)
        if isinstance(value, int) and value < 0:
            yield causes.invalid(f"{path}.{member}", value, "must be greater than or equal to 0")


def one_of(value: Any, words: Sequence[str], field: str) -> Sequence[Cause]:
    """The value, when there is one, must be one of the words."""
    if value is None or value in words:
        return ()
    return (causes.not_supported(field, value, words),)


def driver_name(name: str | None, field: str) -> Sequence[Cause]:
    """The name of a driver of storage or devices, whose case does not matter."""
    if not name:
        return (causes.required(field),)
    found = causes.each_invalid(field, name, names.subdomain(name.lower()))
    return [causes.too_long(field, _LONGEST_DRIVER), *found] if len(name) > _LONGEST_DRIVER else found


def service_port(service: Document, path: str) -> Sequence[Cause]:
    """The port at which the server calls a service."""
    number = service.get("port") or 0
    if 1 <= number <= _LARGEST_PORT:
        return ()
    text = f"port is not valid: must be between 1 and {_LARGEST_PORT}, inclusive"
    return (causes.invalid(f"{path}.port", number, text),)


def well_named(name: str, check: Callable[[str], Collection[str]], field: str) -> Sequence[Cause]:
    """A name that is there must have the form that `api.names` checks."""
    return causes.each_invalid(field, name, check(name)) if name else ()


def port(number: Any, field: str) -> Sequence[Cause]:
    """A port's number."""
    if isinstance(number, int) and 1 <= number <= _LARGEST_PORT:
        return ()
    return (causes.invalid(field, number or 0, "must be between 1 and 65535, inclusive"),)


def port_or_name(value: Any, field: str) -> Sequence[Cause]:
    """A port's number, or the name of one."""
    return port_name(value, field) if isinstance(value, str) else port(value, field)


def port_name(name: str, field: str) -> Sequence[Cause]:
    """The name of a container's port (RFC 6335)."""
    problems = []
    if len(name) > _PORT_NAME_LENGTH:
        problems.append(f"must be no more than {_PORT_NAME_LENGTH} characters")
    if not _PORT_NAME.fullmatch(name):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any("a" <= character <= "z" for character in name):
        problems.append("must contain at least one letter (a-z)")
    if "--" in name:
        problems.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return causes.each_invalid(field, name, problems)


def domain_prefixed(path: str, field: str) -> Iterator[Cause]:
    """A name that somebody's domain makes unique: `acme.io/foo`."""
    domain, _, rest = path.partition("/")
    if not path:
        yield causes.required(field)
    elif not domain or not rest:
        yield causes.invalid(field, path, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        yield from causes.each_invalid(field, domain, names.subdomain(domain))
        if not _PATH.fullmatch(rest):
            text = f"Invalid path (regex used for validation is '{_PATH.pattern}')"
            yield causes.invalid(field, rest, text)


def amount(value: Any, field: str) -> Iterator[Cause]:
    """A number or a percentage, zero or more."""
    if isinstance(value, str):
        if not _PERCENT.fullmatch(value):
            yield causes.invalid(field, value, _PERCENT_TEXT)
    elif isinstance(value, int) and value < 0:
        yield causes.invalid(field, value, "must be greater than or equal to 0")


def annotation_keys(found: Document | None, field: str) -> Iterator[Cause]:
    """Keys of annotations, whose case does not matter."""
    for key in found or {}:
        yield from causes.each_invalid(field, key, names.label_key(key.lower()))
