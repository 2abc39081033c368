"""How the text of a flag becomes a value: Go's notations, as users of kube-apiserver write them."""

from __future__ import annotations

import ipaddress
import os
import re

from watchcache.api.durations import parse_duration
from watchcache.auth import MODES

SIZES = {
    "": 1,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
}
MOST_WORKERS = 256
MOST_CHANCE = 0.02  # kube-apiserver's: one request in fifty
_SIZE = re.compile(r"(\d+)(Ki|Mi|Gi|Ti|k|M|G|T)?")
TRUE = {"1", "t", "T", "true", "TRUE", "True"}
FALSE = {"0", "f", "F", "false", "FALSE", "False"}


def duration(text: str) -> float:
    """Seconds of a Go duration such as `1h0m0s` or `500ms`.

    Raises `ValueError` with what is wrong.
    """
    try:
        return parse_duration(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a duration; write it like 1h30m, 90s or 500ms') from None


def size(text: str) -> int:
    """Bytes of a quantity such as `512Mi` or `1G`.

    Raises `ValueError`.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(f'"{text}" is not a size; write it like 512Mi or 2Gi')
    return int(match[1]) * SIZES[match[2] or ""]


def boolean(text: str) -> bool:
    """What Go's strconv.ParseBool takes.

    Raises `ValueError`.
    """
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueError(f'"{text}" is neither true nor false')


def integer(text: str) -> int:
    """A decimal number.

    Raises `ValueError`.
    """
    try:
        return int(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a whole number') from None


def port(text: str) -> int:
    """A TCP port; 0 asks for a free one.

    Raises `ValueError`.
    """
    number = integer(text)
    if not 0 <= number <= 65535:
        raise ValueError(f"{number} is not a port; it must be between 0 (a free one) and 65535")
    return number


def address(text: str) -> str:
    """An IPv4 or IPv6 address.

    Raises `ValueError`.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f'"{text}" is not an IP address') from None


def networks(text: str) -> str:
    """One CIDR, or two of different families with a comma between them.

    Raises `ValueError`.
    """
    found = []
    for part in text.split(","):
        try:
            found.append(ipaddress.ip_network(part.strip(), strict=False))
        except ValueError:
            raise ValueError(f'"{part}" is not a network; write it like 10.0.0.0/24') from None
    if len({network.version for network in found}) < len(found):
        raise ValueError(f'"{text}" may have one network of IPv4 and one of IPv6, no more')
    return ",".join(map(str, found))


def ports(text: str) -> str:
    """A range of ports: `30000-32767`, `30000+100` (that and the next hundred), or one port; as `first-last`.

    Raises `ValueError`.
    """
    match = re.fullmatch(r"\s*(\d+)\s*(?:([-+])\s*(\d+)\s*)?", text)
    if not match:
        raise ValueError(f'"{text}" is not a range of ports; write it like 30000-32767')
    first = int(match[1])
    last = first if match[3] is None else int(match[3]) + (first if match[2] == "+" else 0)
    if not 0 < first <= last <= 65535:
        raise ValueError(
            f'"{text}" must begin with 1 or more, not end before it begins, and end with 65535 or less'
        )
    return f"{first}-{last}"


def seconds(text: str) -> int:
    """A number of seconds that is not negative.

    Raises `ValueError`.
    """
    number = integer(text)
    if number < 0:
        raise ValueError(f"{number} must not be negative")
    return number


def chance(text: str) -> float:
    """A probability as --goaway-chance takes it, 0 to 0.02.

    Raises `ValueError`.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MOST_CHANCE:
        raise ValueError(f'"{text}" is not a chance between 0 and {MOST_CHANCE}')
    return value


def text(value: str) -> str:
    """Any text."""
    return value


def comma_list(value: str) -> tuple[str, ...]:
    """The non-empty parts between commas."""
    return tuple(part for part in value.split(",") if part)


def modes(value: str) -> tuple[str, ...]:
    """The authorizers of --authorization-mode.

    Raises `ValueError`.
    """
    found = comma_list(value)
    if not found:
        raise ValueError(f"at least one of {', '.join(MODES)} must be given")
    for mode in found:
        if mode in {"ABAC", "Webhook"}:
            raise ValueError(f'"{mode}" is not here; what is: {", ".join(MODES)}')
        if mode not in MODES:
            raise ValueError(f'"{mode}" is not a valid mode; the modes are {", ".join(MODES)}')
        if found.count(mode) > 1:
            raise ValueError(f'"{mode}" is there more than once')
    return found


def workers(text: str) -> int:
    """A number of processes; `auto` is one for each core this process may use, and none besides it on a single core.

    Raises `ValueError`.
    """
    if text == "auto":
        cores = len(os.sched_getaffinity(0))
        return cores if cores > 1 else 0
    if not text.isdecimal() or int(text) > MOST_WORKERS:
        raise ValueError(f'"{text}" is neither auto nor a number from 0 to {MOST_WORKERS}')
    return int(text)
