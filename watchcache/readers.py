"""The input of many connections, read by one task: of a server's HTTP/2 clients, or of the load generator's nodes.

Go's clients give a window back after every 4 KiB: 5,000 of them answer a broadcast with 5,000 small packets. With a task
for each, all that are ready run in one pass of the scheduler, a quarter of a second in which nothing else does, and each costs a
change of trio's epoll and the resumption of a task. Here one task waits for an epoll that stands in trio's epoll as one
descriptor. It has what is ready taken, in the kernel's order, which is a round: who has been looked at goes to its end. After `TURN`
seconds the others run.

A `Taker` is called when there is input, until it is removed; it must not raise.
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable

import trio

Taker = Callable[[], None]

AVAILABLE = sys.platform == "linux"
TURN = 0.004
BATCH = 32  # descriptors asked for at once


class Readers:
    """Sockets by descriptor, with who takes their input. Linux only (`AVAILABLE`): elsewhere a task reads for each."""

    __slots__ = ("_epoll", "_takers")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._takers: dict[int, Taker] = {}

    def add(self, descriptor: int, taker: Taker) -> None:
        """Have the input of a socket taken from now on. Raises OSError when it is closed."""
        self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLRDHUP)
        self._takers[descriptor] = taker

    def remove(self, descriptor: int) -> None:
        """Leave a socket alone; to be called before it is closed."""
        if self._takers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    async def run(self) -> None:
        """Have input taken until cancelled."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                self._take()
        finally:
            self._takers.clear()  # those that are removed after this, cancelled like us, find nothing to undo
            self._epoll.close()

    def _take(self) -> None:
        ends = time.perf_counter() + TURN
        while ready := self._epoll.poll(0, BATCH):
            for descriptor, _ in ready:
                taker = self._takers.get(descriptor)
                if taker is not None:  # else it was removed by one before it
                    taker()
            if time.perf_counter() >= ends:
                break
