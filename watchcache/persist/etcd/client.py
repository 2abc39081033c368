"""Calls to an etcd cluster.

One endpoint is used until it fails; then the next. A call is repeated there only when that cannot do it twice: a read always, a write when the
first attempt certainly had no effect. Every call has a deadline; where it can be repeated elsewhere, an attempt has half of what is left.
Files (certificates, the password) are read again when they have changed and a new connection or login needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.call import Stream
from watchcache.persist.etcd.codes import Code
from watchcache.persist.etcd.connection import Connection
from watchcache.persist.etcd.endpoints import Cluster, Endpoint, Tls, endpoints_of
from watchcache.persist.etcd.errors import EtcdUnusable, Problem
from watchcache.persist.etcd.figures import Figures
from watchcache.persist.etcd.frames import header_block
from watchcache.persist.etcd.identity import Identity

Done = Callable[[Any, Problem | None], None]

SECONDS = 10.0  # etcd gives up on a proposal after some 7 s; what has not come then will not come
SHORTEST = 1.0  # seconds, of an attempt that leaves time for another
ATTEMPTS = 2  # through all endpoints, before a call has failed


class Method(msgspec.Struct, frozen=True, eq=False):
    """A call of etcd's API. repeatable: doing it twice is the same as doing it once."""

    path: str
    response: Any
    repeatable: bool = True
    judges: bool = False  # an answer shows that etcd is well, and which


RANGE = Method("/etcdserverpb.KV/Range", rpc.RangeResponse, judges=True)
TXN = Method("/etcdserverpb.KV/Txn", rpc.TxnResponse, repeatable=False, judges=True)
COMPACT = Method("/etcdserverpb.KV/Compact", rpc.CompactionResponse)
GRANT = Method("/etcdserverpb.Lease/LeaseGrant", rpc.LeaseGrantResponse)
STATUS = Method("/etcdserverpb.Maintenance/Status", rpc.StatusResponse)
AUTHENTICATE = Method("/etcdserverpb.Auth/Authenticate", rpc.AuthenticateResponse)
HEADS = 32  # header blocks of requests that are kept


