"""What services hold, written down beside them where several servers share a log: no address or port is given out twice.

As kube-apiserver does it, so that one may share the etcd: an IPAddress for each cluster IP, and one RangeAllocation whose bits are
the node ports (`ranges/servicenodeports`, a big-endian number). What holds here:

* A service and what it gains or loses are written in one step, guarded by the absence of each IPAddress and by the revision of the
  ports' bits. So nothing is held without its service, nobody who was asleep in between can come too late, and nothing has to be given back.
* Who meets an address that another server took meanwhile chooses again. Writes that move the ports' bits take turns in one server.
* A store that takes one key in a step (kine) gets what is gained before the service and loses what is lost after it, as a kube-apiserver does it.
* What that, or a kube-apiserver, leaves behind when it is killed between two writes is tidied up as that does it itself: addresses a minute old without
  their service; ports that no service has held for three looks in a row.

On a log of one server `addresses` alone decides, and nothing is written beside a service.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import Final

import msgspec
import trio

from watchcache.api import status
from watchcache.api.codec import value_of
from watchcache.api.meta import new_uid, now_text
from watchcache.api.stored import NODE_PORTS
from watchcache.log import Beside, Conflict, Event, Head, JournalError, OneKeyOnly, SharedLog
from watchcache.registry.addresses import Claims, ServiceAllocator, claims_of, parse_address

_logger = logging.getLogger(__name__)
SERVICES: Final = "services/specs/"
ADDRESSES: Final = "ipaddresses/"
INTERVAL: Final = 180.0  # seconds between two looks, kube-apiserver's
GRACE: Final = 60.0  # that an address may be there before its service
LOOKS: Final = 3  # in a row that find a port without a service, before it is free
_FAMILY: Final = "ipaddress.kubernetes.io/ip-family"
_MANAGED_BY: Final = "ipaddress.kubernetes.io/managed-by"
_MANAGER: Final = "ipallocator.k8s.io"
_NOTHING: Final = Claims()

Holding = tuple[str, int]
"""An address: its family and number."""


class _Parent(msgspec.Struct):
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""


class _AddressSpec(msgspec.Struct):
    parent: _Parent = msgspec.field(default_factory=_Parent, name="parentRef")


class _AddressMetadata(msgspec.Struct):
    created: str = msgspec.field(default="", name="creationTimestamp")
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class _Address(msgspec.Struct):
    metadata: _AddressMetadata
    spec: _AddressSpec = msgspec.field(default_factory=_AddressSpec)


class _Bits(msgspec.Struct):
    range: str = ""
    data: str = ""


_read_address = msgspec.json.Decoder(_Address).decode
_read_bits = msgspec.json.Decoder(_Bits).decode


class Ledger:
    """Writes services with what they hold, and follows what other servers hold. `wait_newest` waits until all acknowledged writes are seen."""

    def __init__(
        self,
        log: SharedLog,
        allocator: ServiceAllocator,
        clock: Callable[[], float],
        random: Random,
        wait_newest: Callable[[], Awaitable[None]],
    ) -> None:
        self._log = log
        self._allocator = allocator
        self._clock = clock
        self._random = random
        self._wait_newest = wait_newest
        self._ports_turn = trio.Lock()
        self._one_by_one = False  # the store has refused several keys in one step
        self._bits = 0  # as last published
        self._without_service: dict[int, int] = {}  # port -> looks in a row that found no service with it

    # -- following

    def load(self) -> None:
        """Take in what is published. Once, before `seen`."""
        for key, _ in self._log.heads(ADDRESSES):
            self._note_address(key, held=True)
        for _, head in self._log.heads(NODE_PORTS):
            self._note_ports(head.value)

    def seen(self, event: Event) -> None:
        """An event of any key."""
        if event.key.startswith(ADDRESSES):
            if event.prev is None or event.deleted:
                self._note_address(event.key, held=not event.deleted)
        elif event.key == NODE_PORTS:
            self._note_ports(None if event.deleted else event.value)

    def _note_address(self, key: str, *, held: bool) -> None:
        try:
            claims = Claims((parse_address(key[len(ADDRESSES) :]),))
        except ValueError:
            return
        (self._allocator.hold if held else self._allocator.let_go)(claims)

    def _note_ports(self, value: bytes | None) -> None:
        before, self._bits = self._bits, 0 if value is None else _bits_of(value)
        self._allocator.hold(Claims((), self._ports_of(self._bits & ~before)))
        self._allocator.let_go(Claims((), self._ports_of(before & ~self._bits)))

    async def is_outdated(self) -> bool:
        """Whether a refusal may rest on a state that was old; then the newest is known now."""
        published = self._log.published
        await self._wait_newest()
        return self._log.published > published

    # -- writing

    async def append(self, key: str, value: bytes | None, head: Head | None) -> Event:
        """Write a service (None: delete it) that builds on a head, with all that it gains and loses.

        Raises what the log raises. A Conflict that names another key says that an address or a port is taken; that is published then.
        """
        before = _NOTHING if head is None else claims_of(head.value)
        after = _NOTHING if value is None else claims_of(value)
        expected = 0 if head is None else head.revision
        if before == after:
            return await self._log.append(key, value, expected=expected)
        if set(before.ports) == set(after.ports):
            return await self._append(key, value, expected, before, after)
        async with self._ports_turn:
            return await self._append(key, value, expected, before, after)

    async def _append(
        self, key: str, value: bytes | None, expected: int, before: Claims, after: Claims
    ) -> Event:
        if not self._one_by_one:
            try:
                return await self._append_together(key, value, expected, before, after)
            except OneKeyOnly as told:
                _logger.warning("addresses and ports are written before their services: %s", told)
                self._one_by_one = True
        gained = Claims(
            tuple(sorted(set(after.addresses) - set(before.addresses))),
            tuple(set(after.ports) - set(before.ports)),
        )
        lost = Claims(
            tuple(sorted(set(before.addresses) - set(after.addresses))),
            tuple(set(before.ports) - set(after.ports)),
        )
        await self._take(key, gained)
        try:
            event = await self._log.append(key, value, expected=expected)
        except Conflict:
            await self._give_back(key, gained)
            raise
        await self._give_back(key, lost)
        return event

    async def _take(self, key: str, claims: Claims) -> None:
        """Write down what is gained, or nothing. Raises Conflict when it is taken; that is published then."""
        taken: list[Holding] = []
        try:
            for address in claims.addresses:
                [each] = self._gained(key, [address])
                await self._log.append(each.key, each.value, expected=0)
                taken.append(address)
            await self._move_ports(set(), set(claims.ports))
        except Conflict as conflict:
            await self._give_back(key, Claims(tuple(taken)))
            if conflict.head is not None:
                await self._log.wait_published(conflict.head.revision)
            raise

    async def _give_back(self, key: str, claims: Claims) -> None:
        for each in self._lost(key, claims.addresses):
            with suppress(Conflict):
                await self._log.append(each.key, None, expected=each.expected)
        await self._move_ports(set(claims.ports), set())

    async def _move_ports(self, before: set[int], after: set[int]) -> None:
        while True:
            for each in await self._moved_ports(before, after):
                try:
                    await self._log.append(each.key, each.value, expected=each.expected)
                except Conflict:
                    break  # another server was faster: the log's head says how the bits are now
            else:
                return

    async def _append_together(
        self, key: str, value: bytes | None, expected: int, before: Claims, after: Claims
    ) -> Event:
        while True:
            beside = [
                *self._gained(key, set(after.addresses) - set(before.addresses)),
                *self._lost(key, set(before.addresses) - set(after.addresses)),
                *await self._moved_ports(set(before.ports), set(after.ports)),
            ]
            try:
                return await self._log.append_together(key, value, expected=expected, beside=beside)
            except Conflict as conflict:
                if conflict.key == key:
                    raise
                if conflict.expected == 0 and conflict.head is not None and conflict.key != NODE_PORTS:
                    await self._log.wait_published(conflict.head.revision)
                    raise
                # Else what is held, or the ports' bits, changed meanwhile: the log's head says how.

    def _gained(self, key: str, addresses: Iterable[Holding]) -> list[Beside]:
        return [Beside(_key_of(address), 0, self._address(key, address)) for address in sorted(addresses)]

    def _lost(self, key: str, addresses: Iterable[Holding]) -> list[Beside]:
        heads = [(name, self._log.head(name)) for name in map(_key_of, sorted(addresses))]
        return [
            Beside(name, head.revision, None)
            for name, head in heads
            if head is not None and _parent_of(head.value) == key
        ]

    async def _moved_ports(self, before: set[int], after: set[int]) -> list[Beside]:
        if before == after:
            return []
        head = self._log.head(NODE_PORTS)
        bits = 0 if head is None else self._known_bits(head.value)
        gained, lost = self._mask(after - before), self._mask(before - after)
        if bits & gained and head is not None:
            await self._log.wait_published(head.revision)
            raise Conflict(NODE_PORTS, 0, head)
        wanted = bits & ~lost | gained
        return (
            []
            if wanted == bits
            else [Beside(NODE_PORTS, 0 if head is None else head.revision, self._range(wanted))]
        )

    def _address(self, key: str, address: Holding) -> bytes:
        namespace, name = key[len(SERVICES) :].split("/", 1)
        return value_of(
            {
                "metadata": {
                    "name": _key_of(address)[len(ADDRESSES) :],
                    "uid": new_uid(self._random),
                    "creationTimestamp": now_text(self._clock()),
                    "labels": {_FAMILY: address[0], _MANAGED_BY: _MANAGER},
                },
                "spec": {"parentRef": {"resource": "services", "namespace": namespace, "name": name}},
            }
        )

    # -- the bits of the ports

    @property
    def _range_text(self) -> str:
        pool = self._allocator.ports
        return f"{pool.first}-{pool.first + pool.size - 1}"

    def _known_bits(self, value: bytes) -> int:
        stated = _read_bits(value).range
        if stated != self._range_text:
            raise status.untyped(
                f"the node ports in etcd are of the range {stated}, those of this server of {self._range_text}"
            )
        return _bits_of(value)

    def _range(self, bits: int) -> bytes:
        data = base64.b64encode(bits.to_bytes((bits.bit_length() + 7) // 8, "big")).decode()
        return value_of({"metadata": {}, "range": self._range_text, "data": data})

    def _mask(self, ports: Iterable[int]) -> int:
        pool = self._allocator.ports
        return sum(1 << (port - pool.first) for port in ports if port in pool)

    def _ports_of(self, bits: int) -> tuple[int, ...]:
        first = self._allocator.ports.first
        return tuple(first + offset for offset in range(bits.bit_length()) if bits >> offset & 1)

    # -- tidying up

    async def run(self) -> None:
        """Tidy up now and then; ends only when cancelled."""
        while True:
            await trio.sleep(INTERVAL)
            try:
                await self.tidy()
            except JournalError as problem:
                _logger.warning("what services hold was not looked through: %s", problem)

    async def tidy(self) -> None:
        """Write down what services hold without it (an older server wrote them), and remove what nobody holds."""
        services = {key: claims_of(head.value) for key, head in self._log.heads(SERVICES)}
        held = {
            _key_of(address): (key, address)
            for key, claims in services.items()
            for address in claims.addresses
        }
        addresses = dict(self._log.heads(ADDRESSES))
        missing = [Beside(name, 0, self._address(*held[name])) for name in held.keys() - addresses.keys()]
        left = [
            Beside(name, head.revision, None)
            for name, head in addresses.items()
            if name not in held and self._is_left_behind(head.value)
        ]
        tickets = [
            self._log.append_nowait(each.key, each.value, expected=each.expected)
            for each in (*missing, *left)
        ]
        for ticket in tickets:
            with suppress(Conflict):  # another server does the same
                await ticket.wait()
        await self._tidy_ports({port for claims in services.values() for port in claims.ports})

    def _is_left_behind(self, value: bytes) -> bool:
        metadata = _read_address(value).metadata
        if metadata.labels.get(_MANAGED_BY) != _MANAGER:
            return False
        try:
            created = datetime.fromisoformat(metadata.created).timestamp()
        except ValueError:
            return False
        return self._clock() - created > GRACE

    async def _tidy_ports(self, held: set[int]) -> None:
        head = self._log.head(NODE_PORTS)
        if head is None and not held:
            return
        try:
            bits = 0 if head is None else self._known_bits(head.value)
        except status.StatusError as other_range:
            _logger.warning("node ports cannot be given out: %s", other_range)
            return
        unheld = self._ports_of(bits & ~self._mask(held))
        self._without_service = {port: self._without_service.get(port, 0) + 1 for port in unheld}
        free = [port for port, looks in self._without_service.items() if looks >= LOOKS]
        wanted = (bits | self._mask(held)) & ~self._mask(free)
        if wanted == bits:
            return
        with suppress(Conflict):  # at the next look
            await self._log.append(
                NODE_PORTS, self._range(wanted), expected=0 if head is None else head.revision
            )


def _key_of(address: Holding) -> str:
    family, number = address
    return f"{ADDRESSES}{IPv4Address(number) if family == 'IPv4' else IPv6Address(number)}"


def _parent_of(value: bytes) -> str:
    """The key of the service that an IPAddress is for, "" for anything else."""
    parent = _read_address(value).spec.parent
    if parent.group or parent.resource != "services":
        return ""
    return f"{SERVICES}{parent.namespace}/{parent.name}"


def _bits_of(value: bytes) -> int:
    return int.from_bytes(base64.b64decode(_read_bits(value).data), "big")
