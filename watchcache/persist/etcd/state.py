"""What is stored under the prefix, as built from etcd's watch alone. Pure.

The rules that hold here:

* `apply` is the only way by which the published state moves, in the order of etcd's revisions. Replies to writes never touch it: pipelined
  writes do not commit in the order in which they were sent.
* What a reply has told of a key before the watch brings it (our write was kept; a conflict showed what is there) is remembered beside
  the state, for `head` only: the next writer of that key builds on it.
* etcd says with each key how many writes have made it (`version`). A first write of a key that is here, or a later one of a key that
  is not, means that something was missed; then `Missed` is raised, and everything is read anew.
* Reading anew (`replace`) gives the events that lead from the state that was to the state that is. Changes in between are left out, so
  nobody may resume from a revision between the two.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from watchcache.log import Event, Head, Stamp
from watchcache.persist.etcd import rpc_pb2 as rpc

_logger = logging.getLogger(__name__)
REMEMBERED = 10_000  # what replies have told, before what is outdated is looked for and dropped


class Form(Protocol):
    """How values look in etcd; the server hands in Kubernetes' form."""

    def encode(self, key: str, value: bytes) -> bytes:
        """What is stored for a value."""
        ...

    def decode(self, key: str, stored: bytes, revision: int) -> bytes | None:
        """The value, stamped; None for a key that is not ours to serve. Raises ValueError when it cannot be read."""
        ...

    def place(self, key: str) -> str:
        """The part of a key that names its resource, for figures."""
        ...


