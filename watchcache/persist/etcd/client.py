"""Calls to an etcd cluster from trio: grpcio's futures, resumed where they were asked.

grpcio answers on a thread of its own. What is done there is put into a queue and the event loop woken, once for all answers that came
meanwhile; `done` callbacks then run in the loop, in the order of arrival.

One endpoint is used until it fails; then the next. A call is repeated there only when that cannot do it twice: a read always, a write when the
first attempt certainly had no effect. Every call has a deadline.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, TypeVar

import grpc
import msgspec
import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.endpoints import Cluster, endpoints_of, open_channel
from watchcache.persist.etcd.errors import Problem, problem_of
from watchcache.persist.etcd.figures import Figures

Done = Callable[[Any, Problem | None], None]
Response = TypeVar("Response")

SECONDS = 10.0  # etcd gives up on a proposal after some 7 s; what has not come then will not come
ATTEMPTS = 2  # through all endpoints, before a call has failed


class Method(msgspec.Struct, frozen=True, eq=False):
    """A call of etcd's API. repeatable: doing it twice is the same as doing it once."""

    path: str
    response: Any
    repeatable: bool = True


RANGE = Method("/etcdserverpb.KV/Range", rpc.RangeResponse)
TXN = Method("/etcdserverpb.KV/Txn", rpc.TxnResponse, repeatable=False)
COMPACT = Method("/etcdserverpb.KV/Compact", rpc.CompactionResponse)
GRANT = Method("/etcdserverpb.Lease/LeaseGrant", rpc.LeaseGrantResponse)
STATUS = Method("/etcdserverpb.Maintenance/Status", rpc.StatusResponse)
AUTHENTICATE = Method("/etcdserverpb.Auth/Authenticate", rpc.AuthenticateResponse)
_METHODS = (RANGE, TXN, COMPACT, GRANT, STATUS, AUTHENTICATE)
_LEADER = (("hasleader", "true"),)  # a member that is cut off from the others fails, instead of waiting


class Member:
    """One endpoint with its channel and the callables of the methods."""

    def __init__(self, url: str, channel: grpc.Channel) -> None:
        self.url = url
        self.channel = channel
        self.calls = {
            method: channel.unary_unary(
                method.path,
                request_serializer=_serialize,
                response_deserializer=method.response.FromString,
            )
            for method in _METHODS
        }


