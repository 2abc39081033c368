"""When data arrived is what the kernel says, not when a busy client came to take it."""

from __future__ import annotations

import socket
import sys
import time

import pytest
import trio

from watchcache.bench.client import receipts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux notes when a segment arrived")


async def connected() -> tuple[socket.socket, trio.socket.SocketType]:
    """A sender and a receiver over loopback TCP that asks for arrival times."""
    listener = socket.create_server(("127.0.0.1", 0))
    receiver = trio.socket.socket()
    await receiver.connect(listener.getsockname())
    receipts.ask(receiver)
    sender, _ = listener.accept()
    listener.close()
    return sender, receiver


async def until_noted(sender: socket.socket, receiver: trio.socket.SocketType) -> None:
    """Send until arrivals are noted: where nobody had asked before, the kernel begins to a moment later (net_enable_timestamp)."""
    arrived = 0
    with trio.fail_after(10):
        while not arrived:
            sender.sendall(b"-")
            await trio.lowlevel.wait_readable(receiver)
            _, arrived = receipts.receive(receiver._sock, 100)  # type: ignore[attr-defined]


async def test_data_have_the_time_of_their_arrival() -> None:
    """However long they waited in the kernel's buffer."""
    sender, receiver = await connected()
    with sender, receiver:
        await until_noted(sender, receiver)
        before = time.monotonic_ns()
        sender.sendall(b"one")
        after = time.monotonic_ns()
        while time.monotonic_ns() - after < 50_000_000:  # the client is busy
            pass
        data, arrived = receipts.receive(receiver._sock, 100)  # type: ignore[attr-defined]
        slack = 5_000_000  # two clocks are read one after the other
        assert data == b"one"
        assert before - slack <= arrived <= after + slack


async def test_the_end_and_nothing_are_told_apart() -> None:
    """Nothing yet raises; the end is no bytes."""
    sender, receiver = await connected()
    with sender, receiver:
        with pytest.raises(BlockingIOError):
            receipts.receive(receiver._sock, 100)  # type: ignore[attr-defined]
        sender.shutdown(socket.SHUT_WR)
        assert receipts.receive(receiver._sock, 100)[0] == b""  # type: ignore[attr-defined]