class Missed(Exception):
    """The watch has left something out."""


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A key as it was read: the revision that made it, the one that wrote it, and the stamped value."""

    created: int
    head: Head


class State:
    """Heads of all keys under a prefix, at `revision`."""

    def __init__(self, form: Form, stamp: Stamp, prefix: bytes, clock: Callable[[], float]) -> None:
        self.revision = 0
        self.unreadable: dict[str, str] = {}  # key -> why
        self.foreign: Counter[str] = Counter()  # of what was read, by place: keys that are not ours
        self._form = form
        self._stamp = stamp
        self._prefix = prefix
        self._clock = clock
        self._heads: dict[str, Head] = {}
        self._told: dict[str, tuple[int, Head | None]] = {}
        self._sorted: list[str] | None = None

    def __len__(self) -> int:
        return len(self._heads)

    # -- reading

    def head(self, key: str) -> Head | None:
        """The newest state of a key that is known."""
        told = self._told.get(key)
        if told is not None:
            if told[0] > self.revision:
                return told[1]
            del self._told[key]
        return self._heads.get(key)

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """The published keys that start with a prefix, sorted, with their heads."""
        if self._sorted is None:
            keys = sorted(key for key in self._heads if key.startswith(prefix))
        else:
            start = bisect_left(self._sorted, prefix)
            keys = self._sorted[start : bisect_left(self._sorted, prefix + "\U0010ffff", start)]
        for key in keys:
            head = self._heads.get(key)
            if head is not None:
                yield key, head

    def copy(self) -> dict[str, Head]:
        """The published state as it is now."""
        return self._heads.copy()

    def key_of(self, raw: bytes) -> str | None:
        """A key of ours as text; None when it is not UTF-8, which no key of an API server is."""
        try:
            return raw[len(self._prefix) :].decode()
        except UnicodeDecodeError:
            return None

    def place(self, key: str) -> str:
        """The part of a key that names its resource, "" for none of ours."""
        return self._form.place(key)

    def raw(self, key: str) -> bytes:
        """A key as etcd has it."""
        return self._prefix + key.encode()

    def read(self, pair: rpc.KeyValue) -> tuple[str, Stored] | None:
        """A pair of a range. None for what is not ours, or cannot be read, which is then in `unreadable`."""
        key = self.key_of(pair.key)
        if key is None:
            return None
        value = self._decode(key, pair)
        if value is None:
            if key not in self.unreadable:
                self.foreign["/".join(key.split("/")[:-1][:2]) or key] += 1
            return None
        return key, Stored(pair.create_revision, Head(pair.mod_revision, value))

    def _decode(self, key: str, pair: rpc.KeyValue) -> bytes | None:
        try:
            value = self._form.decode(key, pair.value, pair.mod_revision)
        except ValueError as problem:
            self.unreadable[key] = str(problem)
            return None
        self.unreadable.pop(key, None)
        return value

    # -- moving on

    def tell(self, key: str, revision: int, head: Head | None) -> None:
        """Remember what a reply has shown of a key: its state at a revision that the watch may not have reached."""
        if revision > max(self.revision, self._told.get(key, (0, None))[0]):
            self._told[key] = revision, head
            if len(self._told) > REMEMBERED:
                self._told = {key: told for key, told in self._told.items() if told[0] > self.revision}

    def advance(self, revision: int) -> None:
        """Everything up to a revision has been applied."""
        self.revision = max(self.revision, revision)

    def load(self, pairs: dict[str, Stored], revision: int) -> None:
        """Begin with a state."""
        self._heads = {key: stored.head for key, stored in pairs.items()}
        self._sorted = sorted(self._heads)
        self.revision = revision

    def apply(self, changes: Iterable[rpc.Event], events: list[Event]) -> None:
        """Take whole revisions of the watch, in order, and add the events that they are to a list.

        Raises Missed; the events added until then have been applied and are to be published.
        """
        now = self._clock()
        before = seen = self.revision
        try:
            for change in changes:
                pair = change.kv
                if pair.mod_revision <= before:
                    continue  # seen before the watch was resumed
                if pair.mod_revision < seen:
                    raise Missed(f"revision {pair.mod_revision} came after {seen}")
                key = self.key_of(pair.key)
                event = None if key is None else self._event(key, change, now)
                seen = pair.mod_revision
                if event is not None:
                    events.append(event)
        finally:
            self.revision = seen

    def _event(self, key: str, change: rpc.Event, now: float) -> Event | None:
        pair = change.kv
        revision = pair.mod_revision
        if change.type == rpc.Event.DELETE:
            self.unreadable.pop(key, None)
            return self._removal(key, revision, now)
        was_unreadable = key in self.unreadable
        value = self._decode(key, pair)
        if value is None:
            if key in self.unreadable:
                _logger.error("%s is left out: %s", key, self.unreadable[key])
                return self._removal(key, revision, now)
            return None
        before = self._heads.get(key)
        if (before is None) != _is_first(pair) and not was_unreadable:
            raise Missed(f"{key} is at version {pair.version} in revision {revision}")
        return self._writing(key, revision, value, now)

    def _writing(self, key: str, revision: int, value: bytes, now: float) -> Event:
        before = self._heads.get(key)
        self._heads[key] = Head(revision, value)
        self._forget(key, revision)
        if before is None:
            self._sorted = None
            return Event(revision, key, value, deleted=False, prev=None, prev_revision=0, time=now)
        return Event(
            revision, key, value, deleted=False, prev=before.value, prev_revision=before.revision, time=now
        )

    def _removal(self, key: str, revision: int, now: float) -> Event | None:
        before = self._heads.pop(key, None)
        self._forget(key, revision)
        if before is None:
            return None
        self._sorted = None
        last = self._stamp(before.value, revision)
        return Event(
            revision, key, last, deleted=True, prev=before.value, prev_revision=before.revision, time=now
        )

    def _forget(self, key: str, revision: int) -> None:
        told = self._told.get(key)
        if told is not None and told[0] <= revision:
            del self._told[key]

    def contradicts(self, pairs: dict[str, Stored]) -> bool:
        """Whether a state that was read anew cannot follow ours: a key is at an earlier write than it was."""
        return any(
            known is not None and stored.head.revision < known.revision
            for known, stored in ((self._heads.get(key), stored) for key, stored in pairs.items())
        )

    def replace(self, pairs: dict[str, Stored], revision: int) -> list[Event]:
        """Go over to a state that was read anew at a revision; the events that lead there, in the order of revisions.

        When exactly a key was deleted is not known: at the latest when it was made again, or when all was read.
        """
        steps: list[tuple[int, str, bytes | None]] = []
        for key, head in self._heads.items():
            stored = pairs.get(key)
            if stored is None:
                steps.append((revision, key, None))
            elif stored.created > head.revision:
                steps.append((stored.created - 1, key, None))
        for key, stored in pairs.items():
            known = self._heads.get(key)
            if known is None or known.revision < stored.head.revision:
                steps.append((stored.head.revision, key, stored.head.value))
        now = self._clock()
        steps.sort(key=lambda step: step[0])
        events = []
        for at, key, value in steps:
            made = self._removal(key, at, now) if value is None else self._writing(key, at, value, now)
            if made is not None:
                events.append(made)
        self._told.clear()
        self.revision = revision
        return events

    def check(self) -> None:
        """Assert what must hold between two steps."""
        assert all(0 < head.revision <= self.revision for head in self._heads.values())
        assert self._sorted is None or self._sorted == sorted(self._heads)


def _is_first(pair: rpc.KeyValue) -> bool:
    """Whether a write made the key. kine, which stands in for etcd on SQL, keeps no versions."""
    return pair.version == 1 if pair.version else pair.create_revision == pair.mod_revision
