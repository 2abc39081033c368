"""Cluster IPs and node ports of services: what is taken, and the next free one.

What stored services hold is derived from their events, so a restart rebuilds it and nothing can
leak. Between the choice of an address and its event the writer holds it as a *reservation*, which
it gives back when its write is done, whatever became of it.

An address or port may be counted more than once: a service asked for by name while its predecessor
is still being written, or two protocols on one port.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import chain
from random import Random
from typing import Self

import msgspec


class Exhausted(Exception):
    """Every address or port of the range is taken."""


class Pool:
    """The numbers of a range, each free or taken; free ones are handed out at random, the low part last.

    kube-apiserver keeps the first part of a range for explicit wishes and hands out of the rest while
    there is any (KEP-3070, KEP-3668); `reserved` is the size of that part.
    """

    def __init__(self, first: int, size: int, reserved: int, random: Random) -> None:
        self.first = first
        self.size = size
        self._reserved = min(reserved, size)
        self._random = random
        self._taken: Counter[int] = Counter()

    def __contains__(self, number: int) -> bool:
        return self.first <= number < self.first + self.size

    def is_taken(self, number: int) -> bool:
        """Whether somebody holds the number."""
        return number in self._taken

    def take(self, number: int) -> None:
        """Hold a number once more."""
        self._taken[number] += 1

    def release(self, number: int) -> None:
        """Hold it once less."""
        left = self._taken[number] - 1
        if left > 0:
            self._taken[number] = left
        else:
            self._taken.pop(number, None)

    def choose(self) -> int:
        """A free number, not taken yet; raises Exhausted."""
        upper, lower = (self._reserved, self.size), (0, self._reserved)
        for start, end in (upper, lower):
            if end > start:
                offset = self._random.randrange(start, end)
                for number in chain(range(offset, end), range(start, offset)):
                    if self.first + number not in self._taken:
                        return self.first + number
        raise Exhausted


def address_pool(cidr: str, random: Random) -> Pool:
    """The usable addresses of a service range: without the network's own and an IPv4 broadcast address."""
    network = ip_network(cidr, strict=False)
    last = 1 if isinstance(network, IPv4Network) and network.num_addresses > 2 else 0
    size = min(network.num_addresses, 1 << 20) - 1 - last
    return Pool(int(network.network_address) + 1, size, _reserved_part(size, 256), random)


def port_pool(text: str, random: Random) -> Pool:
    """The ports of `first-last`."""
    first, _, last = text.partition("-")
    size = int(last or first) - int(first) + 1
    return Pool(int(first), size, _reserved_part(size, 128) if size > 16 else 0, random)


def _reserved_part(size: int, most: int) -> int:
    """How much of a range is kept for explicit wishes: a sixteenth, at least 16, at most `most` (KEP-3070)."""
    return 0 if size < 16 else min(max(16, size // 16), most)


class Claims(msgspec.Struct, frozen=True):
    """What one service holds: its cluster IPs as (family, number) and its node ports."""

    addresses: tuple[tuple[str, int], ...] = ()
    ports: tuple[int, ...] = ()


class _Port(msgspec.Struct):
    node: int = msgspec.field(default=0, name="nodePort")


class _Spec(msgspec.Struct):
    cluster_ips: list[str] = msgspec.field(default_factory=list, name="clusterIPs")
    ports: list[_Port] = msgspec.field(default_factory=list)
    health_port: int = msgspec.field(default=0, name="healthCheckNodePort")


class _Service(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


_decode_service = msgspec.json.Decoder(_Service).decode


def claims_of(value: bytes) -> Claims:
    """What the stored service holds."""
    spec = _decode_service(value).spec
    addresses = tuple(parse_address(text) for text in spec.cluster_ips if text not in {"", "None"})
    # One node port may serve two protocols; the service holds it once.
    ports = sorted({port.node for port in spec.ports if port.node} | ({spec.health_port} - {0}))
    return Claims(addresses, tuple(ports))


def parse_address(text: str) -> tuple[str, int]:
    """An address as (family, number); raises ValueError."""
    address = ip_address(text)
    return family_of(address), int(address)


def family_of(item: IPv4Address | IPv6Address | IPv4Network | IPv6Network) -> str:
    """The family in the words of `spec.ipFamilies`."""
    return f"IPv{item.version}"


class ServiceAllocator:
    """Who holds which cluster IP and node port."""

    def __init__(self, cidrs: Iterable[str], node_ports: str, random: Random | None = None) -> None:
        random = random or Random()  # noqa: S311 - no secret: a spread of addresses
        self.cidrs = [cidr.strip() for cidr in cidrs]
        self.families = [family_of(ip_network(cidr, strict=False)) for cidr in self.cidrs]
        self.addresses = {
            family: address_pool(cidr, random) for family, cidr in zip(self.families, self.cidrs, strict=True)
        }
        self.ports = port_pool(node_ports, random)

    def hold(self, claims: Claims) -> None:
        """Count what a service holds."""
        for family, number in claims.addresses:
            if family in self.addresses:
                self.addresses[family].take(number)
        for port in claims.ports:
            self.ports.take(port)

    def let_go(self, claims: Claims) -> None:
        """Take back what `hold` counted."""
        for family, number in claims.addresses:
            if family in self.addresses:
                self.addresses[family].release(number)
        for port in claims.ports:
            self.ports.release(port)

    def replaced(self, before: bytes | None, after: bytes | None) -> None:
        """A service's event: its state before and after."""
        if after is not None:
            self.hold(claims_of(after))
        if before is not None:
            self.let_go(claims_of(before))


class Reservation:
    """What one writer holds until its write is done: `with Reservation(allocator) as reservation`."""

    def __init__(self, allocator: ServiceAllocator) -> None:
        self.allocator = allocator
        self._addresses: list[tuple[str, int]] = []
        self._ports: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def choose_address(self, family: str) -> str:
        """Hold a free address; raises Exhausted."""
        number = self.allocator.addresses[family].choose()
        self.take_address(family, number)
        return str(IPv4Address(number) if family == "IPv4" else IPv6Address(number))

    def take_address(self, family: str, number: int) -> None:
        """Hold a certain address."""
        self.allocator.addresses[family].take(number)
        self._addresses.append((family, number))

    def choose_port(self) -> int:
        """Hold a free node port; raises Exhausted."""
        number = self.allocator.ports.choose()
        self.take_port(number)
        return number

    def take_port(self, number: int) -> None:
        """Hold a certain node port."""
        self.allocator.ports.take(number)
        self._ports.append(number)

    def give_back(self) -> None:
        """The write is done, failed or begins anew: what it stored is counted by its event."""
        if not self._addresses and not self._ports:
            return
        self.allocator.let_go(Claims(tuple(self._addresses), tuple(self._ports)))
        self._addresses.clear()
        self._ports.clear()
