"""Calls between two processes over one stream: either side may call, and many calls may be under way at once."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable

import msgspec
import trio

from watchcache.follow import Link, Outbox, frame

logger = logging.getLogger(__name__)

Handler = Callable[[str, bytes], Awaitable[bytes]]
"""(operation, body) -> body of the answer. What it raises is logged, and the caller gets `PeerFailed` with the text."""


class PeerGone(Exception):
    """The process at the other end has left; whether it did what was asked is unknown."""


class PeerFailed(Exception):
    """The other process could not do what was asked, for a reason that is a defect there."""


class _Ask(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    number: int
    operation: str
    body: bytes


class _Answer(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    number: int
    body: bytes
    failure: str = ""


class _Drop(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Who asked does not wait any more."""

    number: int


_Message = _Ask | _Answer | _Drop
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Message).decode


class _Waiting:
    """A call that has not been answered."""

    def __init__(self) -> None:
        self.come = trio.Event()
        self.answer: _Answer | None = None


class Peer:
    """One end: `run` it in a task, then `call`."""

    def __init__(self, stream: trio.abc.Stream, handle: Handler) -> None:
        self._stream = stream
        self._link = Link(stream)
        self._handle = handle
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._serving: dict[int, trio.CancelScope] = {}
        self._outbox = Outbox(self._link)
        self._gone = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry calls until the other end leaves; what it asked for and is still being done is cancelled then."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._outbox.run)
                task_status.started()
                while (payload := await self._link.receive()) is not None:
                    self._take(_decode(payload), nursery)
                nursery.cancel_scope.cancel()
        finally:
            self._gone = True
            for waiting in self._waiting.values():
                waiting.come.set()
            await trio.aclose_forcefully(self._stream)

    async def call(self, operation: str, body: bytes = b"") -> bytes:
        """Have the other process do something. A cancelled call is cancelled there. Raises PeerGone, PeerFailed."""
        if self._gone:
            raise PeerGone
        number, waiting = next(self._numbers), _Waiting()
        self._waiting[number] = waiting
        self._say(_Ask(number, operation, body))
        try:
            await waiting.come.wait()
        except trio.Cancelled:
            self._say(_Drop(number))
            raise
        finally:
            self._waiting.pop(number, None)
        if waiting.answer is None:
            raise PeerGone
        if waiting.answer.failure:
            raise PeerFailed(waiting.answer.failure)
        return waiting.answer.body

    def tell(self, operation: str) -> None:
        """Have the other process do something, whatever comes of it."""
        if not self._gone:
            self._say(_Ask(next(self._numbers), operation, b""))

    def _take(self, message: _Message, nursery: trio.Nursery) -> None:
        if isinstance(message, _Ask):
            nursery.start_soon(self._serve, message)
        elif isinstance(message, _Drop):
            if (scope := self._serving.get(message.number)) is not None:
                scope.cancel()
        elif (waiting := self._waiting.get(message.number)) is not None:
            waiting.answer = message
            waiting.come.set()

    async def _serve(self, ask: _Ask) -> None:
        with trio.CancelScope() as scope:
            self._serving[ask.number] = scope
            try:
                answer = _Answer(ask.number, await self._handle(ask.operation, ask.body))
            except Exception as problem:
                logger.exception("what another process asked for failed: %s", ask.operation)
                answer = _Answer(ask.number, b"", f"{type(problem).__name__}: {problem}")
            finally:
                del self._serving[ask.number]
            self._say(answer)

    def _say(self, message: _Message) -> None:
        self._outbox.put(frame(_encode(message)))
