"""Writes on their way to etcd and back.

How one passes through, and why so:

* One transaction a write, guarded by the key's mod_revision. When the guard does not hold, the same transaction reads what is there: the
  writer's `Conflict` carries it, and the next attempt builds on it without asking again.
* The transactions of one pass of the scheduler are built together when the connection is about to send (3 % less CPU a write: the
  code that builds them is in the caches but once).
* One write of a key is under way at a time; the next is held back until etcd has answered, and refused here when that answer already
  shows that its guard cannot hold. Of different keys up to IN_FLIGHT are under way: etcd's sync to disk is shared by all of them.
* A reply completes a write; it never makes an event. The writer is answered when the watch has brought the event and the subscribers
  have it, so what it reads next here includes what it wrote.
* What a write changes beside its key is guarded and written by the same transaction; who is refused for it is told which key it was.
* When nobody can tell whether a write was kept (the deadline, a lost connection) the writer is told so. It is not tried again: the first
  attempt may still land.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import count
from time import perf_counter

from watchcache.log import Beside, Conflict, Event, Head, JournalError, Stamp, Ticket
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import TXN, Client
from watchcache.persist.etcd.errors import Problem, journal_error
from watchcache.persist.etcd.leases import Leases
from watchcache.persist.etcd.state import Form, State

_MOD = rpc.Compare.MOD
IN_FLIGHT = 64  # transactions; 256 were no faster, 16 half as fast

TimeToLive = Callable[[str], float | None]


class Write:
    """One write: what is wanted, and how far it has come."""

    __slots__ = (
        "began",
        "beside",
        "expected",
        "key",
        "replaced",
        "revision",
        "seen",
        "stored",
        "ticket",
        "value",
    )

    def __init__(
        self,
        form: Form,
        key: str,
        value: bytes | None,
        expected: int | Ticket | None,
        beside: Sequence[Beside] = (),
    ) -> None:
        """Raises ValueError for a key that cannot be stored."""
        self.key = key
        self.value = value
        self.expected = expected
        self.beside = beside
        # What etcd is to hold of the key and of those beside it; made here, where a defect hits its own request.
        self.stored = [None if value is None else form.encode(key, value)]
        for other in beside:
            self.stored.append(None if other.value is None else form.encode(other.key, other.value))
        self.replaced: bytes | None = None  # what was known of the key when it was sent
        self.ticket = Ticket()
        self.began = 0.0
        self.revision = 0  # etcd has kept it at this revision
        self.seen: tuple[Event, ...] = ()  # of its key, delivered while it was under way


class Writes:
    """All writes of one server that are not answered yet."""

    def __init__(
        self, client: Client, state: State, form: Form, stamp: Stamp, *, leases: Leases, ttl: TimeToLive
    ) -> None:
        self.newest = 0  # the newest revision that any reply has shown
        self.refused = 0
        self._client = client
        self._state = state
        self._form = form
        self._stamp = stamp
        self._leases = leases
        self._ttl = ttl
        self._keys: dict[str, list[Write]] = {}  # the first of each is under way, or about to be
        self._ready: deque[Write] = deque()
        self._sent = 0
        self._kept: list[tuple[int, int, Write]] = []  # by revision: kept, and not delivered yet
        self._order = count()

    def __len__(self) -> int:
        return sum(map(len, self._keys.values())) + len(self._kept)

    def put(
        self,
        key: str,
        value: bytes | None,
        expected: int | Ticket | None,
        beside: Sequence[Beside] = (),
    ) -> Ticket:
        """Begin a write, or queue it behind another of its key."""
        write = Write(self._form, key, value, expected, beside)
        queue = self._keys.get(key)
        if queue is None:
            self._keys[key] = [write]
            self._ready.append(write)
            if len(self._ready) == 1:  # else it has been said, or as many as may be are under way
                self._client.member.before_writing(self._send_ready)
        else:
            queue.append(write)
        return write.ticket

    def abandon(self, error: Callable[[], JournalError]) -> None:
        """Nothing will be answered any more."""
        waiting = [write for queue in self._keys.values() for write in queue]
        waiting += [write for _, _, write in self._kept]
        self._keys.clear()
        self._ready.clear()
        self._kept.clear()
        for write in waiting:
            write.ticket.settle(error())

    # -- to etcd

    def _send_ready(self) -> None:
        while self._ready and self._sent < IN_FLIGHT:
            write = self._ready.popleft()
            self._sent += 1
            ttl = self._ttl(write.key) if write.value is not None else None
            if ttl is None:
                self._send(write, 0)
            else:
                self._leases.take(ttl, self._with_lease(write))

    def _with_lease(self, write: Write) -> Callable[[int, Problem | None], None]:
        def granted(lease: int, problem: Problem | None) -> None:
            if problem is None:
                self._send(write, lease)
            else:
                self._answered(write, None, problem)

        return granted

    def _send(self, write: Write, lease: int) -> None:
        write.began = perf_counter()
        if write.value is None:
            known = self._state.head(write.key)
            write.replaced = None if known is None else known.value
        self._client.call_nowait(TXN, self._transaction(write, lease), partial(self._answered, write))

    def _transaction(self, write: Write, lease: int) -> rpc.TxnRequest:
        key = self._state.raw(write.key)
        request = rpc.TxnRequest()
        assert not isinstance(write.expected, Ticket), "resolved when the write before it was answered"
        if write.expected is not None:
            _guard(request, key, write.expected)
        if write.value is None and not write.expected:
            # Deleting what is not there is a conflict. (With a revision it is one anyway; kine takes one guard only.)
            request.compare.add(
                result=rpc.Compare.GREATER, target=rpc.Compare.CREATE, key=key, create_revision=0
            )
        _set(request, key, write.stored[0], lease)
        for other, stored in zip(write.beside, write.stored[1:], strict=True):
            raw = self._state.raw(other.key)
            _guard(request, raw, other.expected)
            _set(request, raw, stored, 0)
        return request

    # -- from etcd

    def _answered(self, write: Write, response: rpc.TxnResponse | None, problem: Problem | None) -> None:
        self._sent -= 1
        well = response is not None and response.succeeded
        operation = "delete" if write.value is None else "create" if write.expected == 0 else "update"
        self._client.figures.operated(
            operation, self._form.place(write.key), perf_counter() - write.began, well=problem is None
        )
        if response is not None:
            self.newest = max(self.newest, response.header.revision)
        if well:
            assert response is not None
            self._note_kept(write, response.header.revision)
        elif response is not None:
            self._refuse(write, self._conflict(write, response))
        else:
            assert problem is not None
            self._refuse(write, journal_error(problem))
        self._next(write)
        self._send_ready()

    def _note_kept(self, write: Write, revision: int) -> None:
        write.revision = revision
        self._tell(write.key, revision, write.value)
        for other in write.beside:
            self._tell(other.key, revision, other.value)
        if revision <= self._state.revision:
            self._settle(write)
        else:
            heappush(self._kept, (revision, next(self._order), write))

    def _tell(self, key: str, revision: int, value: bytes | None) -> None:
        head = None if value is None else Head(revision, self._stamp(value, revision))
        self._state.tell(key, revision, head)

    def _conflict(self, write: Write, response: rpc.TxnResponse) -> Exception:
        """What the first guard that does not hold says; what was found is remembered for all of them."""
        assert not isinstance(write.expected, Ticket)
        guards = [(write.key, write.expected), *((other.key, other.expected) for other in write.beside)]
        problems: list[Exception] = []
        for (key, expected), answer in zip(guards, response.responses, strict=True):
            pairs = answer.range.kvs
            at = pairs[0].mod_revision if pairs else 0
            head, unreadable = self._found(key, pairs, response.header.revision)
            if unreadable is not None:
                problems.append(unreadable)
            elif at != expected and (expected is not None or not pairs):
                problems.append(Conflict(key, expected, head))
        return problems[0]

    def _found(
        self, key: str, pairs: Sequence[rpc.KeyValue], revision: int
    ) -> tuple[Head | None, JournalError | None]:
        """Remember what is there; the error is for what cannot be read."""
        if not pairs:
            self._state.tell(key, revision, None)
            return None, None
        found = self._state.read(pairs[0])
        if found is None:
            why = self._state.unreadable.get(key, "it is not ours")
            return None, JournalError(f"{key} cannot be written: {why}")
        head = found[1].head
        self._state.tell(key, head.revision, head)
        return head, None

    def _refuse(self, write: Write, error: Exception) -> None:
        self.refused += 1
        write.ticket.settle(error)

    def _next(self, done: Write) -> None:
        """Let the next write of the key go, as far as it can still succeed."""
        queue = self._keys.get(done.key)
        if queue is None:
            return
        del queue[0]
        while queue:
            write = queue[0]
            hopeless = self._hopeless(write, done)
            if hopeless is None:
                self._ready.append(write)
                return
            del queue[0]
            self._refuse(write, hopeless)
        del self._keys[done.key]

    def _hopeless(self, write: Write, done: Write) -> Exception | None:
        """Why a write that waited cannot succeed after the one before it; None when it may."""
        if isinstance(write.expected, Ticket):
            if write.expected is not done.ticket or not done.revision:
                return Conflict(write.key, None, self._state.head(write.key))
            write.expected = done.revision
            return None
        if not done.revision or write.expected is None:
            return None
        at = 0 if done.value is None else done.revision
        return (
            None if write.expected == at else Conflict(write.key, write.expected, self._state.head(write.key))
        )

    # -- delivered

    def seen(self, events: Sequence[Event]) -> None:
        """Note what the watch brings of keys that are being written; before the subscribers get it."""
        keys = self._keys
        if keys:
            for event in events:
                queue = keys.get(event.key)
                if queue is not None:
                    queue[0].seen += (event,)
        if self._kept:
            made = {(event.revision, event.key): event for event in events}
            for revision, _, write in self._kept:
                event_of = made.get((revision, write.key))
                if event_of is not None:
                    write.seen += (event_of,)

    def delivered(self) -> None:
        """Answer the writers whose events the subscribers have."""
        while self._kept and self._kept[0][0] <= self._state.revision:
            self._settle(heappop(self._kept)[2])

    def _settle(self, write: Write) -> None:
        for event in write.seen:
            if event.revision == write.revision:
                write.ticket.event = event
                break
        else:  # read over: a later state of the key was found when everything was read anew
            last = write.replaced if write.value is None else write.value
            value = b"" if last is None else self._stamp(last, write.revision)
            write.ticket.event = Event(
                write.revision, write.key, value, write.value is None, None, 0, time=0.0
            )
        write.ticket.settle()


def _guard(request: rpc.TxnRequest, key: bytes, revision: int) -> None:
    """Have the transaction fail unless the key was changed last at that revision (0: is not there)."""
    compare = request.compare.add()
    compare.target, compare.key, compare.mod_revision = _MOD, key, revision


def _set(request: rpc.TxnRequest, key: bytes, stored: bytes | None, lease: int) -> None:
    """Write or delete a key; when the guards do not hold, say what is there."""
    if stored is None:
        request.success.add().delete_range.key = key
    else:
        put = request.success.add().put
        put.key, put.value, put.lease = key, stored, lease
    request.failure.add().range.key = key