class Member:
    """One endpoint, with the connection to it while there is one."""

    def __init__(self, endpoint: Endpoint, tls: Tls) -> None:
        self.url = endpoint.url
        self._endpoint = endpoint
        self._tls = tls
        self._connection: Connection | None = None
        self._heads: dict[tuple[str, str | None], bytes] = {}

    def start(
        self, path: str, token: str | None, message: bytes, stream: Stream, *, last: bool
    ) -> Connection:
        """Begin a call, on a new connection if there is none; the connection that it is on."""
        connection = self._connection
        if connection is None:
            context = self._tls.context() if self._endpoint.tls else None
            connection = self._connection = Connection(self._endpoint, context, self._ended)
        head = self._heads.get((path, token))
        if head is None:
            if len(self._heads) > HEADS:
                self._heads.clear()  # of tokens that are over
            head = self._heads[path, token] = self._head(path, token)
        connection.start(head, message, stream, last=last)
        return connection

    def before_writing(self, callback: Callable[[], None]) -> None:
        """Call this when the connection is about to write; at once where there is none."""
        if self._connection is None:
            callback()
        else:
            self._connection.before_writing(callback)

    def close(self) -> None:
        """Cut the connection."""
        if self._connection is not None:
            self._connection.close()

    def _ended(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None

    def _head(self, path: str, token: str | None) -> bytes:
        headers = [
            (":method", "POST"),
            (":scheme", "https" if self._endpoint.tls else "http"),
            (":path", path),
            (":authority", self._endpoint.authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "watchcache"),
            # A member that is cut off from the others fails, instead of waiting.
            ("hasleader", "true"),
        ]
        if token is not None:
            headers.append(("token", token))
        return header_block(headers)


class Client:
    """A connection to a cluster. Make it and use it inside trio; `close` it."""

    def __init__(self, cluster: Cluster, figures: Figures | None = None) -> None:
        self.figures = figures or Figures()
        self.identity = Identity()
        self.problem: Problem | None = None  # of the newest call that failed, None after one that did not
        self.troubled = trio.Event()  # set with each problem
        self._cluster = cluster
        endpoints = endpoints_of(cluster)
        tls = Tls(cluster)
        if any(each.tls for each in endpoints):
            tls.context()
        self._members = [Member(each, tls) for each in endpoints]
        self._logging_in: list[Callable[[Problem | None], None]] = []
        self._current = 0
        self.token: str | None = None  # of the login
        self._closed = False

    @property
    def member(self) -> Member:
        """The endpoint in use."""
        return self._members[self._current]

    @property
    def urls(self) -> str:
        """The endpoints, for messages."""
        return ", ".join(self._cluster.urls)

    def fail_over(self, failed: Member) -> None:
        """Use the next endpoint, unless that has been done since."""
        if self.member is failed:
            self._current = (self._current + 1) % len(self._members)

    def close(self) -> None:
        """Cut the connections; calls under way end with a problem that nobody hears of."""
        self._closed = True
        for member in self._members:
            member.close()

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
        if self.logs_in:
            self.token = (await self.call(AUTHENTICATE, self._login())).token

    def log_in_nowait(self, then: Callable[[Problem | None], None]) -> None:
        """Get a new token, one for all that need it (etcd takes a tenth of a second for a password), and tell."""
        self._logging_in.append(then)
        if len(self._logging_in) > 1:
            return

        def done(response: Any, problem: Problem | None) -> None:
            if problem is None:
                self.token = response.token
            waiting, self._logging_in = self._logging_in, []
            for each in waiting:
                each(problem)

        try:
            request = self._login()
        except Problem as problem:
            done(None, problem)
        else:
            self.call_nowait(AUTHENTICATE, request, done)

    def _login(self) -> rpc.AuthenticateRequest:
        try:
            user, password = self._cluster.login()
        except EtcdUnusable as problem:
            raise Problem(Code.UNAUTHENTICATED, str(problem), self.member.url) from None
        return rpc.AuthenticateRequest(name=user, password=password)

    @property
    def logs_in(self) -> bool:
        """Whether calls go with a token."""
        return self._cluster.logs_in

    @property
    def others(self) -> int:
        """How many members there are; so often an attempt leaves time for the next."""
        return len(self._members)

    @property
    def tries(self) -> int:
        """How often a call is attempted."""
        return ATTEMPTS * len(self._members)

    @property
    def closed(self) -> bool:
        """Whether nobody waits for answers any more."""
        return self._closed


class Call:
    """A call under way, over as many attempts as it takes."""

    __slots__ = (
        "_answer",
        "_attempts",
        "_client",
        "_connection",
        "_deadline",
        "_done",
        "_floor",
        "_member",
        "_method",
        "_request",
        "_started",
        "_stream",
        "_token",
    )

    def __init__(self, client: Client, method: Method, request: Any, done: Done, seconds: float) -> None:
        self._client = client
        self._method = method
        self._request: bytes = request.SerializeToString()
        self._done: Done | None = done
        self._started = trio.current_time()
        self._deadline = self._started + seconds
        self._floor = client.identity.floor()
        self._attempts = 0
        self._member = client.member
        self._answer: bytes | None = None
        self._stream: Stream | None = None
        self._connection: Connection | None = None
        self._token: str | None = None

    def send(self) -> None:
        """Attempt it on the endpoint in use."""
        client = self._client
        if client.closed:
            self._done = None
            return
        self._attempts += 1
        self._member = client.member
        self._token = None if self._method is AUTHENTICATE else client.token
        self._stream = stream = Stream(self._answered, self._ended, self._until())
        self._connection = self._member.start(
            self._method.path, self._token, self._request, stream, last=True
        )

    def _until(self) -> float:
        """When this attempt has failed: the last one at the deadline."""
        if not self._method.repeatable or self._attempts >= self._client.others:
            return self._deadline
        left = self._deadline - trio.current_time()
        return min(self._deadline, trio.current_time() + max(SHORTEST, left / 2))

    def cancel(self) -> None:
        """Let go of it; a write may happen all the same."""
        self._done = None
        if self._connection is not None and self._stream is not None:
            self._connection.cancel(self._stream)

    def _answered(self, message: bytes) -> None:
        self._answer = message

    def _ended(self, code: Code, text: str, not_sent: bool) -> None:
        client = self._client
        self._stream = None  # it refers to this: as a cycle the two would wait for the collector
        if self._done is None:
            return
        if code is Code.OK and self._answer is not None:
            self._succeeded(self._answer)
            return
        problem = Problem(code, text, self._member.url, not_sent=not_sent)
        renewable = problem.token_refused and client.logs_in and self._attempts == 1
        if not renewable:
            self._note(problem)
        if renewable and client.token != self._token:
            self.send()  # another call has got a new one meanwhile
        elif renewable:
            client.log_in_nowait(self._logged_in)
        elif self._may_repeat(problem):
            self.send()
        else:
            client.figures.failed(self._method.path)
            self._done(None, problem)

    def _succeeded(self, answer: bytes) -> None:
        client, method = self._client, self._method
        assert self._done is not None
        response = method.response.FromString(answer)
        client.figures.took(method.path, trio.current_time() - self._started)
        if method.judges:
            client.problem = None
            wrote = method is TXN and response.succeeded
            if why := client.identity.check(response.header, self._floor, wrote=wrote):
                self._done(None, Problem(Code.UNAVAILABLE, why, self._member.url))
                return
        self._done(response, None)

    def _note(self, problem: Problem) -> None:
        client = self._client
        if problem.passing or problem.refused:
            client.problem = problem
            client.troubled.set()
        elif self._method.judges:
            client.problem = None
        if problem.passing:
            client.fail_over(self._member)

    def _may_repeat(self, problem: Problem) -> bool:
        if self._attempts >= self._client.tries or trio.current_time() >= self._deadline:
            return False
        return problem.passing and (self._method.repeatable or problem.without_effect)

    def _logged_in(self, problem: Problem | None) -> None:
        if self._done is None:
            return
        if problem is None:
            self.send()
        else:
            self._client.figures.failed(self._method.path)
            self._done(None, problem)