def _serialize(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


class Client:
    """A connection to a cluster. Make it and use it inside trio; `close` it."""

    def __init__(self, cluster: Cluster) -> None:
        self.figures = Figures()
        self.problem: Problem | None = None  # of the newest call that failed, None after one that did not
        self.troubled = trio.Event()  # set with each problem
        self._cluster = cluster
        self._members = [Member(each.url, open_channel(each, cluster)) for each in endpoints_of(cluster)]
        self._current = 0
        self._token: str | None = None
        self._loop = trio.lowlevel.current_trio_token()
        self._arrived: deque[Callable[[], None]] = deque()
        self._closed = False

    @property
    def member(self) -> Member:
        """The endpoint in use."""
        return self._members[self._current]

    @property
    def urls(self) -> str:
        """The endpoints, for messages."""
        return ", ".join(self._cluster.urls)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        return _LEADER if self._token is None else (*_LEADER, ("token", self._token))

    def fail_over(self, failed: Member) -> None:
        """Use the next endpoint, unless that has been done since."""
        if self.member is failed:
            self._current = (self._current + 1) % len(self._members)

    def close(self) -> None:
        """Cut the connections; calls under way end with a problem that nobody hears of."""
        self._closed = True
        for member in self._members:
            member.channel.close()

    # -- calls

    def call_nowait(self, method: Method, request: Any, done: Done, *, seconds: float = SECONDS) -> Call:
        """Begin a call; `done` gets the response or the problem, later and in the event loop."""
        call = Call(self, method, request, done, seconds)
        call.send()
        return call

    async def call(self, method: Method, request: Any, *, seconds: float = SECONDS) -> Any:
        """Call and wait. Raises Problem."""
        answer: list[tuple[Any, Problem | None]] = []
        came = trio.Event()

        def done(response: Any, problem: Problem | None) -> None:
            answer.append((response, problem))
            came.set()

        call = self.call_nowait(method, request, done, seconds=seconds)
        try:
            await came.wait()
        except trio.Cancelled:
            call.cancel()
            raise
        response, problem = answer[0]
        if problem is not None:
            raise problem
        return response

    async def log_in(self) -> None:
        """Get a token for the user, if there is one. Raises Problem."""
        if self._cluster.user:
            request = rpc.AuthenticateRequest(name=self._cluster.user, password=self._cluster.password)
            self._token = (await self.call(AUTHENTICATE, request)).token

    def log_in_nowait(self, then: Callable[[Problem | None], None]) -> None:
        """Get a new token, and tell."""

        def done(response: Any, problem: Problem | None) -> None:
            if problem is None:
                self._token = response.token
            then(problem)

        request = rpc.AuthenticateRequest(name=self._cluster.user, password=self._cluster.password)
        self.call_nowait(AUTHENTICATE, request, done)

    @property
    def logs_in(self) -> bool:
        """Whether calls go with a token."""
        return bool(self._cluster.user)

    @property
    def tries(self) -> int:
        """How often a call is attempted."""
        return ATTEMPTS * len(self._members)

    # -- from grpcio's threads

    def run_in_loop(self, action: Callable[[], None]) -> None:
        """Run something in the event loop soon; from any thread."""
        self._arrived.append(action)
        with suppress(trio.RunFinishedError):
            self._loop.run_sync_soon(self._run_arrived, idempotent=True)

    def _run_arrived(self) -> None:
        arrived = self._arrived
        for _ in range(len(arrived)):
            arrived.popleft()()

    @property
    def closed(self) -> bool:
        """Whether nobody waits for answers any more."""
        return self._closed


class Call:
    """A call under way, over as many attempts as it takes."""

    __slots__ = (
        "_attempts",
        "_client",
        "_deadline",
        "_done",
        "_future",
        "_member",
        "_method",
        "_request",
        "_started",
    )

    def __init__(self, client: Client, method: Method, request: Any, done: Done, seconds: float) -> None:
        self._client = client
        self._method = method
        self._request = request
        self._done: Done | None = done
        self._started = perf_counter()
        self._deadline = self._started + seconds
        self._attempts = 0
        self._member = client.member
        self._future: Any = None  # a Call and a Future at once, which grpcio has no public name for

    def send(self) -> None:
        """Attempt it on the endpoint in use."""
        client = self._client
        if client.closed:
            self._done = None
            return
        self._attempts += 1
        self._member = client.member
        left = self._deadline - perf_counter()
        self._future = self._member.calls[self._method].future(
            self._request, timeout=max(left, 0.001), metadata=client.metadata()
        )
        self._future.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Let go of it; a write may happen all the same."""
        self._done = None
        if self._future is not None:
            self._future.cancel()

    def _ended(self, _future: object) -> None:  # in a thread of grpcio
        self._client.run_in_loop(self._settle)

    def _settle(self) -> None:
        future, client = self._future, self._client
        if self._done is None or future is None:
            return
        if future.code() is grpc.StatusCode.OK:
            client.problem = None
            client.figures.took(self._method.path, perf_counter() - self._started)
            self._done(future.result(), None)
            return
        problem = problem_of(future, self._member.url)
        client.problem = problem if problem.passing else None
        if problem.passing:
            client.troubled.set()
            client.fail_over(self._member)
        if problem.token_refused and client.logs_in and self._attempts == 1:
            client.log_in_nowait(self._logged_in)
        elif self._may_repeat(problem):
            self.send()
        else:
            client.figures.failed(self._method.path)
            self._done(None, problem)

    def _may_repeat(self, problem: Problem) -> bool:
        if self._attempts >= self._client.tries or perf_counter() >= self._deadline:
            return False
        return problem.passing and (self._method.repeatable or problem.without_effect)

    def _logged_in(self, problem: Problem | None) -> None:
        if self._done is None:
            return
        if problem is None:
            self.send()
        else:
            self._done(None, problem)
