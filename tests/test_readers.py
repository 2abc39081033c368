"""One task takes the input of many sockets."""

from __future__ import annotations

import socket

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from watchcache import readers
from watchcache.readers import AVAILABLE, Readers

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs Linux's epoll")


async def test_input_is_taken_until_the_socket_is_removed(nursery: trio.Nursery) -> None:
    """A taker may remove itself, others, and sockets that are ready at the same moment."""
    shared = Readers()
    nursery.start_soon(shared.run)
    pairs = [socket.socketpair() for _ in range(3)]
    taken: list[int] = []

    def taker(number: int) -> None:
        taken.append(number)
        for _, ours in pairs:
            shared.remove(ours.fileno())

    for number, (theirs, ours) in enumerate(pairs):
        shared.add(ours.fileno(), lambda number=number: taker(number))
        theirs.send(b"x")
    await wait_all_tasks_blocked()
    assert len(taken) == 1
    for pair in pairs:
        for one in pair:
            one.close()


async def test_others_run_while_input_goes_on_coming(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that is always ready does not keep the scheduler."""
    monkeypatch.setattr(readers, "TURN", 0.0)
    shared = Readers()
    theirs, ours = socket.socketpair()
    with theirs, ours:
        theirs.send(b"never taken")
        turns = []
        shared.add(ours.fileno(), lambda: turns.append(1))
        nursery.start_soon(shared.run)
        for _ in range(50):
            await trio.lowlevel.checkpoint()
        assert 10 < len(turns) <= 60
        shared.remove(ours.fileno())


async def test_a_socket_that_is_always_ready_does_not_keep_others_waiting(nursery: trio.Nursery) -> None:
    """The kernel goes round: each is looked at before one is looked at twice too often."""
    shared = Readers()
    pairs = [socket.socketpair() for _ in range(100)]
    taken = [0] * 100
    for number, (theirs, ours) in enumerate(pairs):
        theirs.send(b"x")

        def take(number: int = number) -> None:
            taken[number] += 1

        shared.add(ours.fileno(), take)
    nursery.start_soon(shared.run)
    while not any(taken):
        await trio.lowlevel.checkpoint()
    assert max(taken) <= min(taken) + 2
    for theirs, ours in pairs:
        shared.remove(ours.fileno())
        theirs.close()
        ours.close()


async def test_who_is_cancelled_with_the_reader_may_still_remove_its_socket() -> None:
    """A server that is ended cancels both, in any order."""
    shared = Readers()
    theirs, ours = socket.socketpair()
    with theirs, ours:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shared.run)
            shared.add(ours.fileno(), lambda: None)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        shared.remove(ours.fileno())
