"""One watch stream of etcd."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn, Self

import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.call import Stream
from watchcache.persist.etcd.client import Client, Member
from watchcache.persist.etcd.codes import Code
from watchcache.persist.etcd.errors import Problem

Deliver = Callable[[list[rpc.WatchResponse]], None]

_PATH = "/etcdserverpb.Watch/Watch"


class WatchStream:
    """A stream with one watch over a range of keys. Use `with`: leaving it cancels the watch.

    A reader that falls behind holds up etcd and not memory: the stream's window opens again only when responses are taken.
    """

    def __init__(self, client: Client, request: rpc.WatchCreateRequest) -> None:
        self.member: Member = client.member
        self.heard_at = trio.current_time()  # a response
        self._came: list[bytes] = []
        self._deliver: Deliver | None = None
        self._problem: Exception | None = None
        self._wake = trio.Event()
        self._stream = Stream(self._take, self._ended, math.inf)
        first = rpc.WatchRequest(create_request=request).SerializeToString()
        self._connection = self.member.start(_PATH, client.token, first, self._stream, last=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._connection.cancel(self._stream)

    def ask_progress(self) -> None:
        """Have etcd say how far the watch has come."""
        request = rpc.WatchRequest(progress_request=rpc.WatchProgressRequest())
        self._connection.send(self._stream, request.SerializeToString())

    @property
    def received_at(self) -> float:
        """When its connection last brought anything."""
        return self._connection.received_at

    def ask_sign(self) -> None:
        """Have etcd say how far the watch has come, and the connection show that it lives."""
        self.ask_progress()
        self._connection.ask_sign()

    def leave(self, why: str) -> None:
        """Give up the watch, and begin nothing more on its connection."""
        self._connection.retire()
        self._ended(Code.UNAVAILABLE, why, False)

    async def receive(self, seconds: float = math.inf) -> list[rpc.WatchResponse]:
        """All responses that have come, at least one; none when `seconds` pass before. Raises Problem at the end of the stream."""
        if not self._came and self._problem is None:
            self._wake = trio.Event()
            with trio.move_on_after(seconds):
                await self._wake.wait()
        if not self._came and self._problem is not None:
            raise self._problem
        return self._taken()

    async def follow(self, deliver: Deliver) -> NoReturn:
        """Have `deliver` called with the responses from now on: with all that have come at once, as soon as the connection has read them.

        That saves the scheduler's turn that `receive` takes for each of these groups. Raises what `deliver` raises, and Problem at the end of the stream.
        """
        self._deliver = deliver
        self._wake = trio.Event()
        self._pass_on()
        if self._problem is None:
            await self._wake.wait()
        self._pass_on()
        assert self._problem is not None
        raise self._problem

    def _taken(self) -> list[rpc.WatchResponse]:
        taken = [rpc.WatchResponse.FromString(message) for message in self._came]
        self._came.clear()
        self._connection.taken(self._stream)
        return taken

    def _take(self, message: bytes) -> None:
        self.heard_at = trio.current_time()
        self._came.append(message)
        if self._deliver is None:
            self._wake.set()
        elif len(self._came) == 1:
            self._connection.after_reading(self._pass_on)

    def _pass_on(self) -> None:
        if self._deliver is None or not self._came:
            return
        try:
            self._deliver(self._taken())
        except Exception as problem:  # for the task that follows; the connection has others to serve
            self._deliver = None
            self._problem = problem
            self._wake.set()

    def _ended(self, code: Code, text: str, not_sent: bool) -> None:
        if self._problem is None:
            code = Code.UNAVAILABLE if code is Code.OK else code
            self._problem = Problem(code, text or "the watch was ended", self.member.url, not_sent=not_sent)
        self._wake.set()
