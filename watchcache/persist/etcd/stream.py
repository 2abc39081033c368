"""One watch stream of etcd: a thread of ours reads grpcio's iterator and hands what came to trio.

A pump thread is grpcio's price: its streams block. Responses go through a bounded queue, so that a reader that falls behind holds up etcd and
not memory; errors go the same way, because a stream whose end nobody hears of would leave its watcher waiting for ever.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Self

import grpc
import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import Client, Member
from watchcache.persist.etcd.errors import Problem, problem_of

QUEUED = 256  # responses; live ones hold an event each
_PATH = "/etcdserverpb.Watch/Watch"


class WatchStream:
    """A stream with one watch over a range of keys. Use `with`: leaving it ends the thread."""

    def __init__(self, client: Client, request: rpc.WatchCreateRequest) -> None:
        self.member: Member = client.member
        self._client = client
        self._requests: SimpleQueue[rpc.WatchRequest | None] = SimpleQueue()
        self._requests.put(rpc.WatchRequest(create_request=request))
        self._came: deque[rpc.WatchResponse] = deque()
        self._problem: Problem | None = None
        self._room = threading.Semaphore(QUEUED)
        self._closed = False
        self._wake: Callable[[], None] | None = None
        self._wake_queued = False
        call = self.member.channel.stream_stream(
            _PATH,
            request_serializer=rpc.WatchRequest.SerializeToString,
            response_deserializer=rpc.WatchResponse.FromString,
        )
        self._call = call(iter(self._requests.get, None), metadata=client.metadata())
        threading.Thread(target=self._pump, name="etcd-watch", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closed = True
        self._requests.put(None)
        self._call.cancel()
        self._room.release()

    def ask_progress(self) -> None:
        """Have etcd say how far the watch has come."""
        self._requests.put(rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()))

    async def receive(self, seconds: float = float("inf")) -> list[rpc.WatchResponse]:
        """All responses that have come, at least one; none when `seconds` pass before. Raises Problem at the end of the stream."""
        if not self._came and self._problem is None:
            came = trio.Event()
            self._wake = came.set
            with trio.move_on_after(seconds):
                await came.wait()
            self._wake = None
        if not self._came and self._problem is not None:
            raise self._problem
        taken = [self._came.popleft() for _ in range(len(self._came))]
        for _ in taken:
            self._room.release()
        return taken

    # -- in the pump's thread

    def _pump(self) -> None:
        try:
            for response in self._responses():
                self._room.acquire()
                self._came.append(response)
                if not self._wake_queued:
                    self._wake_queued = True
                    self._client.run_in_loop(self._arrived)
            problem = Problem(grpc.StatusCode.UNAVAILABLE, "the watch was ended", self.member.url)
        except grpc.RpcError as error:
            problem = problem_of(error, self.member.url)
        self._problem = problem
        self._client.run_in_loop(self._arrived)

    def _responses(self) -> Iterator[rpc.WatchResponse]:
        for response in self._call:
            if self._closed:
                return
            yield response

    def _arrived(self) -> None:  # in the event loop
        self._wake_queued = False
        if self._wake is not None:
            self._wake()
