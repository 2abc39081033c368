"""One worker's place: a process with some sockets to it, and another process when it ends unasked."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from watchcache.follow import Feed
from watchcache.workers.assignment import Assignment, encode
from watchcache.workers.peer import Peer, PeerFailed, PeerGone

if TYPE_CHECKING:
    from watchcache.workers.supervisor import Supervisor

logger = logging.getLogger("watchcache.workers")

# A worker that served this long is replaced at once; one that did not waits longer each time.
_SETTLED = 10.0
# What a worker that was cut off may take for its clients; it takes a tenth of a second when nothing runs.
_FAREWELL = 3.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
# Questions in a row that must stay unanswered. More than one: when this process itself stood still, it finds one overdue.
_BEATS = 4


class Place:
    """Keeps one worker running."""

    def __init__(self, supervisor: Supervisor, assignment: Assignment) -> None:
        self.name = assignment.name
        self.serving = False
        self.restarts = 0
        self.first_start = trio.Event()  # served for the first time, or could not (`failure`)
        self.failure = ""
        self.pid = 0
        self.leaving = False  # was told to end
        self.drained = trio.Event()  # nothing runs in the worker any more
        self._supervisor = supervisor
        self._assignment = assignment
        self._peer: Peer | None = None
        self._left = trio.Event()

    # -- life

    async def keep(self) -> None:
        """Run a worker, and the next when it ends, until it is told to leave."""
        pause = 0.0
        while True:
            began = trio.current_time()
            code = await self._run()
            self.serving = False
            if self.leaving:
                break
            if not self.first_start.is_set():
                self.failure = f"{self.name} could not start: it ended with {ended_with(code)}"
                self.first_start.set()
                break
            self.restarts += 1
            settled = trio.current_time() - began >= _SETTLED
            pause = 0.0 if settled else min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * pause))
            logger.warning("%s ended with %s; it is started again", self.name, ended_with(code))
            await trio.sleep(pause)
            if self.leaving:
                break
        self._left.set()

    async def leave(self) -> None:
        """Tell the worker to end gracefully; returns when it has."""
        self.leaving = True
        if self._peer is None:  # between two
            return
        await self.ask("shutdown")
        await self._left.wait()

    async def _run(self) -> int:
        """One process, from its start to its end; the exit status, negative for a signal."""
        calls, its_calls = socket.socketpair()
        pairs = [(feed, *socket.socketpair()) for feed in self._supervisor.feeds]
        with ExitStack() as theirs:
            sockets = [theirs.enter_context(each) for each in (its_calls, *(its for _, _, its in pairs))]
            process = await self._start(sockets)
        self.pid = process.pid
        self.drained = trio.Event()
        self._peer = Peer(stream_of(calls), self._answer)
        try:
            async with trio.open_nursery() as nursery:
                for feed, ours, _ in pairs:
                    nursery.start_soon(self._feed, feed, ours)
                nursery.start_soon(self._peer.run)
                nursery.start_soon(self._take_pulse, self._peer, process)
                code = await process.wait()
                nursery.cancel_scope.cancel()
        finally:
            self._peer = None
            self.drained.set()
            if process.returncode is None:
                await _see_out(process)
        return code

    async def _start(self, sockets: Sequence[socket.socket]) -> trio.Process:
        package = str(Path(__file__).parent.parent.parent)
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        numbers = [each.fileno() for each in sockets]
        return await trio.lowlevel.open_process(
            [sys.executable, "-m", "watchcache.workers", *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            pass_fds=numbers,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    async def _feed(self, feed: Feed, sock: socket.socket) -> None:
        try:
            await feed.serve(stream_of(sock))
        except Exception:  # the worker loses its feed, ends, and begins anew; the server goes on
            logger.exception("%s could not be fed", self.name)

    async def _take_pulse(self, peer: Peer, process: trio.Process) -> None:
        """Kill a worker that serves, but whose loop stands still: stopped, hanging in a call, or in a loop without end.

        It holds connections that nobody answers, and the kernel deals out more to it.
        """
        timeout = self._assignment.settings.worker_timeout
        beat = timeout / _BEATS
        missed = 0
        while timeout and missed < _BEATS:
            await trio.sleep(0 if missed else beat)
            if not self.serving:
                continue
            with trio.move_on_after(beat) as patience:
                try:
                    await peer.call("pulse")
                except (PeerGone, PeerFailed):
                    return  # it is ending
            missed = missed + 1 if patience.cancelled_caught else 0
        if timeout:
            logger.error("%s has not answered for %g s; it is killed", self.name, timeout)
            process.kill()

    # -- what they say to each other

    async def ask(self, operation: str, body: bytes = b"") -> bytes:
        """Ask the worker for something; empty when it is not there."""
        if self._peer is None:
            return b""
        try:
            return await self._peer.call(operation, body)
        except PeerGone:
            return b""
        except PeerFailed as problem:
            logger.warning("%s: %s: %s", self.name, operation, problem)
            return b""

    def tell(self, operation: str) -> None:
        """Tell the worker something, without waiting for it."""
        if self._peer is not None:
            self._peer.tell(operation)

    async def _answer(self, operation: str, payload: bytes) -> bytes:
        if operation == "assignment":
            return encode(self._assignment)
        if operation == "serving":
            self.serving = True
            self.first_start.set()
            return b""
        if operation == "drained":
            self.drained.set()
            await self._supervisor.wait_drained()
            return b""
        return await self._supervisor.answer(operation, payload)


async def _see_out(process: trio.Process) -> None:
    """The worker has lost both sockets, so it ends its watches and leaves; one that does not is killed."""
    with trio.CancelScope(shield=True):
        with trio.move_on_after(_FAREWELL):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


def stream_of(sock: socket.socket) -> trio.SocketStream:
    """One end of a pair, for trio."""
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


def ended_with(code: int) -> str:
    """An exit status for people."""
    return f"signal {-code}" if code < 0 else f"status {code}"
